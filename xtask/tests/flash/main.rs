//! `cargo xtask flash`: what it makes of a board's program, and whom it calls with what.
//!
//! `SOCKEYE_BOARDS` names the boards whose images are made and looked at, with a comma between; `all` is every one, and
//! without it one is enough that needs nothing else installed.

mod called;
mod cortex_m;
mod esp;
mod files;
mod hex;
mod uf2;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Endianness, Object, ObjectSection, SectionFlags, elf};
use sockeye_qemu::{BOARDS, Board};

/// Bytes by address.
type Memory = BTreeMap<u32, u8>;

fn boards() -> Vec<&'static Board> {
    match std::env::var("SOCKEYE_BOARDS").as_deref() {
        Ok("all") => BOARDS.iter().collect(),
        Ok(names) => names.split(',').map(|name| Board::named(name).expect("a board")).collect(),
        Err(_) => vec![Board::named("w5500-evb-pico").expect("a board")],
    }
}

/// `cargo xtask flash`, with these arguments and all that a radio and a program that dials need: without it there would be
/// little in the image but the words that it is missing. The calibration has the length of a real one.
fn flash(arguments: &[&str]) -> Command {
    let calibration = target().join("calibration.bin");
    fs::write(&calibration, [0x20; 742]).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("flash").args(arguments).env("WIFI_SSID", "a network").env("WIFI_PASSWORD", "a password");
    command.env("CYW43_NVRAM", calibration);
    let pin = format!("key:{}", "5e".repeat(32));
    command.env("UPLINK_URL", "wss://hub.example/rooms/lab").env("UPLINK_TOKEN", "a-token").env("UPLINK_PINS", pin);
    command
}

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Makes the files of a program, and tells where they are but for their endings.
fn image(board: &Board, app: &str) -> PathBuf {
    let (code, said) = output(&mut flash(&[board.name, app, "--image-only"]));
    assert_eq!(code, Some(0), "{said}");
    said.lines().filter(|line| line.contains(", RAM ")).for_each(|line| println!("{line}"));
    target().join("images").join(format!("{}-{app}", board.name))
}

/// The target directory, in which this test lies.
fn target() -> PathBuf {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.ancestors().nth(2).expect("target/PROFILE/xtask").to_owned()
}

fn read(stem: &Path, ending: &str) -> Vec<u8> {
    let file = format!("{}.{ending}", stem.display());
    fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What is to be stored, from the ELF's segments, at the addresses of the store.
fn stored(elf: &[u8]) -> Memory {
    let file = ElfFile32::<Endianness>::parse(elf).expect("an ELF of 32 bits");
    let endian = Endianness::Little;
    let mut memory = Memory::new();
    for header in file.elf_program_headers().iter().filter(|header| header.p_type(endian) == elf::PT_LOAD) {
        let bytes = header.data(endian, elf).expect("a segment within the file");
        memory.extend((header.p_paddr(endian)..).zip(bytes.iter().copied()));
    }
    assert_a_program(memory)
}

/// What the program finds when it starts, from the ELF's sections, at its own addresses.
fn seen(elf: &[u8]) -> Memory {
    let file = ElfFile32::<Endianness>::parse(elf).expect("an ELF of 32 bits");
    let mut memory = Memory::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, sh_type } = section.flags() else { panic!("flags of an ELF") };
        if sh_flags & elf::SHF_ALLOC == elf::SHF_ALLOC && sh_type != elf::SHT_NOBITS {
            let bytes = section.data().expect("a section within the file");
            memory.extend((section.address() as u32..).zip(bytes.iter().copied()));
        }
    }
    assert_a_program(memory)
}

fn assert_a_program(memory: Memory) -> Memory {
    assert!(memory.len() > 50_000, "a program is larger than {} bytes", memory.len());
    memory
}

/// A word of four bytes, the lowest first.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
