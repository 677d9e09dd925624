//! The receiving half: hands what came in to the core, and ends the connection as it must end.

use core::fmt;
use core::ops::Range;

use embedded_io_async::{Read, Write};
use sockeye::{Chunk, Close, Event, Kind, Masking, Reply, Unmasked};

use crate::error::{Error, Failure};
use crate::inbox::{Inbox, Until};

/// The receiving half of a connection.
///
/// Pings are answered, the keepalive is kept and closes are answered while one of its futures is waited for; who
/// only sends runs [`drain`](Self::drain) beside it.
pub struct Receiver<'r, R, W, M = Unmasked> {
    inbox: Inbox<'r, R, W, M>,
    core: sockeye::Receiver,
    /// How much of a message is in the buffer that [`message`](Self::message) was given.
    assembled: usize,
    /// How it ended.
    end: Option<End>,
}

/// A chunk that the core found, by its place: a borrow could not outlive the loop that looks for it.
struct Found {
    kind: Kind,
    last: bool,
    range: Range<usize>,
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// By the peer's close frame.
    Closed,
    /// By a rule that the peer broke; the core knows which.
    Protocol,
    Failed(Failure),
}

/// What an event comes to.
enum Step {
    Found(Found),
    Owing,
    Nothing,
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
    pub(crate) fn new(mut inbox: Inbox<'r, R, W, M>, core: sockeye::Receiver) -> Self {
        inbox.clock.open();
        Receiver { inbox, core, assembled: 0, end: None }
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
        let payload = self.inbox.buffer.get_mut(found.range).unwrap_or_default();
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
            let piece = self.inbox.buffer.get(found.range).unwrap_or_default();
            let end = self.assembled.saturating_add(piece.len());
            let Some(room) = buffer.get_mut(self.assembled..end) else {
                self.fail(Failure::TooBig);
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
                Some(End::Failed(failure)) if failure.close_code().is_none() => return Err(failure.into()),
                // Our last frame is on its way; if it does not go out, the connection's end is the same.
                Some(_) => Until::Written,
                None => match self.parse() {
                    Some(Step::Found(found)) => return Ok(Some(found)),
                    // Each ping is answered while the transport takes it (Autobahn 2.10 counts ten pongs).
                    Some(Step::Owing) if self.inbox.outbox.config.cancel_safe => Until::Tried,
                    Some(_) => continue,
                    None => Until::Bytes,
                },
            };
            let waited = self.inbox.wait(until).await;
            match (until, waited) {
                (Until::Written, _) => return self.ended(),
                (Until::Bytes, Ok(0)) => self.fail(Failure::Lost),
                (Until::Bytes, Err(Error::Io(error))) => {
                    self.fail(Failure::Lost);
                    return Err(Error::Io(error));
                }
                (Until::Bytes, Err(error)) => self.fail(error.failure()),
                // A write that failed is found out again by the wait for bytes, after those that are here.
                _ => {}
            }
        }
    }

    /// What every call says after the end.
    fn ended(&mut self) -> Result<Option<Found>, Error<R::Error>> {
        match self.end {
            Some(End::Failed(failure)) => Err(failure.into()),
            Some(End::Protocol) => {
                self.core.next_event(&mut <&mut [u8]>::default()).map(|_| None).map_err(Error::Protocol)
            }
            Some(End::Closed) | None => Ok(None),
        }
    }

    /// Hands the bytes that are there to the core, and says what they come to; `None` when there are none.
    fn parse(&mut self) -> Option<Step> {
        let Inbox { buffer, input: range, clock, .. } = &mut self.inbox;
        let Some(mut input) = buffer.get_mut(range.clone()).filter(|input| !input.is_empty()) else {
            *range = 0..0;
            clock.waiting(self.core.in_message());
            return None;
        };
        let event = self.core.next_event(&mut input);
        range.start = range.end - input.len();
        if !self.core.in_message() {
            clock.message_ended();
        }
        match event {
            Ok(None | Some(Event::Pong(_))) => {}
            Ok(Some(Event::Data(Chunk { kind, payload, last }))) => {
                let end = range.start;
                return Some(Step::Found(Found { kind, last, range: end.saturating_sub(payload.len())..end }));
            }
            Ok(Some(Event::Ping(ping))) => {
                self.inbox.outbox.push(ping.reply());
                return Some(Step::Owing);
            }
            Ok(Some(Event::Close(close))) => {
                self.inbox.outbox.push(close.reply());
                self.end = Some(End::Closed);
            }
            Err(error) => {
                self.inbox.outbox.push(error.reply());
                self.end = Some(End::Protocol);
            }
        }
        Some(Step::Nothing)
    }

    /// The connection failed; the peer is told why, if it can be.
    fn fail(&mut self, failure: Failure) {
        match failure.close_code() {
            Some(code) => self.inbox.outbox.push(Reply::close(code)),
            None => self.inbox.outbox.fail(failure),
        }
        self.end = Some(End::Failed(failure));
    }
}

impl<R, W, M> fmt::Debug for Receiver<'_, R, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
