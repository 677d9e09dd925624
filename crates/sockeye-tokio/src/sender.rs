//! The sending half.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use sockeye::{CloseCode, Kind, SendError, Utf8};
use tokio::time::{Sleep, sleep};

use crate::error::Error;
use crate::mailbox::Mailbox;
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
    /// The text that [`chunk`](Self::chunk) is in the middle of.
    utf8: Utf8,
}

impl<S: Transport> Sender<S> {
    pub(crate) fn new(outbox: Arc<Outbox<S>>) -> Self {
        Sender { outbox, utf8: Utf8::new() }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError::InvalidUtf8`] for a text that is none, [`SendError::KindChanged`] inside a message of chunks,
    /// [`SendError::Closed`] after a close; else what ended the connection.
    ///
    /// # Cancel safety
    /// Dropped, it has queued the message whole or not at all.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> impl Future<Output = Result<(), Error>> {
        self.data(Data { kind, payload, last: true, encoded: None }, Flush::Soon)
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn text(&mut self, text: &str) -> Result<(), Error> {
        self.between_characters(Kind::Text)?;
        self.valid(Data { kind: Kind::Text, payload: text.as_bytes(), last: true, encoded: None }, Flush::Soon).await
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
        self.data(Data { kind, payload, last, encoded: None }, Flush::Soon).await
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
        self.data(Data { kind, payload, last: true, encoded: None }, Flush::Later).await
    }

    /// Sends a message that was prepared for many receivers.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn send_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        self.between_characters(prepared.kind())?;
        self.valid(prepared.data(), Flush::Soon).await
    }

    /// Queues a prepared message without writing it yet, as [`feed`](Self::feed) does.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn feed_prepared(&mut self, prepared: &Prepared) -> Result<(), Error> {
        self.between_characters(prepared.kind())?;
        self.valid(prepared.data(), Flush::Later).await
    }

    /// A way for others to send to this peer, as long as at most `limit` bytes wait for it.
    pub fn mailbox(&self, limit: usize) -> Mailbox {
        Mailbox::new(&self.outbox, limit)
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

    /// Checks a frame's text, if it is one, and sends it.
    #[inline]
    fn data<'d>(&mut self, data: Data<'d>, flush: Flush) -> Sending<'_, 'd, S> {
        Sending { sender: self, data, flush, valid: false, after: None, patience: None }
    }

    /// The same for a frame that is known to be valid.
    fn valid<'d>(&mut self, data: Data<'d>, flush: Flush) -> Sending<'_, 'd, S> {
        Sending { sender: self, data, flush, valid: true, after: None, patience: None }
    }

    fn control<'a>(&'a mut self, control: Control<'a>) -> impl Future<Output = Result<(), Error>> + 'a {
        let mut patience = None;
        poll_fn(move |cx| {
            let sent = self.outbox.poll_control(cx, &control);
            patient(cx, sent, &mut patience, &self.outbox)
        })
    }

    /// Checks a frame's text: where the text stands after it, if it is a piece of one.
    #[inline]
    fn check(&self, data: &Data<'_>) -> Result<Option<Utf8>, SendError> {
        if data.kind == Kind::Binary {
            return Ok(None);
        }
        let mut utf8 = if self.utf8.is_complete() { Utf8::new() } else { self.utf8.clone() };
        utf8.feed(data.payload).map_err(|_| SendError::InvalidUtf8)?;
        match utf8.is_complete() {
            true if self.utf8.is_complete() => Ok(None),
            false if data.last => Err(SendError::InvalidUtf8),
            _ => Ok(Some(utf8)),
        }
    }

    /// Whether a piece that is valid by itself may come next.
    fn between_characters(&self, kind: Kind) -> Result<(), SendError> {
        if kind == Kind::Binary || self.utf8.is_complete() { Ok(()) } else { Err(SendError::InvalidUtf8) }
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
        let data = Data { kind: message.kind, payload: &message.payload, last: true, encoded: None };
        let after = self.check(&data)?;
        self.outbox.try_data(&data, Flush::Later).unwrap_or(Err(Error::SlowPeer))?;
        if let Some(utf8) = after {
            self.utf8 = utf8;
        }
        Ok(())
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

/// A frame on its way to the queue.
struct Sending<'s, 'd, S> {
    sender: &'s mut Sender<S>,
    data: Data<'d>,
    flush: Flush,
    /// Whether its text was checked, and where the text stands after it if that is another place than before.
    valid: bool,
    after: Option<Utf8>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S: Transport> Future for Sending<'_, '_, S> {
    type Output = Result<(), Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Sending { sender, data, flush, valid, after, patience } = &mut *self;
        if !*valid {
            *after = sender.check(data)?;
            *valid = true;
        }
        let sent = sender.outbox.poll_data(cx, data, *flush);
        ready!(patient(cx, sent, patience, &sender.outbox))?;
        if let Some(utf8) = after.take() {
            sender.utf8 = utf8;
        }
        Poll::Ready(Ok(()))
    }
}

/// Passes on what was sent, or waits for room as long as a slow peer is given.
#[inline]
fn patient<S: Transport>(
    cx: &mut Context<'_>,
    sent: Poll<Result<(), Error>>,
    patience: &mut Option<Pin<Box<Sleep>>>,
    outbox: &Outbox<S>,
) -> Poll<Result<(), Error>> {
    if sent.is_pending() { wait(cx, patience, outbox) } else { sent }
}

/// The timer is made only if there is something to wait for.
#[cold]
fn wait<S: Transport>(
    cx: &mut Context<'_>,
    patience: &mut Option<Pin<Box<Sleep>>>,
    outbox: &Outbox<S>,
) -> Poll<Result<(), Error>> {
    let patience = patience.get_or_insert_with(|| Box::pin(sleep(outbox.send_timeout())));
    ready!(patience.as_mut().poll(cx));
    Poll::Ready(Err(Error::SlowPeer))
}
