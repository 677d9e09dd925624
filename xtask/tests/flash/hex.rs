//! Intel HEX, and the binary that has the same.

use crate::Memory;

/// Fails unless both files have exactly the memory.
pub(crate) fn compare(hex: &[u8], binary: &[u8], memory: &Memory) {
    assert!(parse(std::str::from_utf8(hex).expect("text")) == *memory, "the HEX file differs from the ELF");
    let first = *memory.keys().next().expect("something is stored");
    for (address, byte) in (first..).zip(binary) {
        assert_eq!(*byte, memory.get(&address).copied().unwrap_or(0xff), "at {address:#x} of the binary");
    }
    let last = *memory.keys().next_back().expect("something is stored");
    assert_eq!(binary.len(), (last - first) as usize + 1);
}

fn parse(text: &str) -> Memory {
    let mut memory = Memory::new();
    let mut upper = 0;
    let mut lines = text.lines();
    for line in lines.by_ref() {
        let digits = line.strip_prefix(':').expect("a colon begins a record");
        let bytes: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).expect("two digits"))
            .collect();
        assert_eq!(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0, "the sum of {line}");
        let data = &bytes[4..bytes.len() - 1];
        assert_eq!(data.len(), usize::from(bytes[0]), "the length of {line}");
        let address = u32::from(u16::from_be_bytes([bytes[1], bytes[2]]));
        match bytes[3] {
            0 => {
                for (at, byte) in (address..).zip(data) {
                    assert!(at < 0x1_0000, "{line} goes beyond its 64 KiB");
                    assert_eq!(memory.insert(upper + at, *byte), None, "{:#x} comes twice", upper + at);
                }
            }
            4 => upper = u32::from(u16::from_be_bytes([data[0], data[1]])) << 16,
            1 => break,
            kind => panic!("a record of kind {kind}"),
        }
    }
    assert_eq!(lines.next(), None, "nothing comes behind the last record");
    memory
}
