//! What the tests share: a frame builder of its own, and `check`, which feeds each input in every split.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod http;

use sockeye::{Event, Kind, Limits, ProtocolError, Receiver};

/// The key of the frames below; any would do.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a peer could send it, allowed or not. It shares no code with the crate's encoder.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    fin: bool,
    reserved: u8,
    opcode: u8,
    /// Whether it is masked, if not as the role of its sender has it.
    masked: Option<bool>,
    key: [u8; 4],
    /// The length field, if not the shortest that tells the truth.
    length: Option<Length>,
    payload: Vec<u8>,
}

/// A length field: what it claims, in 2 or 8 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    In16(u16),
    In64(u64),
}

impl Frame {
    pub(crate) fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Frame { fin: true, reserved: 0, opcode, masked: None, key: KEY, length: None, payload }
    }

    pub(crate) fn more(mut self) -> Self {
        self.fin = false;
        self
    }

    pub(crate) fn reserved(mut self, bits: u8) -> Self {
        self.reserved = bits;
        self
    }

    pub(crate) fn masked(mut self, masked: bool) -> Self {
        self.masked = Some(masked);
        self
    }

    pub(crate) fn key(mut self, key: [u8; 4]) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn length(mut self, length: Length) -> Self {
        self.length = Some(length);
        self
    }

    /// A frame of these bytes that claims any length.
    pub(crate) fn claims(self, length: u64) -> Self {
        self.length(Length::In64(length))
    }

    pub(crate) fn bytes(&self, from: Role) -> Vec<u8> {
        let masked = self.masked.unwrap_or(from == Role::Client);
        let mut bytes = vec![u8::from(self.fin) * 0x80 + self.reserved * 0x10 + self.opcode];
        let mask_bit = u8::from(masked) * 0x80;
        let shortest = match self.payload.len() {
            len @ 0..=125 => {
                bytes.push(mask_bit + len as u8);
                None
            }
            len @ 126..=65535 => Some(Length::In16(len as u16)),
            len => Some(Length::In64(len as u64)),
        };
        if self.length.is_some() {
            bytes.truncate(1);
        }
        match self.length.or(shortest) {
            None => {}
            Some(Length::In16(len)) => {
                bytes.push(mask_bit + 126);
                bytes.extend([(len / 256) as u8, (len % 256) as u8]);
            }
            Some(Length::In64(len)) => {
                bytes.push(mask_bit + 127);
                bytes.extend((0..8).map(|i| (len >> (56 - 8 * i)) as u8));
            }
        }
        if masked {
            bytes.extend(self.key);
            bytes.extend(self.payload.iter().enumerate().map(|(i, byte)| byte ^ self.key[i % 4]));
        } else {
            bytes.extend(&self.payload);
        }
        bytes
    }
}

pub(crate) fn text(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(1, payload)
}

pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(2, payload)
}

pub(crate) fn continuation(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(0, payload)
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(9, payload)
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(10, payload)
}

pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Frame {
    Frame::new(8, [&code.to_be_bytes(), reason.as_ref()].concat())
}

pub(crate) fn close_empty() -> Frame {
    Frame::new(8, [])
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

impl Role {
    /// The receiver of its peer.
    pub(crate) fn peer(self) -> Receiver {
        match self {
            Role::Client => Receiver::server(),
            Role::Server => Receiver::client(),
        }
    }
}

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    /// Adjacent chunks of a message joined, `last` if they end it.
    Data(Kind, Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Got {
    pub(crate) fn text(payload: impl AsRef<[u8]>) -> Self {
        Got::Data(Kind::Text, payload.as_ref().to_vec(), true)
    }

    pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Self {
        Got::Data(Kind::Binary, payload.as_ref().to_vec(), true)
    }

    /// A piece that does not end its message.
    pub(crate) fn piece(kind: Kind, payload: impl AsRef<[u8]>) -> Self {
        Got::Data(kind, payload.as_ref().to_vec(), false)
    }

    pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Self {
        Got::Ping(payload.as_ref().to_vec())
    }

    pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Self {
        Got::Pong(payload.as_ref().to_vec())
    }

    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Got::Close(Some(code), reason.to_owned())
    }

    fn of(event: Event<'_>) -> Self {
        match event {
            Event::Data(chunk) => {
                assert!(chunk.last || !chunk.payload.is_empty(), "an empty chunk that ends nothing");
                Got::Data(chunk.kind, chunk.payload.to_vec(), chunk.last)
            }
            Event::Ping(ping) => Got::Ping(ping.payload().to_vec()),
            Event::Pong(pong) => Got::Pong(pong.payload().to_vec()),
            Event::Close(close) => Got::Close(close.code().map(|code| code.get()), close.reason().to_owned()),
        }
    }
}

/// What frames are to lead to: these events, then perhaps an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Got>,
    pub(crate) error: Option<ProtocolError>,
}

impl Outcome {
    fn push(&mut self, event: Got) {
        match (self.events.last_mut(), &event) {
            (Some(Got::Data(kind, bytes, last @ false)), Got::Data(more_kind, more, more_last)) => {
                assert_eq!(kind, more_kind, "a chunk of another kind inside a message");
                bytes.extend(more);
                *last = *more_last;
            }
            _ => self.events.push(event),
        }
    }

