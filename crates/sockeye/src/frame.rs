//! The frame header (RFC 6455 section 5.2): parse and encode.

use crate::error::ProtocolError;
use crate::mask::Key;

/// Bytes of the longest frame header.
pub const MAX_HEADER: usize = 14;
/// Bytes of the longest payload of a control frame (section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;
/// Bytes of the longest control frame: a short header, a mask, 125 bytes.
pub const MAX_CONTROL: usize = 2 + 4 + MAX_CONTROL_PAYLOAD;

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    pub(crate) mask: Option<Key>,
    pub(crate) len: u64,
}

/// What a frame is (section 11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    pub(crate) fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

impl Header {
    /// Reads a header from the front of `bytes`: it and its length, or `None` when bytes are missing.
    ///
    /// A broken rule is reported with the first byte that shows it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProtocolError> {
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let reserved = first >> 4 & 0b111;
        if reserved != 0 {
            return Err(ProtocolError::ReservedBits(reserved));
        }
        let fin = first & 0x80 != 0;
        let opcode = match first & 0x0f {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            other => return Err(ProtocolError::ReservedOpcode(other)),
        };
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }

        let [second, rest @ ..] = rest else { return Ok(None) };
        let len7 = second & 0x7f;
        if opcode.is_control() && usize::from(len7) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::ControlTooLong);
        }
        let (len, least, rest) = match len7 {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*len)), 126, rest)
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*len), 0x1_0000, rest)
            }
            len => (u64::from(len), 0, rest),
        };
        if len < least {
            return Err(ProtocolError::LengthNotMinimal);
        }
        if len >> 63 != 0 {
            return Err(ProtocolError::LengthTopBit);
        }

        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (Some(Key::from_le_bytes(*mask)), rest)
        };
        Ok(Some((Header { fin, opcode, mask, len }, bytes.len() - rest.len())))
    }

    /// Writes the header to the front of `out`, in the shortest form, and says how many bytes it took.
    pub(crate) fn encode(&self, out: &mut [u8; MAX_HEADER]) -> usize {
        let [first, second, rest @ ..] = out;
        *first = u8::from(self.fin) << 7 | self.opcode as u8;
        let (len7, more) = match self.len {
            len @ 0..126 => (len as u8, 0),
            len @ 126..0x1_0000 => (126, put(rest, 0, (len as u16).to_be_bytes())),
            len => (127, put(rest, 0, len.to_be_bytes())),
        };
        *second = u8::from(self.mask.is_some()) << 7 | len7;
        2 + self.mask.map_or(more, |key| put(rest, more, key.to_le_bytes()))
    }
}

/// Writes `bytes` to `out` at `at`, and says where they end.
fn put<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) -> usize {
    if let Some(to) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *to = bytes;
    }
    at + N
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        let lens = prop_oneof![0u64..300, 65_000u64..66_000, 0u64..1 << 63];
        (any::<bool>(), 0u8..6, any::<Option<Key>>(), lens).prop_map(|(fin, opcode, mask, len)| {
            let opcode =
                [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong]
                    [usize::from(opcode)];
            let control = opcode.is_control();
            Header { fin: fin || control, opcode, mask, len: if control { len % 126 } else { len } }
        })
    }

    proptest! {
        #[test]
        fn header_round_trips(header in any_header()) {
            let mut out = [0; MAX_HEADER];
            let len = header.encode(&mut out);
            prop_assert_eq!(Header::parse(&out[..len]), Ok(Some((header, len))));
            for cut in 0..len {
                prop_assert_eq!(Header::parse(&out[..cut]), Ok(None));
            }
        }
    }
}
