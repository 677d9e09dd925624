//! What a [`Receiver`](crate::Receiver) reports.

use crate::control::{Close, Control, Ping};
use crate::frame::Opcode;

/// What arrived: a piece of a message, or a whole control frame.
#[derive(Debug)]
pub enum Event<'b> {
    /// A piece of a text or binary message.
    Data(Chunk<'b>),
    /// A ping, which is owed a pong: [`Ping::reply`] (RFC 6455 section 5.5.2).
    Ping(Ping),
    /// A pong, asked for or not; nothing is owed (section 5.5.3).
    Pong(Control),
    /// The peer's close, which is owed a close: [`Close::reply`] (section 5.5.1). Nothing comes after it.
    Close(Close),
}

/// A piece of a message: unmasked, in place, possibly only a part of a frame.
///
/// It is empty only when it ends a message that has no more bytes.
#[derive(Debug)]
pub struct Chunk<'b> {
    /// Text or binary: the same for all chunks of a message.
    pub kind: Kind,
    /// The bytes, where they lay in the input. Of a text all bytes so far are valid UTF-8, but a character may
    /// be cut at the end of a chunk.
    pub payload: &'b mut [u8],
    /// Whether this chunk ends its message.
    pub last: bool,
}

/// The two kinds of message (RFC 6455 section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// Valid UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl Kind {
    pub(crate) fn opcode(self) -> Opcode {
        match self {
            Kind::Text => Opcode::Text,
            Kind::Binary => Opcode::Binary,
        }
    }
}
