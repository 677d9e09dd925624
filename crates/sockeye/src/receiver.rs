//! Bytes in, events out: every rule on what the peer sends.

use core::mem;

use crate::control::{Close, Control, Ping};
use crate::copy::{append, front};
use crate::error::ProtocolError;
use crate::event::{Chunk, Event, Kind};
use crate::frame::{Header, MAX_HEADER, Opcode};
use crate::mask;
use crate::utf8::Utf8;

/// The receiving half of a connection: about 200 bytes, whatever the peer sends.
#[derive(Debug)]
pub struct Receiver {
    /// Whether the peer is the client, which must mask (RFC 6455 section 5.1).
    masked: bool,
    limits: Limits,
    state: State,
    /// A header that came in pieces.
    header: [u8; MAX_HEADER],
    header_len: u8,
    /// The frame whose payload is being read: the length is what remains of it, the key is in phase.
    frame: Header,
    /// The kind of the message that is open, or was the last, and its bytes so far.
    kind: Kind,
    open: bool,
    message_len: u64,
    utf8: Utf8,
    /// The payload of the control frame at hand.
    control: Control,
}

/// How long a frame and a message may be, in bytes of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// One frame of a message.
    pub frame: u64,
    /// All frames of a message.
    pub message: u64,
}

impl Limits {
    /// No limit: for whoever streams, and holds no message in memory.
    pub const NONE: Limits = Limits { frame: u64::MAX, message: u64::MAX };

    /// Messages of at most `bytes`, in frames of any size.
    pub const fn message(bytes: u64) -> Self {
        Limits { frame: u64::MAX, message: bytes }
    }
}

#[derive(Debug)]
enum State {
    Header,
    Payload,
    Closed,
    Failed(ProtocolError),
}

impl Receiver {
    /// A server's: the peer is a client. No limits.
    pub const fn server() -> Self {
        Self::new(true)
    }

    /// A client's: the peer is a server. No limits.
    pub const fn client() -> Self {
        Self::new(false)
    }

    const fn new(masked: bool) -> Self {
        Receiver {
            masked,
            limits: Limits::NONE,
            state: State::Header,
            header: [0; MAX_HEADER],
            header_len: 0,
            frame: Header { fin: true, opcode: Opcode::Text, mask: None, len: 0 },
            kind: Kind::Text,
            open: false,
            message_len: 0,
            utf8: Utf8::new(),
            control: Control::new(),
        }
    }

