//! Frames by hand (RFC 6455 section 5.2): nothing here is shared with what is tested.

/// The first byte of a text in one frame.
pub const TEXT: u8 = 0x81;
/// Of a binary message in one frame.
pub const BINARY: u8 = 0x82;
/// Of the first frame of a binary message in many.
pub const BINARY_BEGINS: u8 = 0x02;
/// Of a frame in the middle of a message.
pub const CONTINUES: u8 = 0x00;
/// Of the last frame of a message in many.
pub const ENDS: u8 = 0x80;
/// Of a close.
pub const CLOSE: u8 = 0x88;
/// Of a ping.
pub const PING: u8 = 0x89;
/// Of a pong.
pub const PONG: u8 = 0x8a;

/// The key of frames whose key does not matter.
pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    /// The key of a masked frame.
    pub mask: Option<[u8; 4]>,
    /// How many bytes told the length: 0 (it is in the second byte), 2 or 8.
    pub length_bytes: usize,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Of a close: its code, or 1005 for one without.
    pub fn close_code(&self) -> Option<u16> {
        match &self.payload[..] {
            _ if self.first != CLOSE => None,
            [] => Some(1005),
            [a, b, ..] => Some(u16::from_be_bytes([*a, *b])),
            [_] => Some(0),
        }
    }

    /// Its payload as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.payload).expect("a text is UTF-8")
    }
}

/// A client's frame.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = head(first, payload.len() as u64, Some(MASK));
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// A server's frame.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&head(first, payload.len() as u64, None)[..], payload].concat()
}

/// The payload of a close.
pub fn closing(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

/// A header with its length in as few bytes as it needs.
pub fn head(first: u8, len: u64, mask: Option<[u8; 4]>) -> Vec<u8> {
    let length_bytes = match len {
        0..126 => 0,
        126..0x1_0000 => 2,
        _ => 8,
    };
    head_of(first, len, length_bytes, mask)
}

/// A header with its length in so many bytes: 0, 2 or 8.
pub fn head_of(first: u8, len: u64, length_bytes: usize, mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut out = match length_bytes {
        0 => vec![first, bit | len as u8],
        2 => [&[first, bit | 126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[first, bit | 127][..], &len.to_be_bytes()].concat(),
    };
    out.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
    out
}

/// Takes a whole frame from the front of `bytes`, from `at` on, which moves behind it.
pub fn take(bytes: &[u8], at: &mut usize) -> Option<Frame> {
    let rest = &bytes[*at..];
    let &[first, second, ..] = rest else { return None };
    let (len, length_bytes) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?)), 2),
        127 => (u64::from_be_bytes(rest.get(2..10)?.try_into().ok()?), 8),
        len => (u64::from(len), 0),
    };
    let mut begin = 2 + length_bytes;
    let mut mask = None;
    if second & 0x80 != 0 {
        mask = Some(rest.get(begin..begin + 4)?.try_into().ok()?);
        begin += 4;
    }
    let end = begin + usize::try_from(len).ok()?;
    let key: [u8; 4] = mask.unwrap_or_default();
    let payload = rest.get(begin..end)?.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    *at += end;
    Some(Frame { first, mask, length_bytes, payload })
}
