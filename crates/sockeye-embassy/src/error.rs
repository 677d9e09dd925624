//! What ends a connection otherwise than by a close.

use core::convert::Infallible;
use core::fmt;

use sockeye::{CloseCode, ProtocolError, SendError};

/// Why a connection failed. Every later call fails too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error<E> {
    /// The peer broke a rule; it was told by a close frame.
    Protocol(ProtocolError),
    /// A message longer than the buffer for it; the peer was told by a close frame (1009).
    TooBig,
    /// What was asked for cannot be sent. Only this call failed, the connection goes on.
    Send(SendError),
    /// The peer's connection ended without a close frame (RFC 6455 section 7.1.5 calls it 1006), or inside the
    /// handshake.
    Lost,
    /// The handshake took longer than [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    HandshakeTimeout,
    /// The transport failed. Later calls say [`Lost`](Self::Lost).
    Io(E),
    /// The peer took nothing for [`Config::send_timeout`](crate::Config::send_timeout).
    SlowPeer,
    /// The peer sent nothing, not even a pong, for [`Config::pong_timeout`](crate::Config::pong_timeout) after a ping.
    PongTimeout,
    /// A message took longer than [`Config::message_timeout`](crate::Config::message_timeout).
    MessageTimeout,
    /// The peer did not answer our close frame within [`Config::close_timeout`](crate::Config::close_timeout).
    CloseTimeout,
    /// A send was dropped inside its frame: what came after it would be read as the rest of that frame.
    Aborted,
}

impl<E> Error<E> {
    /// The code of the close frame that the peer is told this with, if it can be told.
    pub fn close_code(&self) -> Option<CloseCode> {
        Some(match self {
            Error::Protocol(error) => error.close_code(),
            Error::TooBig => CloseCode::TOO_BIG,
            Error::MessageTimeout => CloseCode::POLICY,
            _ => return None,
        })
    }

    /// What is remembered of it.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Error::TooBig => Failure::TooBig,
            Error::HandshakeTimeout => Failure::HandshakeTimeout,
            Error::SlowPeer => Failure::SlowPeer,
            Error::PongTimeout => Failure::PongTimeout,
            Error::MessageTimeout => Failure::MessageTimeout,
            Error::CloseTimeout => Failure::CloseTimeout,
            Error::Aborted => Failure::Aborted,
            Error::Lost | Error::Io(_) | Error::Protocol(_) | Error::Send(_) => Failure::Lost,
        }
    }
}

/// What both halves remember of a failure: one byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    TooBig,
    Lost,
    HandshakeTimeout,
    SlowPeer,
    PongTimeout,
    MessageTimeout,
    CloseTimeout,
    Aborted,
}

impl Failure {
    /// The code of the close frame that the peer is told this with, if it can be told.
    pub(crate) fn close_code(self) -> Option<CloseCode> {
        Error::<Infallible>::from(self).close_code()
    }
}

impl<E> From<Failure> for Error<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooBig => Error::TooBig,
            Failure::Lost => Error::Lost,
            Failure::HandshakeTimeout => Error::HandshakeTimeout,
            Failure::SlowPeer => Error::SlowPeer,
            Failure::PongTimeout => Error::PongTimeout,
            Failure::MessageTimeout => Error::MessageTimeout,
            Failure::CloseTimeout => Error::CloseTimeout,
            Failure::Aborted => Error::Aborted,
        }
    }
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Protocol(error) => return error.fmt(f),
            Error::Send(error) => return error.fmt(f),
            Error::Io(error) => return write!(f, "the transport failed: {error:?}"),
            Error::TooBig => "the peer's message is longer than the buffer for it (1009)",
            Error::Lost => "the peer's connection ended without a close frame (1006)",
            Error::HandshakeTimeout => "the handshake took too long",
            Error::SlowPeer => "the peer takes nothing of what is sent to it",
            Error::PongTimeout => "the peer answered no ping in time",
            Error::MessageTimeout => "the peer did not end its message in time (1008)",
            Error::CloseTimeout => "the peer did not answer our close frame in time",
            Error::Aborted => "a send was dropped inside its frame",
        })
    }
}

impl<E: fmt::Debug> core::error::Error for Error<E> {}

impl<E> From<SendError> for Error<E> {
    fn from(error: SendError) -> Self {
        Error::Send(error)
    }
}
