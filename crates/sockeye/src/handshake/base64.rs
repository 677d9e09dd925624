//! The two fixed base64 codings of the handshake: 16 bytes as 24 characters, 20 bytes as 28 (RFC 4648 section 4).

use super::chars::BASE64;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `M` must be the padded length of `N` bytes.
pub(super) fn encode<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    const { assert!(M == N.div_ceil(3) * 4) };
    let mut out = [b'='; M];
    // Each character stands for six bits, which lie in at most two bytes.
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    for (i, to) in out.iter_mut().enumerate().take((N * 8).div_ceil(6)) {
        let (at, bit) = (i * 6 / 8, i * 6 % 8);
        let two = u32::from(byte(at)) << 8 | u32::from(byte(at + 1));
        *to = ALPHABET[(two >> (10 - bit)) as usize % ALPHABET.len()];
    }
    out
}

/// `text`, if it is 16 bytes in base64 in its canonical form: of the last character only the upper two bits count,
/// and the others are zero.
pub(super) fn nonce(text: &[u8]) -> Option<&[u8; 24]> {
    let nonce: &[u8; 24] = text.as_array()?;
    let [chars @ .., last, b'=', b'='] = nonce else { return None };
    let is_valid = BASE64.all(chars) && matches!(last, b'A' | b'Q' | b'g' | b'w');
    is_valid.then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64 as OTHER;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_as_data_encoding_does(nonce: [u8; 16], digest: [u8; 20]) {
            let text: [u8; 24] = encode(&nonce);
            prop_assert_eq!(text.to_vec(), OTHER.encode(&nonce).into_bytes());
            let digest_text: [u8; 28] = encode(&digest);
            prop_assert_eq!(digest_text.to_vec(), OTHER.encode(&digest).into_bytes());
            prop_assert_eq!(super::nonce(&text), Some(&text));
        }

        #[test]
        fn takes_what_data_encoding_decodes(text in "[A-Za-z0-9+/]{21,22}[A-Za-z0-9+/=]{0,3}") {
            let expect = OTHER.decode(text.as_bytes()).is_ok_and(|bytes| bytes.len() == 16);
            prop_assert_eq!(nonce(text.as_bytes()).is_some(), expect);
        }
    }
}
