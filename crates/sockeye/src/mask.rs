//! Masking (RFC 6455 section 5.3): the same operation masks and unmasks.

/// Whether a word at any address is one load. RISC-V may take it byte by byte: there words only cost flash.
pub(crate) const WORDS: bool = cfg!(not(target_arch = "riscv32"));

/// A masking key, its first byte lowest.
pub(crate) type Key = u32;

/// Whether there are registers of many words.
const WIDE: bool = cfg!(target_pointer_width = "64");

/// XORs `payload` with `key` repeated, and turns `key` so that the next piece of the same frame goes on in phase.
#[inline(never)]
pub(crate) fn apply(key: &mut Key, payload: &mut [u8]) {
    let payload = if WIDE { apply_wide(*key, payload) } else { payload };
    let (words, tail) = if WORDS { payload.as_chunks_mut() } else { (&mut [][..], payload) };
    // Four at a time, since a loop's own instructions are as many as those of a word. Others have wider registers.
    let (fours, words) = if cfg!(target_arch = "arm") { words.as_chunks_mut() } else { (&mut [][..], words) };
    for [a, b, c, d] in fours {
        xor(a, *key);
        xor(b, *key);
        xor(c, *key);
        xor(d, *key);
    }
    for word in words {
        xor(word, *key);
    }
    for byte in tail {
        *byte ^= *key as u8;
        *key = key.rotate_right(8);
    }
}

/// The same for all but at most 7 bytes at the end, which are handed back: in blocks as long as the widest registers,
/// then as long as narrower ones.
fn apply_wide(key: Key, payload: &mut [u8]) -> &mut [u8] {
    let (blocks, rest) = payload.as_chunks_mut();
    apply_blocks::<64>(key, blocks);
    let (blocks, rest) = rest.as_chunks_mut();
    apply_blocks::<16>(key, blocks);
    let (blocks, rest) = rest.as_chunks_mut();
    apply_blocks::<8>(key, blocks);
    rest
}

fn apply_blocks<const BYTES: usize>(key: Key, blocks: &mut [[u8; BYTES]]) {
    for block in blocks {
        for word in block.as_chunks_mut().0 {
            xor(word, key);
        }
    }
}

fn xor(word: &mut [u8; 4], key: Key) {
    *word = (u32::from_le_bytes(*word) ^ key).to_le_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn pieces_equal_the_definition(key: [u8; 4], pieces: Vec<Vec<u8>>) {
            let plain: Vec<u8> = pieces.concat();
            let expect: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            let mut turned = Key::from_le_bytes(key);
            let mut got = Vec::new();
            for mut piece in pieces {
                apply(&mut turned, &mut piece);
                got.extend(piece);
            }
            prop_assert_eq!(got, expect);
        }
    }
}
