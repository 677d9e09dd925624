//! A request before it is answered.

use std::fmt;
use std::io;
use std::sync::Arc;

use sockeye::handshake::{AcceptError as Unacceptable, WriteError, head_end};
use sockeye::{Limits, Reject, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::Config;
use crate::connection::Connection;
use crate::ending::{DISCARD_BYTES, DISCARD_TIME};
use crate::outbox::Transport;
use crate::role::Role;

/// Accepts a WebSocket: reads the request, checks it, `Host` and `Origin`, and answers.
///
/// ```no_run
/// # async fn serve() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9001").await?;
/// loop {
///     let (socket, _) = listener.accept().await?;
///     tokio::spawn(async move {
///         let mut ws = sockeye_tokio::accept(socket, sockeye_tokio::Config::default()).await?;
///         while let Some(message) = ws.receiver.message().await? {
///             ws.sender.send(message.kind, message.payload).await?;
///         }
///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
///     });
/// }
/// # }
/// ```
///
/// # Errors
/// Why there is no connection; the client was told if it can be.
///
/// # Cancel safety
/// Dropped, it closes the transport.
pub async fn accept<S: Transport>(io: S, config: impl Into<Arc<Config>>) -> Result<Connection<S>, AcceptError> {
    let config = config.into();
    let deadline = Instant::now() + config.handshake_timeout;
    // Boxed, as the steps of the handshake are: what they need is not to be there for a connection's whole life.
    Box::pin(async { Incoming::read_head(io, config, deadline).await?.answer(Accept::default()).await }).await
}

/// A request whose head was read and is well-formed, before it is accepted, rejected or answered otherwise.
pub struct Incoming<S> {
    io: S,
    config: Arc<Config>,
    deadline: Instant,
    /// The head, and what came behind it.
    bytes: Vec<u8>,
    head: usize,
}

/// How to accept.
#[derive(Debug, Clone, Default)]
pub struct Accept<'a> {
    /// One of the subprotocols that the client offered, instead of its first that [`Config::subprotocols`] has.
    pub subprotocol: Option<&'a str>,
    /// Headers for the 101, besides [`Config::headers`].
    pub headers: &'a [(&'a str, &'a str)],
    /// Other limits than [`Config::limits`].
    pub limits: Option<Limits>,
}

impl<S: Transport> Incoming<S> {
    /// Reads a request's head. A head that breaks a rule is answered here, with the status that it owes.
    ///
    /// # Errors
    /// [`AcceptError`]
    ///
    /// # Cancel safety
    /// Dropped, it closes the transport.
    pub async fn read(io: S, config: impl Into<Arc<Config>>) -> Result<Self, AcceptError> {
        let config = config.into();
        let deadline = Instant::now() + config.handshake_timeout;
        Self::read_until(io, config, deadline).await
    }

    /// The same where part of the handshake is over already, TLS say: all of it ends by the deadline.
    ///
    /// # Errors
    /// [`AcceptError`]
    ///
    /// # Cancel safety
    /// Dropped, it closes the transport.
    pub async fn read_until(io: S, config: impl Into<Arc<Config>>, deadline: Instant) -> Result<Self, AcceptError> {
        Box::pin(Self::read_head(io, config.into(), deadline)).await
    }

    async fn read_head(mut io: S, config: Arc<Config>, deadline: Instant) -> Result<Self, AcceptError> {
        let mut bytes = Vec::new();
        let read = timeout_at(deadline, read_head(&mut io, &mut bytes, config.head));
        let reject = match read.await.map_err(|_| AcceptError::Timeout)?? {
            Some(head) => match Request::parse(&bytes[..head]) {
                Ok(Some(_)) => return Ok(Incoming { io, config, deadline, bytes, head }),
                Ok(None) => return Err(AcceptError::Lost),
                Err(reject) => reject,
            },
            None => Reject::HeadTooBig,
        };
        let mut out = Vec::new();
        write(&Response::reject(reject), &mut out)?;
        finish(io, &out, deadline).await?;
        Err(AcceptError::Rejected(reject))
    }

