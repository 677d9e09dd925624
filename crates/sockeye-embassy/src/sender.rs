//! The sending half.

use core::fmt;

use embedded_io_async::Write;
#[cfg(doc)]
use sockeye::SendError;
use sockeye::{CloseCode, Kind, Masking, Unmasked};

use crate::error::Error;
use crate::outbox::{Job, Outbox, Progress};

/// The sending half of a connection.
///
/// `Ok` of a send means that the transport has the message; how much it holds is its own affair. A send waits as long
/// as the peer makes room, and fails with [`Error::SlowPeer`] after
/// [`Config::send_timeout`](crate::Config::send_timeout) without a byte taken.
pub struct Sender<'r, W, M = Unmasked> {
    outbox: &'r Outbox<'r, W, M>,
}

impl<'r, W: Write, M: Masking> Sender<'r, W, M> {
    pub(crate) fn new(outbox: &'r Outbox<'r, W, M>) -> Self {
        Sender { outbox }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError::InvalidUtf8`] for a text that is none, [`SendError::KindChanged`] inside a message of chunks,
    /// [`SendError::Closed`] after a close; else what ended the connection.
    ///
    /// # Cancel safety
    /// A frame that fits into the write buffer it has queued whole or not at all, and the next write goes on with it.
    /// Dropped inside a longer one, every later send fails with [`Error::Aborted`], since the peer would read it as
    /// the rest of that frame.
    pub async fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error<W::Error>> {
        self.chunk(kind, payload, true).await
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn text(&mut self, text: &str) -> Result<(), Error<W::Error>> {
        self.send(Kind::Text, text.as_bytes()).await
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn binary(&mut self, payload: &[u8]) -> Result<(), Error<W::Error>> {
        self.send(Kind::Binary, payload).await
    }

    /// Sends the next piece of a message as a frame of its own; `last` ends the message (RFC 6455 section 5.4).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn chunk(&mut self, kind: Kind, payload: &[u8], last: bool) -> Result<(), Error<W::Error>> {
        self.outbox.send(Job::Data { kind, payload, last }, &Progress::new()).await
    }

    /// Waits until the transport has passed on what it has; of embassy-net's sockets: until the peer acknowledged it.
    /// No send needs it; over a transport that collects bytes see [`Config::flush`](crate::Config::flush).
    ///
    /// # Errors
    /// What ended the connection.
    ///
    /// # Cancel safety
    /// As that of the transport's `flush`.
    pub async fn flush(&mut self) -> Result<(), Error<W::Error>> {
        self.outbox.send(Job::Flush, &Progress::new()).await
    }

    /// Sends a ping with at most 125 bytes.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::ControlTooLong`].
    ///
    /// # Cancel safety
    /// Dropped, it has sent the ping or not; one that was begun is finished by the next write.
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error<W::Error>> {
        self.outbox.send(Job::Ping(payload), &Progress::new()).await
    }

    /// Sends our close frame, with at most 123 bytes of reason. Nothing may be sent after it; the receiver goes on
    /// until the peer's close came, or [`Config::close_timeout`](crate::Config::close_timeout) is over.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::ControlTooLong`].
    ///
    /// # Cancel safety
    /// As [`ping`](Self::ping).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error<W::Error>> {
        self.outbox.send(Job::Close(code, reason), &Progress::new()).await
    }
}

impl<W, M> fmt::Debug for Sender<'_, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
