//! Events in, bytes out: every rule on what this side sends.

use rand_core::CryptoRng;

use crate::close::CloseCode;
use crate::control::Reply;
use crate::copy::{append, front};
use crate::error::SendError;
use crate::event::Kind;
use crate::frame::{Header, MAX_CONTROL, MAX_CONTROL_PAYLOAD, MAX_HEADER, Opcode};
use crate::mask::{self, Key};

/// The sending half of a connection: three bytes, besides a client's generator.
#[derive(Debug)]
pub struct Sender<M> {
    masking: M,
    /// The message that is open: its first chunk went out, its last did not.
    message: Option<Kind>,
    closed: bool,
}

impl Sender<Unmasked> {
    /// A server's, which never masks (RFC 6455 section 5.1).
    pub const fn server() -> Self {
        Sender { masking: Unmasked, message: None, closed: false }
    }

    /// What [`chunk`](Self::chunk) does, for at most 65,535 bytes: the head, and how many bytes of it there are, 2 or 4.
    /// It fits into a register, which a host that sends many short messages is the faster for.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close, [`SendError::KindChanged`] inside a message of the other kind.
    #[inline]
    pub fn short_chunk(&mut self, kind: Kind, len: u16, last: bool) -> Result<([u8; 4], usize), SendError> {
        let first = u8::from(last) << 7 | self.begin(kind, last)? as u8;
        let [a, b] = len.to_be_bytes();
        Ok(if len < 126 { ([first, b, 0, 0], 2) } else { ([first, 126, a, b], 4) })
    }
}

impl<R: CryptoRng> Sender<Masked<R>> {
    /// A client's, which masks each frame with a fresh key from `rng` (sections 5.3 and 10.3).
    pub const fn client(rng: R) -> Self {
        Sender { masking: Masked(rng), message: None, closed: false }
    }
}

impl<M: Masking> Sender<M> {
    /// The head of a frame with the next `len` bytes of a message, `last` if they end it.
    ///
    /// The caller sends [`Head::bytes`], then the payload after [`Head::mask`]. The payload of a text must be
    /// UTF-8 as a whole; that is the caller's to know (sections 5.4, 5.6 and 6.1).
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close, [`SendError::KindChanged`] inside a message of the other kind,
    /// [`SendError::TooLong`].
    pub fn chunk(&mut self, kind: Kind, len: u64, last: bool) -> Result<Head, SendError> {
        if len >> 63 != 0 {
            return Err(SendError::TooLong);
        }
        let opcode = self.begin(kind, last)?;
        Ok(Head::new(Header { fin: last, opcode, mask: self.masking.key().map(Key::from_le_bytes), len }))
    }

    /// The rules on what may come next.
    #[inline(always)]
    fn begin(&mut self, kind: Kind, last: bool) -> Result<Opcode, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let opcode = match self.message {
            None => kind.opcode(),
            Some(open) if open == kind => Opcode::Continuation,
            Some(_) => return Err(SendError::KindChanged),
        };
        self.message = if last { None } else { Some(kind) };
        Ok(opcode)
    }

    /// Writes a ping with at most 125 bytes of `payload` (section 5.5.2).
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close, [`SendError::ControlTooLong`].
    pub fn ping<'o>(&mut self, payload: &[u8], out: &'o mut [u8; MAX_CONTROL]) -> Result<&'o [u8], SendError> {
        self.control(Opcode::Ping, &[payload], out)
    }

    /// Writes a pong that no ping asked for: a one-way heartbeat (section 5.5.3).
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close, [`SendError::ControlTooLong`].
    pub fn pong<'o>(&mut self, payload: &[u8], out: &'o mut [u8; MAX_CONTROL]) -> Result<&'o [u8], SendError> {
        self.control(Opcode::Pong, &[payload], out)
    }

    /// Writes a close with at most 123 bytes of `reason` (section 5.5.1). It is the last frame.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close, [`SendError::ControlTooLong`].
    pub fn close<'o>(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &'o mut [u8; MAX_CONTROL],
    ) -> Result<&'o [u8], SendError> {
        self.control(Opcode::Close, &[&code.get().to_be_bytes(), reason.as_bytes()], out)
    }

    /// Writes what the peer is owed.
    ///
    /// # Errors
    /// [`SendError::Closed`] after a close: nothing is owed any more.
    pub fn reply<'o>(&mut self, reply: &Reply, out: &'o mut [u8; MAX_CONTROL]) -> Result<&'o [u8], SendError> {
        self.control(reply.opcode, &[reply.payload.payload()], out)
    }

    /// Whether a message is open: its first chunk was asked for, its last was not.
    pub fn in_message(&self) -> bool {
        self.message.is_some()
    }

    /// Whether our close frame was written, after which nothing may be sent.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn control<'o>(
        &mut self,
        opcode: Opcode,
        payload: &[&[u8]],
        out: &'o mut [u8; MAX_CONTROL],
    ) -> Result<&'o [u8], SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        let len = payload.iter().map(|part| part.len()).sum::<usize>();
        if len > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong);
        }
        self.closed = opcode == Opcode::Close;
        let key = self.masking.key();
        // Always the short form, and never a fragment.
        let mut start = append(out, 0, &[0x80 | opcode as u8, u8::from(key.is_some()) << 7 | len as u8]);
        if let Some(key) = key {
            start = append(out, start, &key);
        }
        let mut end = start;
        for part in payload {
            end = append(out, end, part);
        }
        if let Some(key) = key {
            mask::apply(&mut Key::from_le_bytes(key), out.get_mut(start..end).unwrap_or_default());
        }
        Ok(front(out, end))
    }
}

/// A frame's head, and the key that its payload is still to be masked with.
#[derive(Debug, Clone)]
pub struct Head {
    bytes: [u8; MAX_HEADER],
    len: u8,
    key: Option<Key>,
}

impl Head {
    fn new(header: Header) -> Self {
        let mut bytes = [0; MAX_HEADER];
        let len = header.encode(&mut bytes) as u8;
        Head { bytes, len, key: header.mask }
    }

    /// What goes out before the payload: 2 to 14 bytes.
    pub fn bytes(&self) -> &[u8] {
        front(&self.bytes, self.len.into())
    }

    /// Masks the next piece of the payload in place, in phase with the pieces before; a server's stays as it is.
    pub fn mask(&mut self, payload: &mut [u8]) {
        if let Some(key) = &mut self.key {
            mask::apply(key, payload);
        }
    }

    /// Whether the payload is to be masked: a client's.
    pub fn is_masked(&self) -> bool {
        self.key.is_some()
    }
}

/// Whether and how a side masks its frames: [`Unmasked`] or [`Masked`].
pub trait Masking: sealed::Sealed {
    /// The key of the next frame.
    #[doc(hidden)]
    fn key(&mut self) -> Option<[u8; 4]>;
}

/// A server's frames.
#[derive(Debug)]
pub struct Unmasked;

/// A client's frames: a fresh key for each, from a cryptographic generator.
#[derive(Debug)]
pub struct Masked<R>(R);

impl Masking for Unmasked {
    fn key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

impl<R: CryptoRng> Masking for Masked<R> {
    fn key(&mut self) -> Option<[u8; 4]> {
        let mut key = [0; 4];
        self.0.fill_bytes(&mut key);
        Some(key)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unmasked {}
    impl<R: rand_core::CryptoRng> Sealed for super::Masked<R> {}
}
