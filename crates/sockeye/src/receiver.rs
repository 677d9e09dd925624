//! Bytes in, events out: every rule on what the peer sends.

use core::mem;

use crate::control::{Close, Control, Ping};
use crate::copy::{append, front};
use crate::error::ProtocolError;
use crate::event::{Chunk, Event, Kind};
use crate::frame::{Header, MAX_HEADER, Opcode};
use crate::mask::{self, Key};
use crate::utf8::{self, Utf8};

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
            *input = &mut [];
        }
        event
    }

    /// The next message, if it is at the front of `input`, whole and in one frame of at most 64 KiB. For everything else
    /// there is [`next_event`](Self::next_event): then this is `None`, and `input` is as it was.
    ///
    /// It is a shorter way to what the other would say, for a host, whose reads bring many short messages.
    #[inline(always)]
    pub fn next_message<'b>(&mut self, input: &mut &'b mut [u8]) -> Option<Chunk<'b>> {
        if !matches!(self.state, State::Header) || self.open || self.header_len > 0 {
            return None;
        }
        let [first, second, ..] = **input else { return None };
        let kind = match first {
            0x81 => Kind::Text,
            0x82 => Kind::Binary,
            _ => return None,
        };
        let (len, mut head) = match second & 0x7f {
            126 => match **input {
                [_, _, a, b, ..] => (usize::from(u16::from_be_bytes([a, b])), 4),
                _ => return None,
            },
            len => (len.into(), 2),
        };
        // 126 and more have the longer form, and none has the longest.
        if (len < 126) == (head == 4) || (second & 0x80 != 0) != self.masked {
            return None;
        }
        let mut key = 0;
        if self.masked {
            key = Key::from_le_bytes(*input.get(head..)?.first_chunk()?);
            head += 4;
        }
        let end = head + len;
        if len as u64 > self.limits.frame || len as u64 > self.limits.message || input.len() < end {
            return None;
        }
        let unmask = |payload: &mut [u8]| {
            if self.masked {
                mask::apply(&mut { key }, payload);
            }
        };
        let all = mem::take(input);
        let payload = all.get_mut(head..end)?;
        unmask(payload);
        if kind == Kind::Text && utf8::validate(payload).is_err() {
            // The other way finds where.
            unmask(payload);
            *input = all;
            return None;
        }
        let (frame, rest) = all.split_at_mut_checked(end)?;
        *input = rest;
        Some(Chunk { kind, payload: frame.get_mut(head..)?, last: true })
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

    #[inline]
    fn advance<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            match self.state {
                State::Payload => {}
                State::Header => {
                    let Some(header) = self.header(input)? else { return Ok(None) };
                    self.begin(header)?;
                }
                State::Failed(error) => return Err(error),
                State::Closed => {
                    *input = &mut [];
                    return Ok(None);
                }
            }
            let payload = take(input, self.frame.len);
            self.frame.len -= payload.len() as u64;
            if let Some(key) = &mut self.frame.mask {
                mask::apply(key, payload);
            }
            let end = self.frame.len == 0;
            if self.frame.opcode.is_control() {
                return self.control(payload, end, input);
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

    /// The next header: at the front of `input`, or begun in the pieces that came before.
    #[inline]
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
    #[inline(never)]
    fn joined(&mut self, input: &[u8]) -> &[u8] {
        let len = append(&mut self.header, self.header_len.into(), input);
        front(&self.header, len)
    }

    /// The rules on a header that need to know what came before it.
    #[inline]
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
    #[inline]
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
    fn control<'b>(
        &mut self,
        payload: &[u8],
        end: bool,
        rest: &mut &'b mut [u8],
    ) -> Result<Option<Event<'b>>, ProtocolError> {
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
                *rest = &mut [];
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
