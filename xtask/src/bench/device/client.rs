//! A client that asks for the echo of one message, to find the longest that comes back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

/// No message is longer: who echoes this one echoes any.
const MOST: usize = 4 << 20;

/// The frames of a message in frames.
const FRAME: usize = 1000;

/// A server that does not answer has failed.
const LIMIT: Duration = Duration::from_secs(5);

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The longest messages that come back; `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Longest {
    pub(super) in_one_frame: Option<usize>,
    pub(super) in_frames: Option<usize>,
}

/// Looks for them.
pub(super) fn longest(server: SocketAddr) -> Result<Longest> {
    if echo(server, 1, 1).is_err() {
        bail!("not even one byte comes back");
    }
    let most = |frame: usize| search(|bytes| echo(server, bytes, frame.min(bytes)).is_ok());
    Ok(Longest { in_one_frame: most(MOST), in_frames: most(FRAME) })
}

/// The largest number that is good, if [`MOST`] is not; 1 is.
fn search(good: impl Fn(usize) -> bool) -> Option<usize> {
    if good(MOST) {
        return None;
    }
    let (mut low, mut high) = (1, MOST);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if good(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// Sends a message in frames of so many bytes, and reads it back.
fn echo(server: SocketAddr, bytes: usize, frame: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13";
    write!(stream, "GET / HTTP/1.1\r\nHost: {server}\r\n{upgrade}\r\nSec-WebSocket-Key: {key}\r\n\r\n")?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let head = reader.by_ref().lines().take_while(|line| !line.as_ref().is_ok_and(String::is_empty));
    head.collect::<io::Result<Vec<_>>>()?;
    // Who echoes a piece at a time waits for what it wrote to be read.
    let writer = thread::spawn(move || send(&mut stream, bytes, frame));
    let received = receive(&mut reader, bytes);
    // Ends the writer, if it still waits.
    reader.get_ref().shutdown(std::net::Shutdown::Both)?;
    let _ = writer.join();
    received
}

fn send(stream: &mut TcpStream, bytes: usize, frame: usize) -> io::Result<()> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes {
        let len = frame.min(bytes - at);
        let fin = if at + len == bytes { 0x80 } else { 0 };
        out.push(fin | if at == 0 { 2 } else { 0 });
        match len {
            0..126 => out.push(0x80 | len as u8),
            126..0x1_0000 => out.extend([0x80 | 126, (len >> 8) as u8, len as u8]),
            _ => {
                out.push(0x80 | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        out.extend(KEY);
        out.extend((0..len).map(|i| payload(at + i) ^ KEY[i % KEY.len()]));
        at += len;
    }
    // At once: what comes in two reads is another matter to some.
    stream.write_all(&out)
}

/// Reads a message in any number of frames.
fn receive(stream: &mut impl Read, bytes: usize) -> io::Result<()> {
    let mut at = 0;
    loop {
        let [first, second] = take(stream)?;
        let len = match second {
            126 => u64::from(u16::from_be_bytes(take(stream)?)),
            127 => u64::from_be_bytes(take(stream)?),
            len => u64::from(len),
        };
        if first & 0x0f != if at == 0 { 2 } else { 0 } || len > (bytes - at) as u64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut part = vec![0; len as usize];
        stream.read_exact(&mut part)?;
        if part.iter().enumerate().any(|(i, byte)| *byte != payload(at + i)) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        at += part.len();
        if first & 0x80 != 0 {
            return if at == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
        }
    }
}

fn take<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn payload(at: usize) -> u8 {
    (at % 251) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_is_good_is_found() {
        for longest in [1, 2, 1020, 1024, MOST - 1] {
            assert_eq!(search(|bytes| bytes <= longest), Some(longest));
        }
        assert_eq!(search(|_| true), None);
    }
}
