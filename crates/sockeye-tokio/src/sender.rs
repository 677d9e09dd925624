//! The sending half.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sockeye::{CloseCode, Kind, SendError, Utf8};
use tokio::time::{Sleep, sleep};

use crate::error::Error;
use crate::message::{OwnedMessage, Prepared};
use crate::outbox::{Data, Flush, Outbox, Transport};
use crate::role::Control;

/// The sending half of a connection.
///
/// `Ok` of a send means that the message is queued whole, and will be written whatever the caller does next;
/// [`flush`](Self::flush) waits until the transport has it. While the [`Receiver`](crate::Receiver) still holds
/// bytes of its last read, a send only queues, and the answers to all of them go out by one write.
///
/// A send waits while the peer is behind by [`Config::high_water`](crate::Config::high_water), and fails with
/// [`Error::SlowPeer`] after [`Config::send_timeout`](crate::Config::send_timeout).
pub struct Sender<S> {
    outbox: Arc<Outbox<S>>,
    send_timeout: Duration,
    /// The text that [`chunk`](Self::chunk) is in the middle of.
    utf8: Utf8,
}

impl<S: Transport> Sender<S> {
    pub(crate) fn new(outbox: Arc<Outbox<S>>, send_timeout: Duration) -> Self {
        Sender { outbox, send_timeout, utf8: Utf8::new() }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError::InvalidUtf8`] for a text that is none, [`SendError::KindChanged`] inside a message of chunks,
    /// [`SendError::Closed`] after a close; else what ended the connection.
    ///
    /// # Cancel safety
    /// Dropped, it has queued the message whole or not at all.
    pub async fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        self.chunk(kind, payload, true).await
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn text(&mut self, text: &str) -> Result<(), Error> {
        let utf8 = self.between_characters(Kind::Text)?;
        self.data(Data { kind: Kind::Text, payload: text.as_bytes(), last: true, encoded: None }, utf8, Flush::Soon)
            .await
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn binary(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.send(Kind::Binary, payload).await
    }

    /// Sends the next piece of a message as a frame of its own; `last` ends the message (RFC 6455 section 5.4).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// Dropped, it has queued the chunk whole or not at all. A text's chunk that was dropped before it was queued
    /// must be the next one sent.
    pub async fn chunk(&mut self, kind: Kind, payload: &[u8], last: bool) -> Result<(), Error> {
        let utf8 = self.checked(kind, payload, last)?;
        self.data(Data { kind, payload, last, encoded: None }, utf8, Flush::Soon).await
    }

    /// Queues a message without writing it yet, unless much is queued: for many messages and one
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn feed(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        let utf8 = self.checked(kind, payload, true)?;
        self.data(Data { kind, payload, last: true, encoded: None }, utf8, Flush::Later).await
    }

    /// Sends a message that was prepared for many receivers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        let utf8 = self.between_characters(prepared.kind())?;
        self.data(prepared.data(), utf8, Flush::Soon).await
    }

    /// Queues a prepared message without writing it yet, as [`feed`](Self::feed) does.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn feed_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        let utf8 = self.between_characters(prepared.kind())?;
        self.data(prepared.data(), utf8, Flush::Later).await
    }

    /// Waits until all that was queued is written.
    ///
    /// # Errors
    /// What ended the connection.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was queued is written anyway.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.outbox.poll_flush(cx)).await
    }

    /// Sends a ping with at most 125 bytes; [`Receiver::round_trip`](crate::Receiver::round_trip) tells how long its
    /// pong took, once it came.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::ControlTooLong`].
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.control(Control::Ping(payload)).await
    }

    /// Sends our close frame, with at most 123 bytes of reason, and waits until it is written. Nothing may be sent
    /// after it; the receiver goes on until the peer's close came, or
    /// [`Config::close_timeout`](crate::Config::close_timeout) is over.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`SendError::ControlTooLong`].
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.control(Control::Close(code, reason)).await?;
        self.flush().await
    }

    /// Where the text stands after this piece of it.
    fn checked(&self, kind: Kind, payload: &[u8], last: bool) -> Result<Utf8, SendError> {
        let mut utf8 = self.utf8.clone();
        let valid = kind == Kind::Binary || (utf8.feed(payload).is_ok() && (!last || utf8.is_complete()));
        if valid { Ok(utf8) } else { Err(SendError::InvalidUtf8) }
    }

    /// The same for a piece that is known to be UTF-8 by itself.
    fn between_characters(&self, kind: Kind) -> Result<Utf8, SendError> {
        self.checked(kind, &[], true)
    }

    async fn data(&mut self, data: Data<'_>, utf8: Utf8, flush: Flush) -> Result<(), Error> {
        let outbox = &self.outbox;
        within(self.send_timeout, |cx| outbox.poll_data(cx, &data, flush)).await?;
        self.utf8 = utf8;
        Ok(())
    }

    async fn control(&mut self, control: Control<'_>) -> Result<(), Error> {
        let outbox = &self.outbox;
        within(self.send_timeout, |cx| outbox.poll_control(cx, &control)).await
    }
}

/// The same without futures, for those who write their own.
impl<S: Transport> Sender<S> {
    /// Ready when there is room for another message.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.outbox.poll_ready(cx)
    }

    /// Queues a message after [`poll_ready`](Self::poll_ready) was ready.
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::SlowPeer`] if it was not ready.
    pub fn start_send(&mut self, message: &OwnedMessage) -> Result<(), Error> {
        let utf8 = self.checked(message.kind, &message.payload, true)?;
        let data = Data { kind: message.kind, payload: &message.payload, last: true, encoded: None };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.outbox.poll_data(&mut cx, &data, Flush::Later) {
            Poll::Ready(result) => {
                self.utf8 = utf8;
                result
            }
            Poll::Pending => Err(Error::SlowPeer),
        }
    }

    /// Ready when all that was queued is written.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.outbox.poll_flush(cx)
    }

    /// Queues a close with code 1000 if none was sent, then is ready when it is written.
    ///
    /// # Errors
    /// What ended the connection.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match ready!(self.outbox.poll_control(cx, &Control::Close(CloseCode::NORMAL, ""))) {
            Ok(()) | Err(Error::Send(SendError::Closed)) => self.outbox.poll_flush(cx),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl<S> fmt::Debug for Sender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Waits for room as long as a slow peer is given. The timer is made only if there is something to wait for.
async fn within(
    timeout: Duration,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<(), Error>>,
) -> Result<(), Error> {
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if let Poll::Ready(result) = poll(cx) {
            return Poll::Ready(result);
        }
        let patience = patience.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Err(Error::SlowPeer))
    })
    .await
}
