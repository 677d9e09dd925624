//! What a Cortex-M, and the boot ROM of Raspberry Pi's chips, look for in flash.

use sockeye_qemu::Board;

use crate::Memory;

const RAM: u32 = 0x2000_0000;

/// The bytes before the vector table on an RP2040.
const BOOT2: u32 = 0x100;

/// Fails unless the chip starts this.
pub(crate) fn check(board: &Board, memory: &Memory) {
    let (start, end) = board.flash_at[0];
    let (start, end) = (start as u32, end as u32);
    let rp2040 = board.package == "rp" && board.target.starts_with("thumbv6m");
    let table = if rp2040 { start + BOOT2 } else { start };
    let (stack, reset) = (word(memory, table), word(memory, table + 4));
    assert!((RAM..=RAM + board.ram as u32).contains(&stack), "the stack begins at {stack:#x}");
    assert_eq!(stack % 8, 0, "the stack begins at {stack:#x}");
    assert!(reset % 2 == 1 && (start..end).contains(&reset), "the reset vector is {reset:#x}");
    assert!(memory.contains_key(&(reset - 1)), "there is code where {reset:#x} points");
    if rp2040 {
        check_boot2(memory, start);
    } else if board.package == "rp" {
        check_block(memory, start);
    }
}

/// The boot ROM of the RP2040 starts it only if its sum is right (datasheet, section 2.8.1.3.1).
fn check_boot2(memory: &Memory, start: u32) {
    let sum = (start..start + BOOT2 - 4).fold(u32::MAX, |crc, address| {
        (0..8).fold(crc ^ u32::from(memory[&address]) << 24, |crc, _| {
            if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 }
        })
    });
    assert_eq!(word(memory, start + BOOT2 - 4), sum, "the sum of the second stage");
}

/// The boot ROM of the RP2350 looks for a block in the first 4 KiB, whose links lead back to it (datasheet, section
/// 5.9.5): embassy-rp's is alone.
fn check_block(memory: &Memory, start: u32) {
    let block = (start..start + 4096).step_by(4).find(|at| word(memory, *at) == 0xffff_ded3);
    let block = block.expect("a block in the first 4 KiB");
    // An executable for secure Arm on this chip (section 5.9.3.1).
    assert_eq!(word(memory, block + 4), 0x1021_0142, "its item");
    // The last item has the length of the others, in words.
    assert_eq!(word(memory, block + 8), 0x0000_01ff, "its last item");
    assert_eq!(word(memory, block + 12), 0, "its link, to itself");
    assert_eq!(word(memory, block + 16), 0xab12_3579, "its end");
}

fn word(memory: &Memory, address: u32) -> u32 {
    let byte = |at| *memory.get(&(address + at)).unwrap_or_else(|| panic!("nothing is stored at {address:#x}"));
    u32::from_le_bytes([0, 1, 2, 3].map(byte))
}
