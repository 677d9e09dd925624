//! The receiving half: fills a buffer, hands it to the core, and keeps the deadlines.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use bytes::BufMut as _;
use sockeye::{Chunk, Close, Event, Kind};
use tokio_util::io::poll_read_buf;

use crate::budget::Share;
use crate::clock::{Clock, Due};
use crate::config::Config;
use crate::ending::Ending;
use crate::error::Error;
use crate::message::Message;
use crate::outbox::{Outbox, Transport};
use crate::pool::{self, Input};

/// A frame with so much still to come is read to where it is put together, not through the shared buffer.
const DIRECT: u64 = 16 * 1024;
/// Room for a partial message grows from here, to its frame's length at most: what a peer announces costs nothing.
const FIRST_ROOM: usize = 64 * 1024;

/// After so many reads without a chunk in them, of empty fragments or pings, other tasks get their turn.
const FILLS: u32 = 4;

/// The receiving half of a connection.
///
/// Pings are answered, the keepalive is kept and closes are answered while one of its futures is waited for; who
/// only sends runs [`drain`](Self::drain) beside it. An idle receiver holds no buffer.
pub struct Receiver<S> {
    outbox: Arc<Outbox<S>>,
    config: Arc<Config>,
    core: sockeye::Receiver,
    input: Input,
    partial: Option<Box<Partial>>,
    clock: Clock,
    /// The peer's close frame.
    close: Option<Box<Close>>,
    ending: Option<Box<Ending>>,
}

/// A message that did not come by one read.
struct Partial {
    bytes: Vec<u8>,
    /// It is whole, and goes when the next one is asked for.
    whole: bool,
    share: Share,
}

/// A chunk that the core found, by its place: a borrow could not outlive the loop that looks for it.
struct Found {
    kind: Kind,
    last: bool,
    range: Range<usize>,
}

impl<S: Transport> Receiver<S> {
    pub(crate) fn new(outbox: Arc<Outbox<S>>, config: Arc<Config>, core: sockeye::Receiver, early: &[u8]) -> Self {
        Receiver {
            outbox,
            core,
            input: Input::with(early),
            partial: None,
            clock: Clock::new(),
            close: None,
            ending: None,
            config,
        }
    }

