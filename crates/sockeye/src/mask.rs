//! Masking (RFC 6455 section 5.3): the same operation masks and unmasks.

/// A masking key: its four bytes in their order in memory.
pub(crate) type Key = u32;

/// XORs `payload` with `key` repeated, and turns `key` so that the next piece of the same frame goes on in phase.
pub(crate) fn apply(key: &mut Key, payload: &mut [u8]) {
    let turn = 8 * (payload.len() % 4) as u32;
    let (words, tail) = payload.as_chunks_mut();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ *key).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key.to_ne_bytes()) {
        *byte ^= key;
    }
    *key = u32::from_ne_bytes(u32::from_le_bytes(key.to_ne_bytes()).rotate_right(turn).to_le_bytes());
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
            let mut turned = Key::from_ne_bytes(key);
            let mut got = Vec::new();
            for mut piece in pieces {
                apply(&mut turned, &mut piece);
                got.extend(piece);
            }
            prop_assert_eq!(got, expect);
        }
    }
}
