//! The client's handshake, and when it may try again.

use core::fmt;

use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Read, Write};
use rand_core::{CryptoRng, Rng};
use sockeye::handshake::{Answer, AnswerHead, OfferError, Uri, WriteError};
use sockeye::{Backoff, Masked, Offer};

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::outbox::{Job, Outbox};
use crate::receiver::Receiver;
use crate::resources::Resources;
use crate::sender::Sender;

/// Connects over a transport that is open: sends the request for `uri`, and checks the answer.
///
/// The key and all masks come from `rng`, which must be a cryptographic generator (RFC 6455 sections 4.1, 5.3 and
/// 10.3): there is none to fall back on, and without one this does not compile.
///
/// ```compile_fail,E0277
/// # use embedded_io_async::{Read, Write};
/// # use sockeye_embassy::{Config, Resources, Uri, connect};
/// struct Zeros; // a generator that nobody called cryptographic
/// async fn dial<R: Read, W: Write<Error = R::Error>>(reader: R, writer: W, uri: Uri<'_>) {
///     let (config, mut resources) = (Config::new(), Resources::<_>::new());
///     let _ = connect(reader, writer, &mut resources, &config, uri, Zeros).await;
/// }
/// ```
///
/// After a connection was lost, [`wait`] before the next attempt.
///
/// # Errors
/// Why there is no connection. The transport is then to be closed.
///
/// # Cancel safety
/// Dropped, it leaves the transport inside the handshake: close it.
pub async fn connect<'r, R, W, G, const RX: usize, const TX: usize>(
    reader: R,
    writer: W,
    resources: &'r mut Resources<'r, W, RX, TX, Masked<G>>,
    config: &'r Config<'r>,
    uri: Uri<'_>,
    mut rng: G,
) -> Result<Connection<'r, R, W, Masked<G>>, ConnectError<R::Error>>
where
    R: Read,
    W: Write<Error = R::Error>,
    G: CryptoRng,
{
    let Resources { rx, tx, outbox } = resources;
    let offer = Offer::new(uri, &mut rng).subprotocols(config.subprotocols).headers(config.headers);
    let outbox = &*outbox.insert(Outbox::new(writer, sockeye::Sender::client(rng), tx, config));
    let mut inbox = Inbox::new(outbox, reader, rx);
    let len = offer.write(inbox.buffer).map_err(ConnectError::Write)?;
    inbox.say(Job::Raw([inbox.buffer.get(..len).unwrap_or_default(), &[]])).await?;
    let head = inbox.head().await?.ok_or(ConnectError::HeadTooBig)?;
    let head = inbox.buffer.get(..head).unwrap_or_default();
    let answer = offer.check(head).map_err(|error| refused(error, head))?;
    let subprotocol = chosen(answer, config);
    let receiver = Receiver::new(inbox, sockeye::Receiver::client().with_limits(config.limits));
    Ok(Connection { receiver, sender: Sender::new(outbox), subprotocol })
}

/// Waits before the next attempt to connect, as RFC 6455 section 7.2.3 has it: at first a random time of at most
/// 5 s, then each time longer, up to a minute. Begin with a new [`Backoff`] once a connection was of use.
///
/// # Cancel safety
/// Dropped, it has taken a step of the backoff.
pub async fn wait<G: Rng>(backoff: &mut Backoff, rng: &mut G) {
    let wait = u64::try_from(backoff.wait(rng).as_millis()).unwrap_or(u64::MAX);
    Timer::at(Instant::now().saturating_add(Duration::from_millis(wait))).await;
}

/// The subprotocol that the server chose, as the configuration has it.
fn chosen<'r>(answer: Option<(Answer<'_>, usize)>, config: &'r Config<'r>) -> Option<&'r str> {
    let (answer, _) = answer?;
    let chosen = answer.subprotocol()?;
    config.subprotocols.iter().find(|own| **own == chosen).copied()
}

fn refused<E>(error: OfferError, head: &[u8]) -> ConnectError<E> {
    let OfferError::Status(status) = error else { return ConnectError::Refused(error) };
    let head = AnswerHead::parse(head).ok().flatten();
    let retry_after = head.and_then(|(head, _)| head.header("Retry-After")?.parse().ok());
    ConnectError::Status { status, retry_after }
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConnectError<E> {
    /// A plain HTTP response: the status, and the seconds of a `Retry-After` that is a number. A redirect is one too,
    /// and is not followed.
    Status {
        /// Of RFC 9110 section 15.
        status: u16,
        /// Do not come back before, in seconds.
        retry_after: Option<u32>,
    },
    /// The server's answer is no consent.
    Refused(OfferError),
    /// The server's answer does not fit into the read buffer.
    HeadTooBig,
    /// The connection failed during the handshake.
    Connection(Error<E>),
    /// The request cannot be written: a mistake on this side, or a read buffer that is too small for it.
    Write(WriteError),
}

impl<E: fmt::Debug> fmt::Display for ConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Status { status, .. } => OfferError::Status(*status).fmt(f),
            ConnectError::Refused(error) => error.fmt(f),
            ConnectError::HeadTooBig => f.write_str("the server's answer is longer than the read buffer"),
            ConnectError::Connection(error) => error.fmt(f),
            ConnectError::Write(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ConnectError<E> {}

impl<E> From<Error<E>> for ConnectError<E> {
    fn from(error: Error<E>) -> Self {
        ConnectError::Connection(error)
    }
}
