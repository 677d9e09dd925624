//! What ends a connection otherwise than by a close.

use std::{fmt, io};

use sockeye::{CloseCode, ProtocolError, SendError};

/// Why a connection failed. The same error comes at every later call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule; it was told by a close frame.
    Protocol(ProtocolError),
    /// What was asked for cannot be sent. Only this call failed, the connection goes on.
    Send(SendError),
    /// The peer's connection ended without a close frame (RFC 6455 section 7.1.5 calls it 1006).
    Lost,
    /// The transport failed.
    Io(io::ErrorKind),
    /// The peer took nothing for [`Config::send_timeout`](crate::Config::send_timeout), or did not make room for
    /// what was to be sent within it.
    SlowPeer,
    /// The peer answered no ping within [`Config::pong_timeout`](crate::Config::pong_timeout).
    PongTimeout,
    /// A message took longer than [`Config::message_timeout`](crate::Config::message_timeout).
    MessageTimeout,
    /// No message came for [`Config::idle_timeout`](crate::Config::idle_timeout).
    IdleTimeout,
    /// The peer did not answer our close frame within [`Config::close_timeout`](crate::Config::close_timeout).
    CloseTimeout,
    /// All connections together held more than the [`Budget`](crate::Budget) allows, and this one the most.
    OverBudget,
}

impl Error {
    /// The code of the close frame that the peer is told this with, if it can be told.
    pub fn close_code(&self) -> Option<CloseCode> {
        Some(match self {
            Error::Protocol(error) => error.close_code(),
            Error::MessageTimeout => CloseCode::POLICY,
            Error::IdleTimeout => CloseCode::GOING_AWAY,
            Error::OverBudget => CloseCode::TRY_AGAIN_LATER,
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Protocol(error) => error.fmt(f),
            Error::Send(error) => error.fmt(f),
            Error::Lost => f.write_str("the peer's connection ended without a close frame (1006)"),
            Error::Io(kind) => write!(f, "the transport failed: {kind}"),
            Error::SlowPeer => f.write_str("the peer takes too little of what is sent to it"),
            Error::PongTimeout => f.write_str("the peer answered no ping in time"),
            Error::MessageTimeout => f.write_str("the peer did not end its message in time (1008)"),
            Error::IdleTimeout => f.write_str("the peer sent no message for too long (1001)"),
            Error::CloseTimeout => f.write_str("the peer did not answer our close frame in time"),
            Error::OverBudget => {
                f.write_str("the budget for all connections is used up, and this one held most (1013)")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error.kind())
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Error::Send(error)
    }
}
