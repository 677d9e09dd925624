//! An ESP32's flash: a bootloader, a table of partitions, and the program as an image of the format that both loaders read.
//! https://docs.espressif.com/projects/esptool/en/latest/esp32c3/advanced-topics/firmware-image-format.html

use crate::{Memory, word};

const TABLE: usize = 0x8000;
/// The program's description, whose hash of the ELF espflash fills in: where it is, and what it is then.
const DESCRIPTION: u32 = 0xabcd_5432;
const ELF_HASH: std::ops::Range<u32> = 144..176;

/// Fails unless both images in the file are right and the program's has each byte of the memory.
pub(crate) fn compare(file: &[u8], chip: &str, memory: &Memory) {
    let chip = match chip {
        "esp32c3" => 5,
        "esp32c6" => 13,
        other => panic!("the number of {other} is not known here"),
    };
    segments(file, chip);
    let program = program(file);
    let found = segments(&file[program..], chip);
    let description = memory.keys().find(|at| at.is_multiple_of(4) && at_word(memory, **at) == Some(DESCRIPTION));
    let description = *description.expect("the program is described");
    for (address, byte) in memory {
        if !ELF_HASH.contains(&address.wrapping_sub(description)) {
            assert_eq!(found.get(address), Some(byte), "at {address:#x}");
        }
    }
}

/// Where the first partition with a program begins.
fn program(file: &[u8]) -> usize {
    let entries = file[TABLE..TABLE + 0xc00].chunks(32).take_while(|entry| entry[..2] == [0xaa, 0x50]);
    let program = entries.into_iter().find(|entry| entry[2] == 0).expect("a partition with a program");
    word(program, 4) as usize
}

/// The segments of an image; its head, its sum and its length are looked at.
fn segments(image: &[u8], chip: u16) -> Memory {
    assert_eq!(image[0], 0xe9, "the magic of an image");
    assert_eq!(u16::from_le_bytes([image[12], image[13]]), chip, "the chip's number");
    let mut memory = Memory::new();
    let (mut at, mut sum) = (24, 0xef);
    for _ in 0..image[1] {
        let (address, len) = (word(image, at), word(image, at + 4) as usize);
        let data = &image[at + 8..at + 8 + len];
        sum = data.iter().fold(sum, |sum, byte| sum ^ byte);
        memory.extend((address..).zip(data.iter().copied()));
        at += 8 + len;
    }
    // The sum is the last byte of 16.
    assert_eq!(image[at | 15], sum, "the sum of all segments");
    memory
}

fn at_word(memory: &Memory, address: u32) -> Option<u32> {
    let mut bytes = [0; 4];
    for (at, byte) in (address..).zip(&mut bytes) {
        *byte = *memory.get(&at)?;
    }
    Some(u32::from_le_bytes(bytes))
}
