//! A peer of raw frames, which may do what no peer should.

use sockeye_tokio::proto::{Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A request that every server here accepts.
pub(crate) const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A frame as it was on the wire, unmasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub(crate) first: u8,
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

/// Takes a whole frame from the front of `bytes`.
pub(crate) fn take_frame(bytes: &mut Vec<u8>) -> Option<Frame> {
    let &[first, second, ..] = &bytes[..] else { return None };
    let (len, mut at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        len => (usize::from(len), 2),
    };
    let mut key = [0; 4];
    if second & 0x80 != 0 {
        key.copy_from_slice(bytes.get(at..at + 4)?);
        at += 4;
    }
    let payload = bytes.get(at..at + len)?.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    bytes.drain(..at + len);
    Some(Frame { first, payload })
}

/// The frames of a tape, which ends at a frame's end.
pub(crate) fn frames(mut tape: Vec<u8>) -> Vec<Frame> {
    let frames = std::iter::from_fn(|| take_frame(&mut tape)).collect();
    assert!(tape.is_empty(), "{} bytes of a frame that was cut", tape.len());
    frames
}

/// One side of a connection, by hand.
pub(crate) struct Raw<S> {
    pub(crate) io: S,
    bytes: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) fn new(io: S) -> Self {
        Raw { io, bytes: Vec::new() }
    }

    /// A client that was accepted.
    pub(crate) async fn client(io: S) -> Self {
        let mut raw = Raw::new(io);
        raw.send(REQUEST.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// A server that accepted, and sent `more` in the same segment.
    pub(crate) async fn server_with(io: S, more: &[u8]) -> Self {
        let mut raw = Raw::new(io);
        let request = raw.head().await;
        let (request, _) = Request::parse(request.as_bytes()).expect("a request").expect("a whole one");
        let mut out = vec![0; 512];
        let len = Response::accept(&request, None).expect("an upgrade").write(&mut out).expect("room");
        out.truncate(len);
        raw.send(&[&out, more].concat()).await;
        raw
    }

    pub(crate) async fn server(io: S) -> Self {
        Self::server_with(io, b"").await
    }

    /// The transport alone, after a request was accepted on it.
    pub(crate) async fn accepted(io: S) -> S {
        Self::server(io).await.io
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.expect("the transport takes it");
    }

    /// A request's or a response's head. The rest of the transport's bytes are kept.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                return String::from_utf8(self.bytes.drain(..at + 4).collect()).expect("a head is text");
            }
            assert!(self.fill().await, "it ended inside a head: {}", String::from_utf8_lossy(&self.bytes));
        }
    }

    /// The next frame; `None` at the end of the transport.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = take_frame(&mut self.bytes) {
                return Some(frame);
            }
            if !self.fill().await {
                assert!(self.bytes.is_empty(), "it ended inside a frame: {:?}", self.bytes);
                return None;
            }
        }
    }

    /// All that comes until the transport ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.bytes)
    }

    /// Whether more came, rather than the end of the transport.
    async fn fill(&mut self) -> bool {
        self.io.read_buf(&mut self.bytes).await.is_ok_and(|len| len > 0)
    }
}
