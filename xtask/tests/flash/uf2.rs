//! UF2, block by block. https://github.com/microsoft/uf2

use crate::{Memory, word};

/// Fails unless the file has each byte of the memory, and nothing but zeros beside.
pub(crate) fn compare(file: &[u8], family: u32, memory: &Memory) {
    assert_eq!(file.len() % 512, 0, "blocks of 512 bytes");
    let blocks = file.len() / 512;
    let mut found = Memory::new();
    for (number, block) in file.chunks(512).enumerate() {
        let head: Vec<u32> = (0..8).map(|at| word(block, at * 4)).collect();
        let address = head[3];
        let expected = [0x0a32_4655, 0x9e5d_5157, 0x2000, address, 256, number as u32, blocks as u32, family];
        assert_eq!(head, expected, "the head of block {number}");
        assert_eq!(word(block, 508), 0x0ab1_6f30, "the end of block {number}");
        assert_eq!(address % 256, 0, "block {number} is a page");
        for (address, byte) in (address..).zip(&block[32..32 + 256]) {
            assert_eq!(found.insert(address, *byte), None, "{address:#x} comes twice");
        }
    }
    for (address, byte) in memory {
        assert_eq!(found.remove(address), Some(*byte), "at {address:#x}");
    }
    assert!(found.values().all(|byte| *byte == 0), "what is in no segment is zero");
}
