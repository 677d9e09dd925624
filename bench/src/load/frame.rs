//! Frames by an encoder of its own (RFC 6455 section 5.2).

use anyhow::{Result, bail};

use super::Kind;

/// One message as it goes out, and as it is to come back.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    pub(super) sent: Vec<u8>,
    /// The answer in one frame, or of a server that knows no frames: most come so.
    whole: Vec<u8>,
    /// The payload and the opcode of one that comes in more frames; `None` of a server that knows no frames.
    payload: Option<(Vec<u8>, u8)>,
}

/// How much of the message at hand came.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of the whole answer, or of the payload.
    at: usize,
    /// Bytes of a head that is not whole.
    head: Vec<u8>,
    /// The frame at hand: whether it is the last, and what of its payload is still to come.
    frame: Option<(bool, usize)>,
    /// What is still to come of a ping: a server may ask who is idle.
    ping: usize,
}

impl Traffic {
    pub(super) fn new(kind: Kind, bytes: usize, fragments: usize, raw: bool) -> Self {
        let payload = payload(kind, bytes);
        let opcode = if kind == Kind::Binary { 2 } else { 1 };
        let mut sent = Vec::new();
        let piece = bytes.div_ceil(fragments).max(1);
        let mut pieces = payload.chunks(piece).peekable();
        let mut opcodes = std::iter::once(opcode).chain(std::iter::repeat(0));
        loop {
            let piece = pieces.next().unwrap_or_default();
            let last = pieces.peek().is_none();
            let first = u8::from(last) << 7 | opcodes.next().unwrap_or(0);
            sent.extend(frame(first, piece, Some(rand::random())));
            if last {
                break;
            }
        }
        if raw {
            return Traffic { whole: sent.clone(), sent, payload: None };
        }
        Traffic { sent, whole: frame(0x80 | opcode, &payload, None), payload: Some((payload, opcode)) }
    }

    /// Compares what came: how many messages are whole with it.
    pub(super) fn compare(&self, progress: &mut Progress, mut came: &[u8]) -> Result<usize> {
        let mut whole = 0;
        while !came.is_empty() {
            if progress.is_between() && came.starts_with(&self.whole) {
                came = &came[self.whole.len()..];
                whole += 1;
                continue;
            }
            let done = match &self.payload {
                None => {
                    progress.take(&self.whole, &mut came, usize::MAX)?;
                    progress.at == self.whole.len()
                }
                Some((payload, opcode)) => match progress.frame {
                    None if progress.ping > 0 => {
                        let (_, later) = came.split_at(progress.ping.min(came.len()));
                        progress.ping -= came.len() - later.len();
                        came = later;
                        false
                    }
                    None => {
                        progress.head.push(came[0]);
                        came = &came[1..];
                        if let [PING, len] = progress.head[..] {
                            (progress.ping, progress.head) = (len.into(), Vec::new());
                            continue;
                        }
                        progress.frame = head(&progress.head, if progress.at == 0 { *opcode } else { 0 })?;
                        progress.frame == Some((true, 0))
                    }
                    Some((last, left)) => {
                        let left = left - progress.take(payload, &mut came, left)?;
                        progress.frame = Some((last, left));
                        if left == 0 && !last {
                            (progress.frame, progress.head) = (None, Vec::new());
                        }
                        left == 0 && last
                    }
                },
            };
            if done {
                if self.payload.as_ref().is_some_and(|(payload, _)| progress.at < payload.len()) {
                    bail!("a message came back that is too short");
                }
                *progress = Progress::default();
                whole += 1;
            }
        }
        Ok(whole)
    }
}

impl Progress {
    fn is_between(&self) -> bool {
        self.at == 0 && self.head.is_empty() && self.frame.is_none() && self.ping == 0
    }

    /// Takes at most `max` bytes, which are to go on as `expected` does.
    fn take(&mut self, expected: &[u8], came: &mut &[u8], max: usize) -> Result<usize> {
        let len = came.len().min(max);
        let (now, later) = came.split_at(len.min(expected.len() - self.at));
        if now != &expected[self.at..self.at + now.len()] || (now.is_empty() && len > 0) {
            bail!("what came back is not what was sent");
        }
        self.at += now.len();
        *came = later;
        Ok(now.len())
    }
}

