//! The receiving half: fills a buffer, hands it to the core, and keeps the deadlines.

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::ops::Range;
use core::pin::{Pin, pin};
use core::task::Poll;

use embassy_time::Timer;
use embedded_io_async::{Read, Write};
use sockeye::{Chunk, Close, Event, Kind, Masking, Reply, Unmasked};

use crate::clock::{Clock, Due};
use crate::error::Error;
use crate::outbox::{Job, Outbox};

/// The receiving half of a connection.
///
/// Pings are answered, the keepalive is kept and closes are answered while one of its futures is waited for; who
/// only sends runs [`drain`](Self::drain) beside it.
pub struct Receiver<'r, R, W, M = Unmasked> {
    outbox: &'r Outbox<'r, W, M>,
    reader: R,
    /// Inside a call of the reader.
    reading: bool,
    core: sockeye::Receiver,
    buffer: &'r mut [u8],
    /// What of the buffer is still to be handled.
    input: Range<usize>,
    /// How much of a message is in the buffer that [`message`](Self::message) was given.
    assembled: usize,
    clock: Clock,
    /// How it ended.
    end: Option<Result<(), Error<Infallible>>>,
}

/// A chunk that the core found, by its place: a borrow could not outlive the loop that looks for it.
struct Found {
    kind: Kind,
    last: bool,
    range: Range<usize>,
}

/// What an event comes to.
enum Step {
    Found(Found),
    Owing,
    Nothing,
}

/// What a wait is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Bytes,
    /// What is owed was written as far as that goes without waiting.
    Tried,
    /// What is owed was written.
    Written,
}

/// A whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'b> {
    /// Text or binary.
    pub kind: Kind,
    /// Its bytes; of a text they are valid UTF-8.
    pub payload: &'b [u8],
}

impl<'b> Message<'b> {
    /// The text, if it is one. It is checked again: without `unsafe` there is no other way to a `str`.
    pub fn text(&self) -> Option<&'b str> {
        if self.kind == Kind::Text { core::str::from_utf8(self.payload).ok() } else { None }
    }
}

impl<'r, R: Read, W: Write<Error = R::Error>, M: Masking> Receiver<'r, R, W, M> {
    pub(crate) fn new(
        outbox: &'r Outbox<'r, W, M>,
        reader: R,
        core: sockeye::Receiver,
        buffer: &'r mut [u8],
        input: Range<usize>,
    ) -> Self {
        let clock = Clock::new();
        Receiver { outbox, reader, reading: false, core, buffer, input, assembled: 0, clock, end: None }
    }

