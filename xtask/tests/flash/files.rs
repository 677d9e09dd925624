//! The files, read back and compared with the ELF that they were made of.

use sockeye_qemu::Flashed;

use crate::{boards, cortex_m, esp, hex, image, read, seen, stored, uf2};

#[test]
fn each_file_holds_what_the_elf_does() {
    for board in boards() {
        for app in ["echo", "sensor", "uplink"] {
            let stem = image(board, app);
            let elf = read(&stem, "elf");
            match board.flashed {
                Flashed::Uf2 { family, .. } => {
                    uf2::compare(&read(&stem, "uf2"), family, &stored(&elf));
                    cortex_m::check(board, &stored(&elf));
                }
                Flashed::ProbeRs { .. } => {
                    hex::compare(&read(&stem, "hex"), &read(&stem, "bin"), &stored(&elf));
                    cortex_m::check(board, &stored(&elf));
                }
                Flashed::Espflash { chip } => esp::compare(&read(&stem, "bin"), chip, &seen(&elf)),
            }
        }
    }
}
