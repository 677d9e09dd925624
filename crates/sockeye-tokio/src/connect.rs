//! The client's side of the handshake.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;
use std::{fmt, io};

use sockeye::Offer;
use sockeye::handshake::{AnswerHead, OfferError, Uri, UriError, WriteError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::budget::lock;
use crate::config::Config;
use crate::connection::Connection;
use crate::incoming::{AcceptError, grow, own_headers, read_head};
use crate::outbox::Transport;
use crate::role::{Role, ThreadRng};

/// Connects to a `ws://` URI by TCP: looks the name up, tries its addresses one after the other, and makes the handshake.
///
/// Of all calls in a process that connect to the same IP address, one does so at a time; the others wait for it, and
/// their [`Config::handshake_timeout`] begins after that (RFC 6455 section 4.1).
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut ws = sockeye_tokio::connect("ws://127.0.0.1:9001/echo", sockeye_tokio::Config::default()).await?;
/// ws.sender.text("hello").await?;
/// let answer = ws.receiver.message().await?.ok_or("closed")?;
/// assert_eq!(answer.text(), Some("hello"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Why there is no connection. A redirect is reported, not followed: [`ConnectError::Refused`].
///
/// # Cancel safety
/// Dropped, it closes the transport.
pub async fn connect(uri: &str, config: impl Into<Arc<Config>>) -> Result<Connection<TcpStream>, ConnectError> {
    let config = config.into();
    let parsed = Uri::parse(uri)?;
    if parsed.is_secure() {
        return Err(ConnectError::Tls);
    }
    let mut failed = ConnectError::Io(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    let addresses = timeout(config.handshake_timeout, lookup_host((parsed.host(), parsed.port())));
    for address in addresses.await.map_err(|_| ConnectError::Timeout)?? {
        let turn = turn(address.ip());
        let _turn = turn.lock().await;
        let connecting = async {
            let io = TcpStream::connect(address).await?;
            io.set_nodelay(true)?;
            Ok::<_, io::Error>(handshake(io, parsed, config.clone()).await)
        };
        match timeout(config.handshake_timeout, connecting).await {
            Ok(Ok(shaken)) => return shaken,
            Ok(Err(error)) => failed = error.into(),
            Err(_) => failed = ConnectError::Timeout,
        }
    }
    Err(failed)
}

/// Makes the handshake over a transport that leads to the host of `uri` already.
///
/// # Errors
/// As [`connect`].
///
/// # Cancel safety
/// Dropped, it closes the transport.
pub async fn connect_over<S: Transport>(
    io: S,
    uri: &str,
    config: impl Into<Arc<Config>>,
) -> Result<Connection<S>, ConnectError> {
    let config = config.into();
    let shaken = handshake(io, Uri::parse(uri)?, config.clone());
    Box::pin(timeout(config.handshake_timeout, shaken)).await.map_err(|_| ConnectError::Timeout)?
}

/// Whoever connects to this address has to hold this lock.
fn turn(address: IpAddr) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: LazyLock<Mutex<HashMap<IpAddr, Weak<tokio::sync::Mutex<()>>>>> = LazyLock::new(Mutex::default);
    let mut turns = lock(&TURNS);
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = turns.get(&address).and_then(Weak::upgrade).unwrap_or_default();
    turns.insert(address, Arc::downgrade(&turn));
    turn
}

async fn handshake<S: Transport>(mut io: S, uri: Uri<'_>, config: Arc<Config>) -> Result<Connection<S>, ConnectError> {
    let subprotocols: Vec<&str> = config.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<_> = own_headers(&config).collect();
    let offer = Offer::new(uri, &mut ThreadRng).subprotocols(&subprotocols).headers(&headers);
    let mut out = Vec::new();
    grow(&mut out, |out| offer.write(out))?;
    io.write_all(&out).await?;
    io.flush().await?;

    let mut bytes = Vec::new();
    let head = read_head(&mut io, &mut bytes, config.head).await.map_err(|error| match error {
        AcceptError::Io(error) => ConnectError::Io(error),
        _ => ConnectError::Lost,
    })?;
    let Some(head) = head else { return Err(ConnectError::HeadTooBig) };
    let subprotocol = match offer.check(&bytes[..head]) {
        Ok(Some((answer, _))) => answer.subprotocol().map(str::to_owned),
        Ok(None) => return Err(ConnectError::Lost),
        Err(OfferError::Status(status)) => return Err(refused(status, &bytes[..head])),
        Err(error) => return Err(ConnectError::Answer(error)),
    };
    let core = sockeye::Receiver::client().with_limits(config.limits);
    Ok(Connection::new(io, config.clone(), subprotocol, &bytes[head..], Role::client(), core))
}

fn refused(status: u16, head: &[u8]) -> ConnectError {
    let parsed = AnswerHead::parse(head).ok().flatten();
    let header = |name| parsed.as_ref().and_then(|(head, _)| head.header(name));
    ConnectError::Refused {
        status,
        location: header("Location").map(str::to_owned),
        retry_after: header("Retry-After").and_then(|value| value.parse().ok()).map(Duration::from_secs),
    }
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URI is none that a WebSocket client can connect to.
    Uri(UriError),
    /// `wss://` needs TLS, which this build does not have; bring a TLS stream to [`connect_over`].
    Tls,
    /// The name could not be looked up, no address could be connected to, or the transport failed.
    Io(io::Error),
    /// It took longer than [`Config::handshake_timeout`].
    Timeout,
    /// The server closed the transport before its answer was whole.
    Lost,
    /// The server's answer is longer than [`Config::head`].
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
            ConnectError::Tls => f.write_str("wss:// needs TLS, which this build does not have"),
            ConnectError::Io(error) => error.fmt(f),
            ConnectError::Timeout => f.write_str("the server did not answer in time"),
            ConnectError::Lost => f.write_str("the server closed the connection before it answered"),
            ConnectError::HeadTooBig => f.write_str("the server's answer is too long"),
            ConnectError::Refused { status, location, .. } => {
                write!(f, "the server refused with status {status}")?;
                let reason = sockeye::handshake::reason_phrase(*status);
                if !reason.is_empty() {
                    write!(f, " {reason}")?;
                }
                location.as_ref().map_or(Ok(()), |location| write!(f, ", it points to {location}"))
            }
            ConnectError::Answer(error) => error.fmt(f),
            ConnectError::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}

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
