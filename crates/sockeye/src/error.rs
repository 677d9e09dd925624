//! What can be wrong with what a peer sends, and with what the user asks to be sent.

use core::fmt;

use crate::close::CloseCode;
use crate::control::Reply;

/// A rule of RFC 6455 that the peer broke. The connection is failed: send [`reply`](Self::reply), then close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProtocolError {
    /// One of the bits RSV1 to RSV3 (here as 4, 2, 1) is set, and no extension gives it a meaning (section 5.2).
    ReservedBits(u8),
    /// An opcode that is none of 0, 1, 2, 8, 9, 10 (section 5.2).
    ReservedOpcode(u8),
    /// A client's frame without a mask (section 5.1).
    Unmasked,
    /// A server's frame with a mask (section 5.1).
    Masked,
    /// A length in more bytes than it needs (section 5.2).
    LengthNotMinimal,
    /// A 64-bit length with its top bit set (section 5.2).
    LengthTopBit,
    /// A control frame without FIN (section 5.5).
    FragmentedControl,
    /// A control frame of more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A continuation when there is no message to continue (section 5.4).
    UnexpectedContinuation,
    /// A new message before the last one ended (section 5.4).
    Interleaved,
    /// A text message that is not UTF-8 (section 8.1).
    InvalidUtf8,
    /// A close with a payload of one byte (section 5.5.1).
    CloseTooShort,
    /// A close with a code that must not be sent (section 7.4).
    CloseCode(u16),
    /// A close whose reason is not UTF-8 (section 5.5.1).
    CloseReason,
    /// A frame longer than [`Limits::frame`](crate::Limits::frame), in bytes.
    FrameTooBig(u64),
    /// A message that grows longer than [`Limits::message`](crate::Limits::message), in bytes.
    MessageTooBig(u64),
}

impl ProtocolError {
    /// The code of the close frame that the peer is owed: 1002, 1007 or 1009.
    pub fn close_code(&self) -> CloseCode {
        match self {
            ProtocolError::InvalidUtf8 | ProtocolError::CloseReason => CloseCode::INVALID_PAYLOAD,
            ProtocolError::FrameTooBig(_) | ProtocolError::MessageTooBig(_) => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The close frame that the peer is owed (section 7.1.7).
    pub fn reply(&self) -> Reply {
        Reply::close(self.close_code())
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ProtocolError::ReservedBits(bits) => write!(f, "peer set reserved bits {bits:#05b}"),
            ProtocolError::ReservedOpcode(opcode) => write!(f, "peer sent a reserved opcode {opcode:#x}"),
            ProtocolError::Unmasked => f.write_str("client sent a frame without a mask"),
            ProtocolError::Masked => f.write_str("server sent a frame with a mask"),
            ProtocolError::LengthNotMinimal => f.write_str("peer sent a length in more bytes than it needs"),
            ProtocolError::LengthTopBit => f.write_str("peer sent a 64-bit length with its top bit set"),
            ProtocolError::FragmentedControl => f.write_str("peer sent a control frame in fragments"),
            ProtocolError::ControlTooLong => f.write_str("peer sent a control frame of more than 125 bytes"),
            ProtocolError::UnexpectedContinuation => f.write_str("peer sent a continuation outside a message"),
            ProtocolError::Interleaved => f.write_str("peer began a message inside another"),
            ProtocolError::InvalidUtf8 => f.write_str("peer sent a text that is not UTF-8"),
            ProtocolError::CloseTooShort => f.write_str("peer sent a close of one byte"),
            ProtocolError::CloseCode(code) => write!(f, "peer sent a close with the forbidden code {code}"),
            ProtocolError::CloseReason => f.write_str("peer sent a close reason that is not UTF-8"),
            ProtocolError::FrameTooBig(len) => write!(f, "peer announced a frame of {len} bytes, over the limit"),
            ProtocolError::MessageTooBig(len) => write!(f, "peer announced a message of {len} bytes, over the limit"),
        }?;
        write!(f, " ({})", self.close_code().get())
    }
}

impl core::error::Error for ProtocolError {}

/// Why a frame was not sent: a mistake on this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// Nothing may follow our close frame (RFC 6455 section 5.5.1).
    Closed,
    /// A chunk of another kind than the message it would continue (section 5.4).
    KindChanged,
    /// A chunk of 2^63 bytes or more (section 5.2).
    TooLong,
    /// A ping, pong or close of more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A text that is not UTF-8 (section 5.6).
    InvalidUtf8,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Closed => "our close frame was sent, nothing may follow it",
            SendError::KindChanged => "the chunk has another kind than the message it continues",
            SendError::TooLong => "a frame holds less than 2^63 bytes",
            SendError::ControlTooLong => "a control frame holds at most 125 bytes (a close reason 123)",
            SendError::InvalidUtf8 => "the text is not UTF-8",
        })
    }
}

impl core::error::Error for SendError {}
