//! Bytes in, events out: every rule on what the peer sends.

use core::mem;

use crate::control::{Close, Control, Ping};
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
    /// The message that is open, and its bytes so far.
    message: Option<Kind>,
    message_len: u64,
    utf8: Utf8,
    /// The payload of the control frame at hand.
    control: Control,
}

/// How long a frame and a message may be, in bytes of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    Payload(Frame),
    Closed,
    Failed(ProtocolError),
}

/// The frame whose payload is being read.
#[derive(Debug)]
struct Frame {
    content: Content,
    key: Option<[u8; 4]>,
    remaining: u64,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Data { kind: Kind, fin: bool },
    Control(Opcode),
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
            message: None,
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
        match &self.state {
            State::Payload(frame) => frame.remaining,
            _ => 0,
        }
    }

    /// Whether a message or a frame has begun and not ended: what a deadline applies to.
    pub fn in_message(&self) -> bool {
        self.message.is_some() || self.header_len > 0 || matches!(self.state, State::Payload(_))
    }

    fn advance<'b>(&mut self, input: &mut &'b mut [u8]) -> Result<Option<Event<'b>>, ProtocolError> {
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(*error),
                State::Closed => return Ok(None),
                State::Header => {
                    let Some(header) = self.header(input)? else { return Ok(None) };
                    self.state = State::Payload(self.begin(header)?);
                }
                State::Payload(frame) => {
                    let payload = take(input, frame.remaining);
                    frame.remaining -= payload.len() as u64;
                    if let Some(key) = &mut frame.key {
                        mask::apply(key, payload);
                    }
                    let (content, end) = (frame.content, frame.remaining == 0);
                    if end {
                        self.state = State::Header;
                    }
                    match content {
                        Content::Control(opcode) => {
                            self.control.extend(payload);
                            return if end { self.control(opcode).map(Some) } else { Ok(None) };
                        }
                        Content::Data { kind, fin } => {
                            let last = end && fin;
                            self.data(kind, payload, last)?;
                            if last || !payload.is_empty() {
                                return Ok(Some(Event::Data(Chunk { kind, payload, last })));
                            }
                            if !end {
                                return Ok(None);
                            }
                        }
                    }
                }
            }
        }
    }

    /// The next header, from `input` or from the pieces that came before.
    fn header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, ProtocolError> {
        if self.header_len == 0
            && let Some((header, len)) = Header::parse(input)?
        {
            take(input, len as u64);
            return Ok(Some(header));
        }
        while let [byte] = *take(input, 1) {
            if let Some(free) = self.header.get_mut(usize::from(self.header_len)) {
                *free = byte;
                self.header_len += 1;
            }
            let so_far = self.header.get(..usize::from(self.header_len)).unwrap_or_default();
            if let Some((header, _)) = Header::parse(so_far)? {
                self.header_len = 0;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// The rules on a header that need to know what came before it.
    fn begin(&mut self, header: Header) -> Result<Frame, ProtocolError> {
        match (header.mask, self.masked) {
            (None, true) => return Err(ProtocolError::Unmasked),
            (Some(_), false) => return Err(ProtocolError::Masked),
            _ => {}
        }
        let content = match (header.opcode, self.message) {
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::Interleaved),
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text, None) => Content::Data { kind: Kind::Text, fin: header.fin },
            (Opcode::Binary, None) => Content::Data { kind: Kind::Binary, fin: header.fin },
            (Opcode::Continuation, Some(kind)) => Content::Data { kind, fin: header.fin },
            (opcode, _) => Content::Control(opcode),
        };
        match content {
            Content::Control(_) => self.control = Control::new(),
            Content::Data { kind, .. } => {
                if self.message.is_none() {
                    self.message = Some(kind);
                    self.message_len = 0;
                }
                self.message_len = self.message_len.saturating_add(header.len);
                if header.len > self.limits.frame {
                    return Err(ProtocolError::FrameTooBig(header.len));
                }
                if self.message_len > self.limits.message {
                    return Err(ProtocolError::MessageTooBig(self.message_len));
                }
            }
        }
        Ok(Frame { content, key: header.mask, remaining: header.len })
    }

    /// A text is UTF-8 as a whole; its frames may split a character (section 8.1).
    fn data(&mut self, kind: Kind, payload: &[u8], last: bool) -> Result<(), ProtocolError> {
        if kind == Kind::Text {
            self.utf8.feed(payload).map_err(|_| ProtocolError::InvalidUtf8)?;
            if last && !self.utf8.is_complete() {
                return Err(ProtocolError::InvalidUtf8);
            }
        }
        if last {
            self.message = None;
        }
        Ok(())
    }

    fn control<'b>(&mut self, opcode: Opcode) -> Result<Event<'b>, ProtocolError> {
        let control = self.control.clone();
        Ok(match opcode {
            Opcode::Ping => Event::Ping(Ping(control)),
            Opcode::Pong => Event::Pong(control),
            _ => {
                let close = Close::parse(control)?;
                self.state = State::Closed;
                Event::Close(close)
            }
        })
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
