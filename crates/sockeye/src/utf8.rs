//! UTF-8 that arrives in pieces (RFC 6455 section 8.1, RFC 3629): three bytes of state, and an invalid byte is
//! found in the piece where it lies.

use core::fmt;

use crate::mask::WORDS;

/// Checks a text that arrives in pieces, each at most once.
#[derive(Debug, Clone)]
pub struct Utf8 {
    /// How many bytes the character at hand still needs.
    need: u8,
    /// What the next of them must lie between: narrower after E0, ED, F0 and F4, so that overlong forms,
    /// surrogates and what lies above U+10FFFF fail at their second byte.
    low: u8,
    high: u8,
}

/// A byte that no UTF-8 text has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InvalidUtf8;

impl Utf8 {
    /// The start of a text.
    pub const fn new() -> Self {
        Utf8 { need: 0, low: 0x80, high: 0xbf }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// If a byte of it is invalid where it stands.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), InvalidUtf8> {
        // A copy can be in registers.
        let mut state = self.clone();
        while let [byte, rest @ ..] = bytes {
            #[cfg(feature = "simd")]
            if state.need == 0 && bytes.len() >= LONG {
                let rest = after_valid(bytes);
                if rest.len() < bytes.len() {
                    bytes = rest;
                    continue;
                }
            }
            bytes = if state.need > 0 || !byte.is_ascii() {
                state.step(*byte)?;
                rest
            } else if WORDS && bytes.len() >= PAIR {
                skip_ascii(bytes)
            } else {
                rest
            };
        }
        *self = state;
        Ok(())
    }

    /// Whether the text may end here, not inside a character.
    pub fn is_complete(&self) -> bool {
        self.need == 0
    }

    fn step(&mut self, byte: u8) -> Result<(), InvalidUtf8> {
        if self.need == 0 {
            (self.need, self.low, self.high) = match byte {
                0xc2..=0xdf => (1, 0x80, 0xbf),
                0xe0 => (2, 0xa0, 0xbf),
                0xed => (2, 0x80, 0x9f),
                0xe1..=0xef => (2, 0x80, 0xbf),
                0xf0 => (3, 0x90, 0xbf),
                0xf1..=0xf3 => (3, 0x80, 0xbf),
                0xf4 => (3, 0x80, 0x8f),
                _ => return Err(InvalidUtf8),
            };
        } else if byte < self.low || byte > self.high {
            return Err(InvalidUtf8);
        } else {
            (self.need, self.low, self.high) = (self.need - 1, 0x80, 0xbf);
        }
        Ok(())
    }
}

/// From here on wide registers are worth it.
#[cfg(feature = "simd")]
const LONG: usize = 64;

/// What comes after the valid text at the front: a character that is cut off at the end, or what is wrong.
#[cfg(feature = "simd")]
fn after_valid(bytes: &[u8]) -> &[u8] {
    match simdutf8::compat::from_utf8(bytes) {
        Ok(_) => &[],
        Err(error) => bytes.get(error.valid_up_to()..).unwrap_or_default(),
    }
}

/// Checks a text that is there whole.
#[inline]
pub(crate) fn validate(bytes: &[u8]) -> Result<(), InvalidUtf8> {
    let mut utf8 = Utf8::new();
    utf8.feed(bytes)?;
    if utf8.is_complete() { Ok(()) } else { Err(InvalidUtf8) }
}

/// Two words: a loop's own instructions are as many as those of one.
const PAIR: usize = 2 * size_of::<usize>();

/// What comes after the ASCII at the front, of which there is a byte, or a little before.
fn skip_ascii(bytes: &[u8]) -> &[u8] {
    const TOP_BITS: usize = usize::from_ne_bytes([0x80; size_of::<usize>()]);
    let (words, _) = bytes.as_chunks();
    let (pairs, _) = words.as_chunks();
    let mut skipped = 0;
    for [a, b] in pairs {
        if (usize::from_ne_bytes(*a) | usize::from_ne_bytes(*b)) & TOP_BITS != 0 {
            break;
        }
        skipped += PAIR;
    }
    bytes.get(skipped.max(1)..).unwrap_or_default()
}

impl Default for Utf8 {
    fn default() -> Self {
        Utf8::new()
    }
}

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not UTF-8")
    }
}

impl core::error::Error for InvalidUtf8 {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// What `core::str::from_utf8` says of a prefix: valid so far, and complete?
    fn reference(bytes: &[u8]) -> Option<bool> {
        match core::str::from_utf8(bytes) {
            Ok(_) => Some(true),
            Err(error) if error.error_len().is_none() => Some(false),
            Err(_) => None,
        }
    }

    fn check(bytes: &[u8]) {
        let mut whole = Utf8::new();
        let got = whole.feed(bytes).ok().map(|()| whole.is_complete());
        assert_eq!(got, reference(bytes), "{bytes:x?}");
        let mut single = Utf8::new();
        let failed = bytes.iter().position(|byte| single.feed(&[*byte]).is_err());
        let expect = (0..bytes.len()).find(|&at| reference(&bytes[..=at]).is_none());
        assert_eq!(failed, expect, "{bytes:x?} fails at another byte");
    }

    #[test]
    fn every_sequence_of_up_to_three_bytes_and_every_edge_of_four() {
        for a in 0..=255 {
            check(&[a]);
            for b in 0..=255 {
                check(&[a, b]);
                if a >= 0xe0 {
                    for c in [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff] {
                        check(&[a, b, c]);
                        for d in [0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff] {
                            check(&[a, b, c, d]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn long_texts_are_checked_to_the_byte() {
        for text in ["ascii only ", "кириллица ", "中文字符", "😀😁 mixed é"] {
            let long = text.repeat(20).into_bytes();
            check(&long);
            for cut in long.len() - 5..long.len() {
                check(&long[..cut]);
            }
            for at in (0..long.len()).step_by(7) {
                for byte in [0x00, 0x80, 0xc0, 0xed, 0xff] {
                    let mut broken = long.clone();
                    broken[at] = byte;
                    check(&broken);
                }
            }
        }
    }

    #[test]
    fn words_are_skipped_only_between_characters_and_only_if_they_are_ascii() {
        for start in [&b""[..], &[0xc3], &[0xe2], &[0xe2, 0x82], &[0xf0, 0x9f, 0x90]] {
            for word in [[b'a'; 16], [0x80; 16], [0xbf; 16], [0xff; 16]] {
                check(&[start, &word].concat());
                check(&[&b"ascii before it, "[..], start, &word].concat());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            check(&bytes);
        }

        #[test]
        fn a_broken_byte_in_a_text(text: std::string::String, at: usize, byte: u8) {
            let mut bytes = text.into_bytes();
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            check(&bytes);
        }
    }
}
