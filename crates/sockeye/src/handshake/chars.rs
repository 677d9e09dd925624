//! Which characters may stand where: one table in which each rule costs a bit, since comparisons take more flash.

/// A set of ASCII characters.
#[derive(Clone, Copy)]
pub(super) struct Class(u8);

/// Of a token (RFC 9110 section 5.6.2).
pub(super) const TOKEN: Class = Class(1);
/// Of a host's name or IPv4 address, percent-encoded (RFC 3986 section 3.2.2).
pub(super) const NAME: Class = Class(1 << 1);
/// Of an IPv6 address.
pub(super) const ADDRESS: Class = Class(1 << 2);
/// Of a port.
pub(super) const DIGIT: Class = Class(1 << 3);
/// Of path and query, percent-encoded.
pub(super) const TARGET: Class = Class(1 << 4);
/// Of base64, but for its padding (RFC 4648 section 4).
pub(super) const BASE64: Class = Class(1 << 5);

impl Class {
    /// Whether the byte is of this class.
    pub(super) fn has(self, byte: u8) -> bool {
        CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & self.0 != 0)
    }

    /// Whether there is a byte, and all are of this class.
    #[inline(never)]
    pub(super) fn all(self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && bytes.iter().all(|&byte| self.has(byte))
    }
}

/// Of each ASCII character the classes that it is in.
static CLASSES: [u8; 128] = classes();

const fn classes() -> [u8; 128] {
    let mut classes = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let alphanumeric = byte.is_ascii_alphanumeric();
        // In the order of the classes' bits.
        let in_class = [
            alphanumeric
                || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'),
            alphanumeric || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%'),
            byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'),
            byte.is_ascii_digit(),
            byte.is_ascii_graphic() && byte != b'#',
            alphanumeric || matches!(byte, b'+' | b'/'),
        ];
        let mut bit = 0;
        while bit < in_class.len() {
            classes[byte as usize] |= (in_class[bit] as u8) << bit;
            bit += 1;
        }
        byte += 1;
    }
    classes
}