    /// The next piece of a message, in the read buffer: nothing is put together, messages may be of any size. `None`
    /// after the closing handshake.
    ///
    /// # Errors
    /// What ended the connection; the peer was told if it can be.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing.
    pub async fn next(&mut self) -> Result<Option<Chunk<'_>>, Error> {
        let Some(found) = Next(self).await? else { return Ok(None) };
        Ok(Some(Chunk { kind: found.kind, payload: self.input.get_mut(found.range), last: found.last }))
    }

    /// The next message, whole: where it lies if it came by one read, else put together. `None` after the closing
    /// handshake.
    ///
    /// # Errors
    /// What ended the connection; the peer was told if it can be.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing. Between two calls of it, [`next`](Self::next) must not be called inside a message.
    pub fn message(&mut self) -> impl Future<Output = Result<Option<Message<'_>>, Error>> {
        Whole(Some(self))
    }

    /// The same without a future, for those who write their own.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message<'_>>, Error>> {
        self.poll_whole(cx).map_ok(|found| found.map(|found| self.whole(found)))
    }

    /// Discards messages until the connection ends: for who only sends, and still wants pings answered.
    ///
    /// # Errors
    /// What ended the connection otherwise than by a close.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing that it has not discarded before.
    pub async fn drain(&mut self) -> Result<(), Error> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// The peer's close frame, once it came: its code and its reason.
    pub fn close(&self) -> Option<&Close> {
        self.close.as_deref()
    }

    /// How long the peer took for the last ping that it answered.
    pub fn round_trip(&self) -> Option<Duration> {
        self.outbox.round_trip()
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Found>, Error>> {
        let mut fills = 0;
        loop {
            if let Some(ending) = &mut self.ending {
                return ending.poll(cx, &self.outbox, &mut self.clock);
            }
            if let Some(found) = self.next_in_buffer() {
                return Poll::Ready(Ok(Some(found)));
            }
            if let Some(found) = self.parse() {
                self.outbox.set_holding(!self.input.is_empty());
                return Poll::Ready(Ok(Some(found)));
            }
            if self.ending.is_some() {
                continue;
            }
            if fills < FILLS {
                fills += 1;
                ready!(self.poll_fill(cx));
            } else {
                cx.waker().wake_by_ref();
                ready!(self.poll_deadlines(cx));
            }
        }
    }

    /// Hands the bytes that are there to the core, until it finds a chunk.
    fn parse(&mut self) -> Option<Found> {
        let mut owing = false;
        while !self.input.is_empty() {
            let mut unused = self.input.unused();
            let event = self.core.next_event(&mut unused);
            let left = unused.len();
            match event {
                Ok(None) => {}
                Ok(Some(Event::Data(Chunk { kind, payload, last }))) => {
                    let len = payload.len();
                    let end = self.input.keep(left);
                    if last {
                        self.clock.message();
                    }
                    if owing {
                        self.outbox.ensure_flusher();
                    }
                    return Some(Found { kind, last, range: end - len..end });
                }
                Ok(Some(Event::Ping(ping))) => {
                    self.outbox.push(ping.reply());
                    owing = true;
                }
                Ok(Some(Event::Pong(pong))) => self.outbox.pong(pong.payload()),
                Ok(Some(Event::Close(close))) => {
                    self.outbox.push(close.clone().reply());
                    self.close = Some(Box::new(close));
                    self.end(None);
                }
                Err(error) => self.end(Some(Error::Protocol(error))),
            }
            if self.ending.is_none() {
                self.input.keep(left);
            }
        }
        None
    }

    /// Ready when there is something to handle: new bytes, or the connection's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outbox.set_holding(false);
        let read = self.outbox.poll_read(cx, self.input.take());
        match read {
            Poll::Ready(Ok(len)) => self.input.filled(len),
            _ => self.input.release(),
        }
        self.poll_read(cx, read)
    }

    /// Handles what a read came to.
    fn poll_read(&mut self, cx: &mut Context<'_>, read: Poll<io::Result<usize>>) -> Poll<()> {
        match read {
            Poll::Ready(Ok(0)) => self.end(Some(Error::Lost)),
            Poll::Ready(Ok(_)) => self.clock.heard(),
            Poll::Ready(Err(error)) => self.end(Some(error.into())),
            Poll::Pending => return self.poll_deadlines(cx),
        }
        Poll::Ready(())
    }

    /// Ready when the connection's end has begun.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.clock.waiting(self.core.in_message());
        loop {
            let (failed, closed_at) = self.outbox.state();
            let error = if failed.is_some() {
                failed
            } else if self.partial.as_ref().is_some_and(|partial| partial.share.is_evicted(cx.waker())) {
                Some(Error::OverBudget)
            } else {
                match ready!(self.clock.poll(cx, &self.config, closed_at)) {
                    Due::End(Error::PongTimeout) if self.clock.is_taking(self.outbox.taken_while_behind()) => None,
                    Due::End(error) => Some(error),
                    Due::Ping => None,
                }
            };
            if error.is_some() {
                self.end(error);
                return Poll::Ready(());
            }
            self.outbox.ping(cx, &rand::random::<[u8; 8]>());
            self.clock.pinged(self.outbox.taken_while_behind());
        }
    }

    /// Begins the end: after the peer's close frame, or because of an error.
    fn end(&mut self, error: Option<Error>) {
        self.partial = None;
        self.input.release();
        self.ending = Some(Box::new(Ending::new(error, &self.outbox, &self.config)));
    }
}

