//! The two fixed base64 codings of the handshake: 16 bytes as 24 characters, 20 bytes as 28 (RFC 4648 section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `M` must be the padded length of `N` bytes.
pub(super) fn encode<const N: usize, const M: usize>(bytes: &[u8; N]) -> [u8; M] {
    const { assert!(M == N.div_ceil(3) * 4) };
    let mut out = [b'='; M];
    for (three, four) in bytes.chunks(3).zip(out.chunks_mut(4)) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for (i, to) in four.iter_mut().take(three.len() + 1).enumerate() {
            *to = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
        }
    }
    out
}

/// The 16 bytes that 24 characters stand for, if they are base64 in its canonical form.
pub(super) fn decode(text: &[u8]) -> Option<[u8; 16]> {
    let [chars @ .., b'=', b'='] = text else { return None };
    if chars.len() != 22 {
        return None;
    }
    let mut out = [0; 16];
    let mut bytes = out.iter_mut();
    let (mut bits, mut held) = (0u32, 0u32);
    for char in chars {
        bits = bits << 6 | u32::from(sextet(*char)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            *bytes.next()? = (bits >> held) as u8;
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}

fn sextet(char: u8) -> Option<u8> {
    Some(match char {
        b'A'..=b'Z' => char - b'A',
        b'a'..=b'z' => char - b'a' + 26,
        b'0'..=b'9' => char - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_as_data_encoding_does(nonce: [u8; 16], digest: [u8; 20]) {
            let text: [u8; 24] = encode(&nonce);
            prop_assert_eq!(text.to_vec(), BASE64.encode(&nonce).into_bytes());
            let digest_text: [u8; 28] = encode(&digest);
            prop_assert_eq!(digest_text.to_vec(), BASE64.encode(&digest).into_bytes());
            prop_assert_eq!(decode(&text), Some(nonce));
        }

        #[test]
        fn decodes_what_data_encoding_decodes(text in "[A-Za-z0-9+/]{21,22}[A-Za-z0-9+/=]{0,3}") {
            let expect = BASE64.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == 16);
            prop_assert_eq!(decode(text.as_bytes()).map(|bytes| bytes.to_vec()), expect);
        }
    }
}