    /// How much of the piece before an invalid byte was reported depends on where the input was cut, and only that.
    fn settle(mut self) -> Self {
        if self.error == Some(ProtocolError::InvalidUtf8) && matches!(self.events.last(), Some(Got::Data(_, _, false)))
        {
            self.events.pop();
        }
        self
    }
}

pub(crate) fn events<const N: usize>(events: [Got; N]) -> Outcome {
    Outcome { events: events.into(), error: None }
}

/// Events, then this error. A piece of the text that an [`ProtocolError::InvalidUtf8`] is about is left out.
pub(crate) fn fails<const N: usize>(events: [Got; N], error: ProtocolError) -> Outcome {
    Outcome { events: events.into(), error: Some(error) }
}

/// Frames of either role, or of one.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    frames: Vec<Frame>,
    from: Vec<Role>,
    limits: Limits,
}

impl From<Frame> for Input {
    fn from(frame: Frame) -> Self {
        [frame].into()
    }
}

impl<const N: usize> From<[Frame; N]> for Input {
    fn from(frames: [Frame; N]) -> Self {
        Vec::from(frames).into()
    }
}

impl From<Vec<Frame>> for Input {
    fn from(frames: Vec<Frame>) -> Self {
        Input { frames, from: vec![Role::Client, Role::Server], limits: Limits::NONE }
    }
}

impl Input {
    pub(crate) fn new(frames: impl Into<Input>) -> Self {
        frames.into()
    }

    pub(crate) fn from(mut self, role: Role) -> Self {
        self.from = vec![role];
        self
    }

    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// The one check: the input as it is, byte by byte, and cut in two at every point, from both roles.
#[track_caller]
pub(crate) fn check(input: impl Into<Input>, expect: Outcome) {
    let input = input.into();
    for from in &input.from {
        let wire: Vec<u8> = input.frames.iter().flat_map(|frame| frame.bytes(*from)).collect();
        let receiver = || from.peer().with_limits(input.limits);
        let whole = feed(receiver(), [&wire[..]]);
        assert_eq!(whole, expect, "{from:?} sends {:x?}", &wire[..wire.len().min(200)]);
        same_in_every_split(&receiver, &wire, &whole);
    }
}

/// Any split: the same events once adjacent chunks of a message are joined, and the same error.
#[track_caller]
pub(crate) fn same_in_every_split(receiver: &dyn Fn() -> Receiver, wire: &[u8], whole: &Outcome) {
    let shown = &wire[..wire.len().min(200)];
    assert_eq!(&feed(receiver(), wire.chunks(1)), whole, "byte by byte: {shown:x?}");
    // Every point of a short input; of a long one those near its ends, and some between.
    let near = |at: usize| wire.len() <= 1024 || at < 64 || wire.len() - at < 64 || at.is_multiple_of(4093);
    for at in (0..=wire.len()).filter(|at| near(*at)) {
        let (a, b) = wire.split_at(at);
        assert_eq!(&feed(receiver(), [a, b]), whole, "cut at {at}: {shown:x?}");
    }
}

/// Feeds pieces one after the other, to the last also after an error.
#[track_caller]
pub(crate) fn feed<'i>(mut receiver: Receiver, pieces: impl IntoIterator<Item = &'i [u8]>) -> Outcome {
    let mut outcome = Outcome::default();
    for piece in pieces {
        feed_piece(&mut receiver, piece, &mut outcome);
    }
    outcome.settle()
}

#[track_caller]
fn feed_piece(receiver: &mut Receiver, piece: &[u8], outcome: &mut Outcome) {
    let mut buffer = piece.to_vec();
    let mut input = &mut buffer[..];
    loop {
        let closed = matches!(outcome.events.last(), Some(Got::Close(..)));
        match receiver.next_event(&mut input) {
            Ok(Some(event)) => {
                assert!(outcome.error.is_none() && !closed, "{event:?} after the end");
                outcome.push(Got::of(event));
            }
            Ok(None) => {
                assert!(outcome.error.is_none(), "the error was forgotten");
                assert!(input.is_empty(), "`None` left input");
                return;
            }
            Err(error) => {
                assert!(!closed, "{error} after a close");
                assert!(outcome.error.is_none_or(|first| first == error), "another error: {error}");
                assert!(input.is_empty(), "an error left input");
                outcome.error = Some(error);
                return;
            }
        }
    }
}

/// Feeds byte by byte, and says at which one the error came.
pub(crate) fn fails_at(mut receiver: Receiver, wire: &[u8]) -> Option<(usize, ProtocolError)> {
    let mut outcome = Outcome::default();
    for (at, byte) in wire.iter().enumerate() {
        feed_piece(&mut receiver, &[*byte], &mut outcome);
        if let Some(error) = outcome.error {
            return Some((at, error));
        }
    }
    None
}

/// A generator that is no secret: splitmix64, for what must be the same in every run.
pub(crate) struct Counted {
    state: u64,
    /// Every byte that was asked for, in order.
    pub(crate) given: Vec<u8>,
}

impl Counted {
    pub(crate) fn new(seed: u64) -> Self {
        Counted { state: seed, given: Vec::new() }
    }
}

impl rand::TryRng for Counted {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in &mut *out {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
        self.given.extend_from_slice(out);
        Ok(())
    }
}

impl rand::TryCryptoRng for Counted {}