    /// Sets the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The next event in `input`, which loses the bytes that were used; `None` when all of them were.
    ///
    /// Nothing of `input` needs to be kept: a partial header and a partial control frame live in here. Call it
    /// until it answers `None`, then with new bytes. After an error it answers the same error for ever, after a
    /// close `None`, and discards what comes (RFC 6455 section 7.1.7).
    ///
    /// # Errors
    /// The rule that the peer broke; it is owed [`ProtocolError::reply`].
    pub fn next_event<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        let event = self.advance(input);
        if let Err(error) = event {
            self.state = State::Failed(error);
        }
        if let State::Closed | State::Failed(_) = self.state {
            *input = &mut [];
        }
        event
    }

    /// How many bytes of the frame at hand are still to come: what a reader may want to make room for.
    pub fn frame_remaining(&self) -> u64 {
        match self.state {
            State::Payload => self.frame.len,
            _ => 0,
        }
    }

    /// Whether a message or a frame has begun and not ended: what a deadline applies to.
    pub fn in_message(&self) -> bool {
        self.open || self.header_len > 0 || matches!(self.state, State::Payload)
    }

    /// The peer's close frame, once it came.
    pub fn close(&self) -> Option<Close> {
        matches!(self.state, State::Closed).then(|| Close(self.control.clone()))
    }

    fn advance<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Closed => return Ok(None),
                State::Header => {
                    let Some(header) = self.header(input)? else { return Ok(None) };
                    self.begin(header)?;
                }
                State::Payload => {
                    let payload = take(input, self.frame.len);
                    self.frame.len -= payload.len() as u64;
                    if let Some(key) = &mut self.frame.mask {
                        mask::apply(key, payload);
                    }
                    let end = self.frame.len == 0;
                    if self.frame.opcode.is_control() {
                        return self.control(payload, end);
                    }
                    let last = end && self.frame.fin;
                    self.data(payload, last)?;
                    if end {
                        self.state = State::Header;
                        self.open = !last;
                    }
                    if last || !payload.is_empty() {
                        return Ok(Some(Event::Data(Chunk { kind: self.kind, payload, last })));
                    }
                    if !end {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// The next header: at the front of `input`, or begun in the pieces that came before.
    fn header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, ProtocolError> {
        let before = usize::from(self.header_len);
        let bytes = if before == 0 { &**input } else { self.joined(input) };
        match Header::parse(bytes)? {
            Some((header, len)) => {
                self.header_len = 0;
                take(input, (len - before) as u64);
                Ok(Some(header))
            }
            None => {
                self.header_len = self.joined(input).len() as u8;
                *input = &mut [];
                Ok(None)
            }
        }
    }

    /// The pieces that came before, and what fits of `input` behind them.
    fn joined(&mut self, input: &[u8]) -> &[u8] {
        let len = append(&mut self.header, self.header_len.into(), input);
        front(&self.header, len)
    }

    /// The rules on a header that need to know what came before it.
    fn begin(&mut self, header: Header) -> Result<(), ProtocolError> {
        if self.masked != header.mask.is_some() {
            return Err(if self.masked { ProtocolError::Unmasked } else { ProtocolError::Masked });
        }
        if header.opcode.is_control() {
            self.control.clear();
        } else {
            match header.opcode {
                Opcode::Continuation if self.open => {}
                Opcode::Continuation => return Err(ProtocolError::UnexpectedContinuation),
                _ if self.open => return Err(ProtocolError::Interleaved),
                opcode => {
                    self.kind = if opcode == Opcode::Text { Kind::Text } else { Kind::Binary };
                    self.open = true;
                    self.message_len = 0;
                }
            }
            // No overflow: all of it but this frame has arrived, and a frame is shorter than 2^63.
            self.message_len = self.message_len.wrapping_add(header.len);
            if header.len > self.limits.frame {
                return Err(ProtocolError::FrameTooBig(header.len));
            }
            if self.message_len > self.limits.message {
                return Err(ProtocolError::MessageTooBig(self.message_len));
            }
        }
        self.frame = header;
        self.state = State::Payload;
        Ok(())
    }

    /// A text is UTF-8 as a whole; its frames may split a character (section 8.1).
    fn data(&mut self, payload: &[u8], last: bool) -> Result<(), ProtocolError> {
        if self.kind == Kind::Text {
            self.utf8.feed(payload).map_err(|_| ProtocolError::InvalidUtf8)?;
            if last && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        Ok(())
    }

    /// A control frame is an event when its payload came whole. Apart, since its 126 bytes by value would
    /// otherwise be in the way of the data.
    #[cold]
    #[inline(never)]
    fn control<'b>(&mut self, payload: &[u8], end: bool) -> Result<Option<Event<'b>>, ProtocolError> {
        self.control.extend(payload);
        if !end {
            return Ok(None);
        }
        self.state = State::Header;
        let control = self.control.clone();
        Ok(Some(match self.frame.opcode {
            Opcode::Ping => Event::Ping(Ping(control)),
            Opcode::Pong => Event::Pong(control),
            _ => {
                Close::check(self.control.payload())?;
                self.state = State::Closed;
                Event::Close(Close(control))
            }
        }))
    }
}

/// Takes at most `max` bytes from the front of `input`.
fn take<'b>(input: &mut &'b mut [u8], max: u64) -> &'b mut [u8] {
    let all = mem::take(input);
    let len = usize::try_from(max).unwrap_or(usize::MAX).min(all.len());
    let (taken, rest) = all.split_at_mut_checked(len).unwrap_or_default();
    *input = rest;
    taken
}
