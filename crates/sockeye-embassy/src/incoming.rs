//! A request before it is answered.

use core::fmt;

use embedded_io_async::{Read, Write};
use sockeye::handshake::{AcceptError as Unacceptable, WriteError};
use sockeye::{Limits, Reject, Request, Response, Unmasked};

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::outbox::{Job, Outbox};
use crate::receiver::Receiver;
use crate::resources::Resources;
use crate::sender::Sender;

/// A request with more header fields is refused (431).
const MAX_HEADERS: usize = 32;

/// Accepts a WebSocket: reads the request, checks it, `Host` and `Origin`, and answers.
///
/// The transport is to be closed by who opened it, once the connection came to its end.
///
/// # Errors
/// Why there is no connection; the client was told if it can be.
///
/// # Cancel safety
/// Dropped, it leaves the transport inside the handshake: close it.
pub async fn accept<'r, R: Read, W: Write<Error = R::Error>, const RX: usize, const TX: usize>(
    reader: R,
    writer: W,
    resources: &'r mut Resources<'r, W, RX, TX>,
    config: &'r Config<'r>,
) -> Result<Connection<'r, R, W>, AcceptError<R::Error>> {
    let mut incoming = Incoming::new(reader, writer, resources, config);
    let received = incoming.receive().await?;
    incoming.answer(received, Accept::default()).await
}

/// A request whose head was read and is well-formed, before it is accepted, rejected or answered otherwise.
pub struct Incoming<'r, R, W> {
    inbox: Inbox<'r, R, W, Unmasked>,
    /// Where the head ends in the read buffer.
    head: usize,
}

/// How to accept.
#[derive(Debug, Clone, Default)]
pub struct Accept<'a> {
    /// One of the subprotocols that the client offered, instead of its first that
    /// [`Config::subprotocols`] has.
    pub subprotocol: Option<&'a str>,
    /// Other limits than [`Config::limits`].
    pub limits: Option<Limits>,
}

impl<'r, R: Read, W: Write<Error = R::Error>> Incoming<'r, R, W> {
    /// Reads a request's head. A head that breaks a rule is answered here, with the status that it owes.
    ///
    /// # Errors
    /// [`AcceptError`]
    ///
    /// # Cancel safety
    /// Dropped, it leaves the transport inside the handshake: close it.
    pub async fn read<const RX: usize, const TX: usize>(
        reader: R,
        writer: W,
        resources: &'r mut Resources<'r, W, RX, TX>,
        config: &'r Config<'r>,
    ) -> Result<Self, AcceptError<R::Error>> {
        let mut incoming = Self::new(reader, writer, resources, config);
        match incoming.receive().await? {
            Ok(()) => Ok(incoming),
            Err(reject) => incoming.reject(reject).await,
        }
    }