/// Putting messages together.
impl<S: Transport> Receiver<S> {
    #[inline]
    fn poll_whole(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Found>, Error>> {
        if self.partial.is_none()
            && let Some(found) = self.next_in_buffer()
        {
            return Poll::Ready(Ok(Some(found)));
        }
        self.poll_put_together(cx)
    }

    /// The next message if it lies in the buffer whole, as most do.
    #[inline(always)]
    fn next_in_buffer(&mut self) -> Option<Found> {
        let mut unused = self.input.unused();
        let Chunk { kind, payload, last } = self.core.next_message(&mut unused)?;
        let (len, left) = (payload.len(), unused.len());
        let end = self.input.keep(left);
        self.clock.message();
        self.outbox.set_holding(left > 0);
        Some(Found { kind, last, range: end - len..end })
    }

    fn poll_put_together(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Found>, Error>> {
        if self.partial.as_ref().is_some_and(|partial| partial.whole) {
            self.partial = None;
        }
        loop {
            let direct = self.partial.is_some() && self.input.is_empty() && self.ending.is_none();
            let found = if direct && self.core.frame_remaining() >= DIRECT {
                ready!(self.poll_direct(cx))
            } else {
                let Some(found) = ready!(self.poll_chunk(cx))? else { return Poll::Ready(Ok(None)) };
                if found.last && self.partial.is_none() {
                    return Poll::Ready(Ok(Some(found)));
                }
                let partial = self.partial.get_or_insert_with(|| Partial::new(&self.config));
                partial.append(self.input.get(found.range.clone()), self.core.frame_remaining());
                Some(found)
            };
            if let Some(found) = found.filter(|found| found.last) {
                if let Some(partial) = &mut self.partial {
                    partial.whole = true;
                }
                return Poll::Ready(Ok(Some(found)));
            }
        }
    }

    /// Reads the rest of a long frame to where it belongs.
    fn poll_direct(&mut self, cx: &mut Context<'_>) -> Poll<Option<Found>> {
        self.outbox.set_holding(false);
        self.input.release();
        let remaining = self.core.frame_remaining();
        let Some(partial) = &mut self.partial else { return Poll::Ready(None) };
        partial.make_room(0, remaining);
        let bytes = &mut partial.bytes;
        let start = bytes.len();
        let limit = usize::try_from(remaining).unwrap_or(usize::MAX);
        let read = self.outbox.poll_read_with(cx, |io, cx| poll_read_buf(io, cx, &mut (&mut *bytes).limit(limit)));
        ready!(self.poll_read(cx, read));
        let bytes = self.partial.as_mut().and_then(|partial| partial.bytes.get_mut(start..));
        let mut unused = bytes.unwrap_or_default();
        match self.core.next_event(&mut unused) {
            Ok(Some(Event::Data(Chunk { kind, last, .. }))) => {
                if last {
                    self.clock.message();
                }
                return Poll::Ready(Some(Found { kind, last, range: 0..0 }));
            }
            Ok(_) => {}
            Err(error) => self.end(Some(Error::Protocol(error))),
        }
        Poll::Ready(None)
    }

    fn whole(&self, found: Found) -> Message<'_> {
        let payload = match &self.partial {
            Some(partial) => &partial.bytes,
            None => self.input.get(found.range),
        };
        Message { kind: found.kind, payload }
    }
}

/// The next chunk, by its place.
struct Next<'a, S>(&'a mut Receiver<S>);

impl<S: Transport> Future for Next<'_, S> {
    type Output = Result<Option<Found>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.next_in_buffer() {
            Some(found) => Poll::Ready(Ok(Some(found))),
            None => self.0.poll_chunk(cx),
        }
    }
}

/// The next message; the receiver until it is there.
struct Whole<'r, S>(Option<&'r mut Receiver<S>>);

impl<'r, S: Transport> Future for Whole<'r, S> {
    type Output = Result<Option<Message<'r>>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(receiver) = self.0.take() else { return Poll::Pending };
        match receiver.poll_whole(cx) {
            Poll::Ready(found) => Poll::Ready(found.map(|found| found.map(|found| receiver.whole(found)))),
            Poll::Pending => {
                self.0 = Some(receiver);
                Poll::Pending
            }
        }
    }
}

impl Partial {
    fn new(config: &Config) -> Box<Self> {
        let share = Share::new(&config.budget.partial);
        Box::new(Partial { bytes: pool::take_queue(), whole: false, share })
    }

    fn append(&mut self, piece: &[u8], remaining: u64) {
        self.make_room(piece.len(), remaining);
        self.bytes.extend_from_slice(piece);
    }

    /// Makes room for `piece` bytes that are there and, in steps, for `remaining` that were announced.
    fn make_room(&mut self, piece: usize, remaining: u64) {
        // To move what is there costs as much as to receive it: the next room is for three times as much.
        let step = FIRST_ROOM.max(3 * self.bytes.len());
        let ahead = usize::try_from(remaining).unwrap_or(usize::MAX).min(step);
        if self.bytes.capacity() - self.bytes.len() < piece + ahead.min(DIRECT as usize) {
            self.bytes.reserve_exact(piece + ahead);
        }
        self.share.hold(self.bytes.capacity());
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        pool::give_queue(std::mem::take(&mut self.bytes));
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("close", &self.close).finish_non_exhaustive()
    }
}
