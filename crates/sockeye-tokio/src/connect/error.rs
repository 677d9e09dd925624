//! Why a client has no connection.

use std::time::Duration;
use std::{fmt, io};

use sockeye::handshake::{OfferError, UriError, WriteError, reason_phrase};
use tokio::time::error::Elapsed;

use crate::incoming::AcceptError;

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URI is none that a WebSocket client can connect to.
    Uri(UriError),
    /// `wss://` needs feature `tls`, which this build does not have; or bring a TLS stream to
    /// [`connect_over`](crate::connect_over).
    NoTls,
    /// TLS was not agreed on, or the server is not who it should be.
    Tls(io::Error),
    /// The proxy makes no tunnel to the server.
    Proxy {
        /// Its HTTP status.
        status: u16,
    },
    /// The name could not be looked up, no address could be connected to, or the transport failed.
    Io(io::Error),
    /// It took longer than [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    Timeout,
    /// The server closed the transport before its answer was whole.
    Lost,
    /// The server's answer is longer than [`Config::head`](crate::Config::head).
    HeadTooBig,
    /// The server answered with another status than 101 (RFC 6455 section 4.1).
    Refused {
        /// The HTTP status.
        status: u16,
        /// Where a redirect points to.
        location: Option<String>,
        /// When to come back, if the server said that in seconds.
        retry_after: Option<Duration>,
    },
    /// The server's answer breaks a rule.
    Answer(OfferError),
    /// A header or subprotocol cannot be sent: a mistake on this side.
    Write(WriteError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Uri(error) => error.fmt(f),
            ConnectError::NoTls => f.write_str("wss:// needs TLS, which this build does not have"),
            ConnectError::Tls(error) => write!(f, "TLS: {error}"),
            ConnectError::Proxy { status } => {
                write!(f, "the proxy makes no tunnel: ")?;
                write_status(f, *status)
            }
            ConnectError::Io(error) => error.fmt(f),
            ConnectError::Timeout => f.write_str("the server did not answer in time"),
            ConnectError::Lost => f.write_str("the server closed the connection before it answered"),
            ConnectError::HeadTooBig => f.write_str("the server's answer is too long"),
            ConnectError::Refused { status, location, .. } => {
                f.write_str("the server refused with ")?;
                write_status(f, *status)?;
                // Without its query, which may be ours: with a token in it.
                let location = location.as_ref().and_then(|location| location.split(['?', '#']).next());
                location.map_or(Ok(()), |location| write!(f, ", it points to {location}"))
            }
            ConnectError::Answer(error) => error.fmt(f),
            ConnectError::Write(error) => error.fmt(f),
        }
    }
}

fn write_status(f: &mut fmt::Formatter<'_>, status: u16) -> fmt::Result {
    write!(f, "status {status}")?;
    match reason_phrase(status) {
        "" => Ok(()),
        reason => write!(f, " {reason}"),
    }
}

impl std::error::Error for ConnectError {}

impl ConnectError {
    pub(super) fn no_address() -> Self {
        ConnectError::Io(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

/// Of a head that was to be an answer.
impl From<AcceptError> for ConnectError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Io(error) => ConnectError::Io(error),
            _ => ConnectError::Lost,
        }
    }
}

impl From<Elapsed> for ConnectError {
    fn from(_: Elapsed) -> Self {
        ConnectError::Timeout
    }
}

impl From<UriError> for ConnectError {
    fn from(error: UriError) -> Self {
        ConnectError::Uri(error)
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        ConnectError::Io(error)
    }
}

impl From<WriteError> for ConnectError {
    fn from(error: WriteError) -> Self {
        ConnectError::Write(error)
    }
}