    /// What is asked for.
    #[expect(clippy::missing_panics_doc, reason = "`read` made sure that the head parses")]
    pub fn request(&self) -> Request<'_> {
        let parsed = Request::parse(&self.bytes[..self.head]);
        parsed.ok().flatten().expect("the head was parsed when it was read").0
    }

    /// Whether a server of these names is meant: [`Config::hosts`]. [`accept`](Self::accept) asks by itself.
    ///
    /// # Errors
    /// [`Reject::HostNotAllowed`]
    pub fn check_host(&self) -> Result<(), Reject> {
        self.request().check_host(&self.config.hosts.as_core())
    }

    /// Whether pages of this origin may connect: [`Config::origins`]. [`accept`](Self::accept) asks by itself.
    ///
    /// # Errors
    /// [`Reject::OriginNotAllowed`]
    pub fn check_origin(&self) -> Result<(), Reject> {
        self.request().check_origin(&self.config.origins.as_core())
    }

    /// Reads the body of a request, which must come with its `Content-Length`, of at most `limit` bytes (RFC 9112
    /// section 6). Once.
    ///
    /// # Errors
    /// [`AcceptError::Body`] has the status to answer with: 400, 411 or 413; else as [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Dropped, it loses what was read of the body.
    pub async fn body(&mut self, limit: usize) -> Result<Vec<u8>, AcceptError> {
        let length = body_length(&self.request(), limit).map_err(|status| AcceptError::Body { status })?;
        let waits = self.request().header("Expect").is_some_and(|what| what.eq_ignore_ascii_case("100-continue"));
        let mut body = self.bytes.split_off(self.head);
        body.truncate(length);
        let read = timeout_at(self.deadline, async {
            if waits && body.len() < length {
                self.io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                self.io.flush().await?;
            }
            while body.len() < length {
                let left = length - body.len();
                if (&mut self.io).take(left as u64).read_buf(&mut body).await? == 0 {
                    return Err(AcceptError::Lost);
                }
            }
            Ok(body)
        });
        read.await.map_err(|_| AcceptError::Timeout)?
    }

    /// Answers 101 if `Host` and `Origin` are right, and begins with the frames.
    ///
    /// # Errors
    /// [`AcceptError`]; a mistake on this side is found before anything is written.
    ///
    /// # Cancel safety
    /// Dropped, it closes the transport.
    pub async fn accept(self, accept: Accept<'_>) -> Result<Connection<S>, AcceptError> {
        Box::pin(self.answer(accept)).await
    }

    async fn answer(mut self, accept: Accept<'_>) -> Result<Connection<S>, AcceptError> {
        let (out, subprotocol) = match agree(&self.request(), &self.config, &accept) {
            Err(AcceptError::Rejected(reject)) => return self.reject(reject).await,
            agreed => agreed?,
        };
        let written = timeout_at(self.deadline, async {
            self.io.write_all(&out).await?;
            self.io.flush().await
        });
        written.await.map_err(|_| AcceptError::Timeout)??;
        let limits = accept.limits.unwrap_or(self.config.limits);
        let core = sockeye::Receiver::server().with_limits(limits);
        Ok(Connection::new(self.io, self.config, subprotocol, &self.bytes[self.head..], Role::server(), core))
    }

    /// Refuses, with the status and the headers that the reason owes, and closes the transport.
    ///
    /// # Errors
    /// Always: [`AcceptError::Rejected`], or why the client could not be told.
    ///
    /// # Cancel safety
    /// Dropped, it closes the transport.
    pub async fn reject<T>(self, reject: Reject) -> Result<T, AcceptError> {
        let text = format!("{reject}\n");
        Box::pin(self.respond(Response::reject(reject).headers(&PLAIN).body(text.as_bytes()))).await?;
        Err(AcceptError::Rejected(reject))
    }

    /// Answers with any other response, a page for a browser say, and closes the transport: nothing that follows on
    /// it is answered.
    ///
    /// # Errors
    /// [`AcceptError::Io`], [`AcceptError::Timeout`], [`AcceptError::Write`]
    ///
    /// # Cancel safety
    /// Dropped, it closes the transport.
    pub async fn respond(self, response: Response<'_>) -> Result<(), AcceptError> {
        let response = if self.request().method() == "HEAD" { response.head_only() } else { response };
        let mut out = Vec::new();
        write(&response, &mut out)?;
        finish(self.io, &out, self.deadline).await
    }
}

impl<S> fmt::Debug for Incoming<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// What a refusal says is to be read by people.
pub(crate) const PLAIN: [(&str, &str); 1] = [("Content-Type", "text/plain; charset=utf-8")];

/// The 101 and its subprotocol, if `Host` and `Origin` are right and a WebSocket is asked for.
pub(crate) fn agree(
    request: &Request<'_>,
    config: &Config,
    accept: &Accept<'_>,
) -> Result<(Vec<u8>, Option<String>), AcceptError> {
    let allowed = request.check_host(&config.hosts.as_core());
    allowed.and_then(|()| request.check_origin(&config.origins.as_core())).map_err(AcceptError::Rejected)?;
    if !request.is_upgrade() {
        return Err(AcceptError::Rejected(Reject::UpgradeRequired));
    }
    let spoken = |offered: &&str| config.subprotocols.iter().any(|own| own == offered);
    let subprotocol = accept.subprotocol.or_else(|| request.subprotocols().find(spoken));
    let headers: Vec<_> = own_headers(config).chain(accept.headers.iter().copied()).collect();
    let mut out = Vec::new();
    write(&Response::accept(request, subprotocol)?.headers(&headers), &mut out)?;
    Ok((out, subprotocol.map(str::to_owned)))
}