    /// What is asked for.
    pub fn request(&self) -> Request<'_> {
        // `read` made sure that the head parses.
        self.parse().unwrap_or_default()
    }

    /// Whether a server of these names is meant: [`Config::hosts`]. [`accept`](Self::accept) asks by itself.
    ///
    /// # Errors
    /// [`Reject::HostNotAllowed`]
    pub fn check_host(&self) -> Result<(), Reject> {
        self.request().check_host(&self.config().hosts)
    }

    /// Whether pages of this origin may connect: [`Config::origins`]. [`accept`](Self::accept) asks by itself.
    ///
    /// # Errors
    /// [`Reject::OriginNotAllowed`]
    pub fn check_origin(&self) -> Result<(), Reject> {
        self.request().check_origin(&self.config().origins)
    }

    /// Answers 101 if `Host` and `Origin` are right, and begins with the frames.
    ///
    /// # Errors
    /// [`AcceptError`]; a mistake on this side is found before anything is written.
    ///
    /// # Cancel safety
    /// Dropped, it leaves the transport inside the handshake: close it.
    pub async fn accept(self, accept: Accept<'r>) -> Result<Connection<'r, R, W>, AcceptError<R::Error>> {
        self.answer(Ok(()), accept).await
    }

    /// Refuses, with the status and the headers that the reason owes. The transport is then to be closed.
    ///
    /// # Errors
    /// Always: [`AcceptError::Rejected`], or why the client could not be told.
    ///
    /// # Cancel safety
    /// As [`accept`](Self::accept).
    pub async fn reject<T>(self, reject: Reject) -> Result<T, AcceptError<R::Error>> {
        let rejected = self.answer(Err(reject), Accept::default()).await;
        Err(rejected.err().unwrap_or(AcceptError::Rejected(reject)))
    }

    /// Answers with any other response, a page for a browser say, whose body may lie in flash: it is written from
    /// there, and not at all to a HEAD. The transport is then to be closed: nothing that follows on it is answered.
    ///
    /// # Errors
    /// [`AcceptError::Connection`], [`AcceptError::Write`]
    ///
    /// # Cancel safety
    /// As [`accept`](Self::accept).
    pub async fn respond(self, response: Response<'_>, body: &[u8]) -> Result<(), AcceptError<R::Error>> {
        let body_is_wanted = self.request().method() != "HEAD";
        // The request is not needed any more: its buffer is the larger one.
        let len = response.body(body).head_only().write(self.inbox.buffer).map_err(AcceptError::Write)?;
        let head = self.inbox.buffer.get(..len).unwrap_or_default();
        Ok(self.inbox.say(Job::Raw([head, if body_is_wanted { body } else { &[] }])).await?)
    }

    pub(crate) fn new<const RX: usize, const TX: usize>(
        reader: R,
        writer: W,
        resources: &'r mut Resources<'r, W, RX, TX>,
        config: &'r Config<'r>,
    ) -> Self {
        let Resources { rx, tx, outbox } = resources;
        let outbox = outbox.insert(Outbox::new(writer, sockeye::Sender::server(), tx, config));
        Incoming { inbox: Inbox::new(outbox, reader, rx), head: 0 }
    }

    /// Reads a request's head, and says what is wrong with it.
    pub(crate) async fn receive(&mut self) -> Result<Result<(), Reject>, AcceptError<R::Error>> {
        let Some(head) = self.inbox.head().await? else { return Ok(Err(Reject::HeadTooBig)) };
        self.head = head;
        Ok(self.parse().and_then(|request| {
            if request.headers().nth(MAX_HEADERS).is_none() { Ok(()) } else { Err(Reject::TooManyHeaders) }
        }))
    }

    /// Accepts what was received, or refuses it.
    pub(crate) async fn answer(
        self,
        received: Result<(), Reject>,
        accept: Accept<'r>,
    ) -> Result<Connection<'r, R, W>, AcceptError<R::Error>> {
        let put = received.and_then(|()| {
            let request = self.parse()?;
            self.check(&request)?;
            Ok(self.put_accept(&request, &accept))
        });
        let subprotocol = match put {
            Ok(put) => put?,
            Err(reject) => {
                self.respond(Response::reject(reject), &[]).await?;
                return Err(AcceptError::Rejected(reject));
            }
        };
        self.inbox.say(Job::Nothing).await?;
        let Inbox { outbox, .. } = self.inbox;
        let limits = accept.limits.unwrap_or(outbox.config.limits);
        let receiver = Receiver::new(self.inbox, sockeye::Receiver::server().with_limits(limits));
        Ok(Connection { receiver, sender: Sender::new(outbox), subprotocol })
    }

    fn parse(&self) -> Result<Request<'_>, Reject> {
        let parsed = Request::parse(self.inbox.buffer.get(..self.head).unwrap_or_default())?;
        parsed.map(|(request, _)| request).ok_or(Reject::Malformed)
    }

    /// Whether the request may be accepted.
    fn check(&self, request: &Request<'_>) -> Result<(), Reject> {
        request.check_host(&self.config().hosts)?;
        request.check_origin(&self.config().origins)?;
        if request.is_upgrade() { Ok(()) } else { Err(Reject::UpgradeRequired) }
    }

    /// Puts a 101 into the write buffer, since what came behind the request is still in the other one, and gives the
    /// subprotocol that it names.
    fn put_accept(&self, request: &Request<'_>, accept: &Accept<'r>) -> Result<Option<&'r str>, AcceptError<R::Error>> {
        let config = self.config();
        let own = |offered: &str| config.subprotocols.iter().find(|own| **own == offered).copied();
        let subprotocol = accept.subprotocol.or_else(|| request.subprotocols().find_map(own));
        let response = Response::accept(request, subprotocol).map_err(AcceptError::Accept)?.headers(config.headers);
        self.inbox.outbox.put(|out| response.write(out)).map_err(AcceptError::Write)?;
        Ok(subprotocol)
    }

    fn config(&self) -> &'r Config<'r> {
        self.inbox.outbox.config
    }
}

impl<R, W> fmt::Debug for Incoming<'_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AcceptError<E> {
    /// The request was refused, and the client told why.
    Rejected(Reject),
    /// What was to be written cannot be: a mistake on this side, or a write buffer that is too small.
    Write(WriteError),
    /// The request cannot be accepted so: a mistake on this side.
    Accept(Unacceptable),
    /// The connection failed, during the handshake or later.
    Connection(Error<E>),
}

impl<E: fmt::Debug> fmt::Display for AcceptError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Rejected(reject) => reject.fmt(f),
            AcceptError::Write(error) => error.fmt(f),
            AcceptError::Accept(error) => error.fmt(f),
            AcceptError::Connection(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for AcceptError<E> {}

impl<E> From<Error<E>> for AcceptError<E> {
    fn from(error: Error<E>) -> Self {
        AcceptError::Connection(error)
    }
}
