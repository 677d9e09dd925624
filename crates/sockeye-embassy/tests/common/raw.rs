//! Frames as bytes, so that a peer can do what no peer should.

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A request that every server here accepts.
pub(crate) const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The same with one header more.
pub(crate) fn request_with(header: &str) -> String {
    REQUEST.replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

/// A frame as it was on the wire, unmasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub(crate) first: u8,
    pub(crate) key: Option<[u8; 4]>,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Of a close: its code and its reason.
    pub(crate) fn close(&self) -> Option<(u16, &str)> {
        match &self.payload[..] {
            [a, b, reason @ ..] if self.first == CLOSE => {
                Some((u16::from_be_bytes([*a, *b]), str::from_utf8(reason).expect("a reason is UTF-8")))
            }
            _ => None,
        }
    }

    /// What it is, and what is in it.
    pub(crate) fn parts(&self) -> (u8, &[u8]) {
        (self.first, &self.payload)
    }
}

/// A server's frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    header(first, payload.len() as u64, 0).into_iter().chain(payload.iter().copied()).collect()
}

/// A client's frame.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = header(first, payload.len() as u64, 0x80);
    out.extend(key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// A header up to its mask.
pub(crate) fn header(first: u8, len: u64, mask_bit: u8) -> Vec<u8> {
    match len {
        0..126 => vec![first, mask_bit | len as u8],
        126..0x1_0000 => [&[first, mask_bit | 126][..], &(len as u16).to_be_bytes()].concat(),
        _ => [&[first, mask_bit | 127][..], &len.to_be_bytes()].concat(),
    }
}

/// The payload of a close.
pub(crate) fn closing(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// The first frame of `bytes`, and its length; `None` if it is not whole.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<(Frame, usize)> {
    let &[first, second, ..] = bytes else { return None };
    let (len, mut at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        len => (usize::from(len), 2),
    };
    let mut key: Option<[u8; 4]> = None;
    if second & 0x80 != 0 {
        key = bytes.get(at..at + 4)?.try_into().ok();
        at += 4;
    }
    let mask = key.unwrap_or_default();
    let payload = bytes.get(at..at + len)?.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    Some((Frame { first, key, payload }, at + len))
}

/// The whole frames of `bytes`, and how many bytes are left behind them.
pub(crate) fn whole_frames(mut bytes: &[u8]) -> (Vec<Frame>, usize) {
    let mut frames = Vec::new();
    while let Some((frame, len)) = first_frame(bytes) {
        frames.push(frame);
        bytes = &bytes[len..];
    }
    (frames, bytes.len())
}

/// The frames of bytes that end at a frame's end.
pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (frames, left) = whole_frames(bytes);
    assert_eq!(left, 0, "bytes of a frame that was cut");
    frames
}
