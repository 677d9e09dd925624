//! Masking (RFC 6455 section 5.3): the same operation masks and unmasks.

/// XORs `payload` with `key` repeated, and turns `key` so that the next piece of the same frame goes on in phase.
pub(crate) fn apply(key: &mut [u8; 4], payload: &mut [u8]) {
    let [a, b, c, d] = *key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let len = payload.len();
    let (words, tail) = payload.as_chunks_mut();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
    *key = u32::from_le_bytes(*key).rotate_right(8 * (len % 4) as u32).to_le_bytes();
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
            let mut turned = key;
            let mut got = Vec::new();
            for mut piece in pieces {
                apply(&mut turned, &mut piece);
                got.extend(piece);
            }
            prop_assert_eq!(got, expect);
        }
    }
}