/// The first byte of a ping.
const PING: u8 = 0x89;

/// FIN and the length, once `bytes` are a server's whole head.
fn head(bytes: &[u8], opcode: u8) -> Result<Option<(bool, usize)>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    if first & 0x7f != opcode || second & 0x80 != 0 {
        bail!("a frame begins with {first:#04x} {second:#04x}");
    }
    let len = match (second, rest) {
        (126, [a, b]) => usize::from(u16::from_be_bytes([*a, *b])),
        (127, &[_, _, _, _, a, b, c, d]) => u32::from_be_bytes([a, b, c, d]) as usize,
        (126 | 127, _) => return Ok(None),
        (len, _) => usize::from(*len),
    };
    Ok(Some((first & 0x80 != 0, len)))
}

fn payload(kind: Kind, bytes: usize) -> Vec<u8> {
    match kind {
        Kind::Binary => (0..bytes).map(|at| (at % 251) as u8).collect(),
        Kind::Text => (0..bytes).map(|at| b'a' + (at % 23) as u8).collect(),
        // An odd byte is filled with one of ASCII.
        Kind::Cyrillic => {
            let text: String = ('а'..='я').cycle().take(bytes / 2).chain((bytes % 2 == 1).then_some('.')).collect();
            text.into_bytes()
        }
    }
}

/// A frame; `first` has FIN and the opcode.
pub(super) fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(masked | len as u8),
        len @ 126..65_536 => {
            frame.push(masked | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(masked | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let key = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_writes_what_the_rfc_shows() {
        // Section 5.7.
        assert_eq!(frame(0x81, b"Hello", None), b"\x81\x05Hello");
        let masked = frame(0x81, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
        assert_eq!(masked, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        assert_eq!(frame(0x82, &[0; 256], None)[..4], [0x82, 0x7e, 1, 0]);
        assert_eq!(frame(0x82, &[0; 65_536], None)[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn fragments_make_up_the_message() {
        let Traffic { sent, whole, .. } = Traffic::new(Kind::Text, 10, 3, false);
        assert_eq!(whole[..2], [0x81, 10]);
        // Pieces of 4, 4 and 2 bytes.
        assert_eq!([sent[0], sent[10], sent[20]], [0x01, 0x00, 0x80]);
        assert_eq!(sent.len(), 3 * 6 + 10);
        assert_eq!(Traffic::new(Kind::Binary, 0, 1, false).whole, [0x82, 0]);
        assert!(str::from_utf8(&payload(Kind::Cyrillic, 125)).is_ok_and(|text| text.len() == 125));
    }

    /// What comes back in one frame, in many, in pieces of any size; and what is not what was sent.
    #[test]
    fn answers_are_compared_to_the_byte() {
        let traffic = Traffic::new(Kind::Text, 300, 1, false);
        let payload = payload(Kind::Text, 300);
        let many: Vec<u8> =
            [frame(0x01, &payload[..200], None), frame(0x00, &[], None), frame(0x80, &payload[200..], None)].concat();
        let (ping, many_len) = (frame(PING, b"idle?", None), many.len());
        let right = [traffic.whole.clone(), many.clone(), ping, traffic.whole.clone(), many].concat();
        for piece in [1, 2, 7, 150, right.len()] {
            let mut progress = Progress::default();
            let whole = right.chunks(piece).map(|came| traffic.compare(&mut progress, came).expect("it is right"));
            assert_eq!(whole.sum::<usize>(), 4);
        }
        // What a ping says does not matter.
        let ping = traffic.whole.len() + many_len + 2;
        for at in (0..right.len()).filter(|at| !(ping..ping + 5).contains(at)) {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            let whole = traffic.compare(&mut Progress::default(), &wrong);
            assert!(whole.is_err() || whole.is_ok_and(|whole| whole < 4), "byte {at}");
        }
    }
}