    /// The next piece of a message, in the read buffer: nothing is put together, messages may be of any size. `None`
    /// after the closing handshake.
    ///
    /// # Errors
    /// What ended the connection; the peer was told if it can be.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing, over a transport that loses nothing; see
    /// [`Config::cancel_safe`](crate::Config::cancel_safe).
    pub async fn next(&mut self) -> Result<Option<Chunk<'_>>, Error<R::Error>> {
        let Some(found) = self.find().await? else { return Ok(None) };
        let payload = self.buffer.get_mut(found.range).unwrap_or_default();
        Ok(Some(Chunk { kind: found.kind, payload, last: found.last }))
    }

    /// The next message, put together in `buffer`. `None` after the closing handshake.
    ///
    /// # Errors
    /// [`Error::TooBig`] if it does not fit, which ends the connection with 1009; else what ended the connection.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing if it is called again with the same buffer, and [`next`](Self::next) is not called
    /// inside a message.
    pub async fn message<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Message<'b>>, Error<R::Error>> {
        loop {
            let Some(found) = self.find().await? else { return Ok(None) };
            let piece = self.buffer.get(found.range).unwrap_or_default();
            let end = self.assembled.saturating_add(piece.len());
            let Some(room) = buffer.get_mut(self.assembled..end) else {
                self.end(Err(Error::TooBig));
                continue;
            };
            room.copy_from_slice(piece);
            self.assembled = if found.last { 0 } else { end };
            if found.last {
                return Ok(Some(Message { kind: found.kind, payload: buffer.get(..end).unwrap_or_default() }));
            }
        }
    }

    /// Discards messages until the connection ends: for who only sends, and still wants pings answered.
    ///
    /// # Errors
    /// What ended the connection otherwise than by a close.
    ///
    /// # Cancel safety
    /// As [`next`](Self::next).
    pub async fn drain(&mut self) -> Result<(), Error<R::Error>> {
        while self.find().await?.is_some() {}
        Ok(())
    }

    /// The peer's close frame, once it came: its code and its reason.
    pub fn close(&self) -> Option<Close> {
        self.core.close()
    }

    /// The next chunk.
    async fn find(&mut self) -> Result<Option<Found>, Error<R::Error>> {
        loop {
            let until = match self.end {
                // Our last frame is on its way; if it does not go out, the connection's end is the same.
                Some(end) if end.map_or_else(|error| error.close_code().is_some(), |()| true) => Until::Written,
                Some(end) => return end.map(|()| None).map_err(|error| error.again()),
                None => match self.parse() {
                    Some(Step::Found(found)) => return Ok(Some(found)),
                    // Each ping is answered while the transport takes it (Autobahn 2.10 counts ten pongs).
                    Some(Step::Owing) if self.outbox.config.cancel_safe => Until::Tried,
                    Some(_) => continue,
                    None => Until::Bytes,
                },
            };
            let waited = self.wait(until).await;
            match until {
                Until::Bytes => self.filled(waited)?,
                Until::Tried => {}
                Until::Written => {
                    return self.end.map_or(Ok(None), |end| end.map(|()| None).map_err(|error| error.again()));
                }
            }
        }
    }

    /// Hands the bytes that are there to the core, and says what they come to; `None` when there are none.
    fn parse(&mut self) -> Option<Step> {
        let mut input = self.buffer.get_mut(self.input.clone()).filter(|input| !input.is_empty())?;
        let event = self.core.next_event(&mut input);
        self.input.start = self.input.end - input.len();
        if !self.core.in_message() {
            self.clock.message_ended();
        }
        match event {
            Ok(None | Some(Event::Pong(_))) => {}
            Ok(Some(Event::Data(Chunk { kind, payload, last }))) => {
                let end = self.input.start;
                return Some(Step::Found(Found { kind, last, range: end.saturating_sub(payload.len())..end }));
            }
            Ok(Some(Event::Ping(ping))) => {
                self.outbox.push(ping.reply());
                return Some(Step::Owing);
            }
            Ok(Some(Event::Close(close))) => {
                self.outbox.push(close.reply());
                self.end = Some(Ok(()));
            }
            Err(error) => self.end(Err(Error::Protocol(error))),
        }
        Some(Step::Nothing)
    }

    /// Waits for bytes, and meanwhile writes what is owed: for both together, never for the write alone. Says how many
    /// bytes came, if they were waited for.
    async fn wait(&mut self, until: Until) -> Result<usize, Error<R::Error>> {
        let outbox = self.outbox;
        let mut read = pin!(None);
        if until == Until::Bytes {
            if self.reading && !outbox.config.cancel_safe {
                return Err(Error::Aborted);
            }
            self.reading = true;
            self.clock.waiting(self.core.in_message());
            read.set(Some(self.reader.read(self.buffer)));
        }
        let mut write = pin!(outbox.is_owing().then(|| outbox.send(Job::Nothing)));
        let mut came = None;
        poll_fn(|cx| {
            if let Some(reading) = read.as_mut().as_pin_mut()
                && let Poll::Ready(len) = reading.poll(cx)
            {
                read.set(None);
                came = Some(len.map_err(Error::Io));
            }
            loop {
                // A write that is not cancel-safe is not dropped, even if bytes came meanwhile.
                if came.is_some() && (outbox.config.cancel_safe || write.is_none()) {
                    return came.take().map_or(Poll::Pending, Poll::Ready);
                }
                if let Some(writing) = write.as_mut().as_pin_mut()
                    && let Poll::Ready(written) = writing.poll(cx)
                {
                    write.set(None);
                    if let Err(error) = written {
                        return Poll::Ready(Err(error));
                    }
                    continue;
                }
                if until == Until::Tried || (until == Until::Written && write.is_none()) {
                    return Poll::Ready(Ok(0));
                }
                if let Some(error) = outbox.failed() {
                    return Poll::Ready(Err(error));
                }
                outbox.register_receiver(cx);
                match self.clock.due(outbox.config, outbox.closed_at()) {
                    Due::Later(at) => return Pin::new(&mut Timer::at(at)).poll(cx).map(|()| Ok(0)),
                    Due::End(error) => return Poll::Ready(Err(error)),
                    Due::Ping => {
                        outbox.push_ping();
                        if write.is_none() {
                            write.set(Some(outbox.send(Job::Nothing)));
                        }
                    }
                }
            }
        })
        .await
    }

    /// Takes what a wait for bytes came to.
    fn filled(&mut self, read: Result<usize, Error<R::Error>>) -> Result<(), Error<R::Error>> {
        self.reading = false;
        match read {
            Ok(0) => self.end(Err(Error::Lost)),
            Ok(len) => {
                self.clock.heard();
                self.input = 0..len.min(self.buffer.len());
            }
            Err(error) => {
                self.end(Err(error.again()));
                if error.close_code().is_none() {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The connection's end has begun; the peer is told why, if it can be.
    fn end(&mut self, end: Result<(), Error<Infallible>>) {
        if let Err(error) = end {
            match error.close_code() {
                Some(code) => self.outbox.push(Reply::close(code)),
                None => _ = self.outbox.fail(error),
            }
        }
        self.end = Some(end);
    }
}

impl<R, W, M> fmt::Debug for Receiver<'_, R, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