/// How long a request's body is, or the status that it owes.
fn body_length(request: &Request<'_>, limit: usize) -> Result<usize, u16> {
    let mut lengths = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
    let length = lengths.next().map(|(_, value)| value);
    // Two lengths, or a length and an encoding, are how requests are smuggled.
    match (length, request.header("Transfer-Encoding")) {
        _ if lengths.next().is_some() => Err(400),
        (Some(_), Some(_)) => Err(400),
        (None, _) => Err(411),
        (Some(digits), None) if digits.is_empty() || digits.bytes().any(|byte| !byte.is_ascii_digit()) => Err(400),
        (Some(digits), None) => digits.parse().ok().filter(|length| *length <= limit).ok_or(413),
    }
}

/// Headers of the configuration, as the core takes them.
pub(crate) fn own_headers(config: &Config) -> impl Iterator<Item = (&str, &str)> {
    config.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Reads until a head is whole: its length, or `None` when it is over `limit`. What came behind it is in `bytes` too.
pub(crate) async fn read_head<S: Transport>(
    io: &mut S,
    bytes: &mut Vec<u8>,
    limit: usize,
) -> Result<Option<usize>, AcceptError> {
    loop {
        let scanned = bytes.len();
        if io.read_buf(bytes).await? == 0 {
            return Err(AcceptError::Lost);
        }
        match head_end(bytes, scanned) {
            Some(head) if head <= limit => return Ok(Some(head)),
            None if bytes.len() < limit => {}
            _ => return Ok(None),
        }
    }
}

/// Writes a head into a buffer that grows until it fits.
pub(crate) fn write(response: &Response<'_>, out: &mut Vec<u8>) -> Result<(), WriteError> {
    grow(out, |out| response.write(out))
}

pub(crate) fn grow(
    out: &mut Vec<u8>,
    write: impl Fn(&mut [u8]) -> Result<usize, WriteError>,
) -> Result<(), WriteError> {
    out.resize(1024, 0);
    loop {
        match write(out) {
            Ok(len) => {
                out.truncate(len);
                return Ok(());
            }
            Err(WriteError::TooSmall) => out.resize(out.len() * 2, 0),
            Err(error) => return Err(error),
        }
    }
}

/// Writes a last answer so that it arrives: closes our side, then reads on for a while.
async fn finish<S: Transport>(mut io: S, out: &[u8], deadline: Instant) -> Result<(), AcceptError> {
    let written = timeout_at(deadline, async {
        io.write_all(out).await?;
        io.shutdown().await
    });
    written.await.map_err(|_| AcceptError::Timeout)??;
    let _ = timeout(DISCARD_TIME, async {
        let mut left = DISCARD_BYTES;
        let mut scratch = [0; 1024];
        while let Ok(len @ 1..) = io.read(&mut scratch).await {
            left = left.saturating_sub(len);
            if left == 0 {
                break;
            }
        }
    })
    .await;
    Ok(())
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// The request was refused, and the client told why.
    Rejected(Reject),
    /// The request's body cannot be taken; the client is owed this status.
    Body {
        /// 400, 411 or 413.
        status: u16,
    },
    /// The client's connection ended before its request did.
    Lost,
    /// The handshake took longer than [`Config::handshake_timeout`].
    Timeout,
    /// The transport failed.
    Io(io::Error),
    /// What was to be written cannot be: a mistake on this side.
    Write(WriteError),
    /// The request cannot be accepted so: a mistake on this side.
    Accept(Unacceptable),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Rejected(reject) => reject.fmt(f),
            AcceptError::Body { status } => write!(f, "the request's body cannot be taken ({status})"),
            AcceptError::Lost => f.write_str("the client's connection ended before its request did"),
            AcceptError::Timeout => f.write_str("the handshake took too long"),
            AcceptError::Io(error) => write!(f, "the transport failed: {error}"),
            AcceptError::Write(error) => error.fmt(f),
            AcceptError::Accept(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AcceptError {}

impl From<io::Error> for AcceptError {
    fn from(error: io::Error) -> Self {
        AcceptError::Io(error)
    }
}

impl From<WriteError> for AcceptError {
    fn from(error: WriteError) -> Self {
        AcceptError::Write(error)
    }
}

impl From<Unacceptable> for AcceptError {
    fn from(error: Unacceptable) -> Self {
        AcceptError::Accept(error)
    }
}
