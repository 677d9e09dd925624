//! Control frames, which arrive whole, and the replies they are owed (RFC 6455 section 5.5).

use core::fmt;

use crate::close::CloseCode;
use crate::copy::{append, front};
use crate::error::ProtocolError;
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::utf8;

/// A ping. Its pong carries the same payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping(pub(crate) Control);

impl Ping {
    /// At most 125 bytes.
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// The pong that is owed.
    pub fn reply(self) -> Reply {
        Reply { opcode: Opcode::Pong, payload: self.0 }
    }
}

/// The peer's close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close(pub(crate) Control);

impl Close {
    /// The rules on code and reason (sections 5.5.1 and 7.4).
    pub(crate) fn check(payload: &[u8]) -> Result<(), ProtocolError> {
        match *payload {
            [] => Ok(()),
            [_] => Err(ProtocolError::CloseTooShort),
            [a, b, ref reason @ ..] => {
                let code = u16::from_be_bytes([a, b]);
                CloseCode::new(code).ok_or(ProtocolError::CloseCode(code))?;
                utf8::validate(reason).map_err(|_| ProtocolError::CloseReason)
            }
        }
    }

    /// The code, if there was one. Without, RFC 6455 section 7.1.5 calls it 1005.
    pub fn code(&self) -> Option<CloseCode> {
        match *self.0.payload() {
            [a, b, ..] => CloseCode::new(u16::from_be_bytes([a, b])),
            _ => None,
        }
    }

    /// The reason, at most 123 bytes; not meant for end users (section 7.1.6).
    pub fn reason(&self) -> &str {
        let reason = self.0.payload().get(2..).unwrap_or_default();
        core::str::from_utf8(reason).unwrap_or_default()
    }

    /// The close that is owed, with the same code and reason.
    pub fn reply(self) -> Reply {
        Reply { opcode: Opcode::Close, payload: self.0 }
    }
}

/// A control frame that an endpoint owes its peer: a pong or a close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Control,
}

impl Reply {
    /// A close with this code and no reason.
    pub fn close(code: CloseCode) -> Self {
        let mut payload = Control { len: 2, ..Control::new() };
        let [a, b, ..] = &mut payload.bytes;
        [*a, *b] = code.get().to_be_bytes();
        Reply { opcode: Opcode::Close, payload }
    }

    /// Whether it is a close, after which nothing may be sent.
    pub fn is_close(&self) -> bool {
        matches!(self.opcode, Opcode::Close)
    }
}

/// What is owed to the peer: one slot. The newest ping's pong (section 5.5.3), and a close in its place.
#[derive(Debug, Default)]
pub struct Replies(Option<Reply>);

impl Replies {
    /// Nothing owed.
    pub const fn new() -> Self {
        Replies(None)
    }

    /// Replaces what is owed, unless that is a close.
    pub fn push(&mut self, reply: Reply) {
        if !self.0.as_ref().is_some_and(Reply::is_close) {
            self.0 = Some(reply);
        }
    }

    /// Takes what is owed, to be sent now.
    pub fn pop(&mut self) -> Option<Reply> {
        self.0.take()
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// The payload of a control frame: at most 125 bytes, by value.
#[derive(Clone)]
pub struct Control {
    len: u8,
    bytes: [u8; MAX_CONTROL_PAYLOAD],
}

impl Control {
    pub(crate) const fn new() -> Self {
        Control { len: 0, bytes: [0; MAX_CONTROL_PAYLOAD] }
    }

    /// The bytes.
    pub fn payload(&self) -> &[u8] {
        front(&self.bytes, self.len.into())
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.len = append(&mut self.bytes, self.len.into(), bytes) as u8;
    }
}

impl PartialEq for Control {
    fn eq(&self, other: &Self) -> bool {
        self.payload() == other.payload()
    }
}

impl Eq for Control {}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.payload().fmt(f)
    }
}
