//! The client's side of the frames: one to send, and what came back.

use super::script::{ACCEPT, BINARY, CLOSE, PING, PONG, TEXT, What};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Writes what is sent, and says how long it is.
pub(super) fn write(what: What, out: &mut [u8]) -> usize {
    let (opcode, len) = match what {
        What::Head(head) => return put(out, 0, head.iter().copied()),
        What::Frame(opcode, len) => (opcode, len),
    };
    let mut end = put(out, 0, [FIN | opcode]);
    end = match u8::try_from(len) {
        Ok(len @ 0..126) => put(out, end, [MASKED | len]),
        _ => put(out, end, [MASKED | 126, (len >> 8) as u8, len as u8]),
    };
    end = put(out, end, KEY);
    put(out, end, (0..len).map(|at| payload(opcode, at) ^ KEY[at % KEY.len()]))
}

/// Whether this is the answer to what was sent.
pub(super) fn is_answer(what: What, bytes: &[u8]) -> bool {
    match what {
        What::Head(_) => {
            bytes.starts_with(b"HTTP/1.1 101 ")
                && bytes.windows(ACCEPT.len()).any(|line| line.eq_ignore_ascii_case(ACCEPT))
                && bytes.ends_with(b"\r\n\r\n")
        }
        What::Frame(PING, len) => is_message(bytes, PONG, PING, len),
        What::Frame(opcode, len) => is_message(bytes, opcode, opcode, len),
    }
}

/// Whether this is a message, in any number of frames, with the payload of what was sent.
fn is_message(mut bytes: &[u8], opcode: u8, sent: u8, len: usize) -> bool {
    let mut at = 0;
    loop {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return false };
        let (size, rest) = match (second, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (size @ 0..126, rest) => (usize::from(size), rest),
            _ => return false,
        };
        let Some((part, rest)) = rest.split_at_checked(size) else { return false };
        let expected = if at == 0 { opcode } else { 0 };
        if first & !FIN != expected || !part.iter().enumerate().all(|(i, byte)| *byte == payload(sent, at + i)) {
            return false;
        }
        at += size;
        bytes = rest;
        if first & FIN != 0 {
            return at == len && bytes.is_empty();
        }
    }
}

/// A byte of a payload.
fn payload(opcode: u8, at: usize) -> u8 {
    match opcode {
        TEXT => b' ' + (at % 90) as u8,
        CLOSE => 1000u16.to_be_bytes()[at % 2],
        BINARY => (at % 251) as u8,
        _ => at as u8,
    }
}

fn put(out: &mut [u8], at: usize, bytes: impl IntoIterator<Item = u8>) -> usize {
    let mut end = at;
    for (to, byte) in out.iter_mut().skip(at).zip(bytes) {
        *to = byte;
        end += 1;
    }
    end
}
