//! Frames through a register of 32 bits, the first byte lowest.

use crate::register::Register;

/// Reads as many words, and keeps what has room in `into`.
pub(super) fn read(port: Register, words: usize, into: &mut [u8]) {
    let (room, _) = into.as_chunks_mut();
    let mut room = room.iter_mut();
    for _ in 0..words {
        let word = port.read().to_le_bytes();
        if let Some(bytes) = room.next() {
            *bytes = word;
        }
    }
}

/// Writes as many words of `from`.
pub(super) fn write(port: Register, words: usize, from: &[u8]) {
    let (from, _) = from.as_chunks();
    for bytes in from.iter().take(words) {
        port.write(u32::from_le_bytes(*bytes));
    }
}
