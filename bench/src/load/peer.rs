//! One connection of the load.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};

use super::frame::{Progress, Traffic};

pub(super) struct Peer {
    pub(super) socket: TcpStream,
    /// How many messages were asked for, and how many came back.
    pub(super) sent: usize,
    pub(super) came: usize,
    /// How far the first message that is not sent whole is sent, and the first one that has not come whole came.
    sent_to: usize,
    progress: Progress,
    /// How many of them are not sent whole.
    waiting: usize,
    /// When messages went out, and how many.
    times: VecDeque<(Instant, usize)>,
}

impl Peer {
    /// Connects, and does the handshake.
    pub(super) fn open(address: SocketAddr, path: &str, poll: &Poll, token: usize) -> Result<Self> {
        let mut socket = handshake(address, path)?;
        poll.registry().register(&mut socket, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        let times = VecDeque::new();
        Ok(Peer { socket, sent: 0, came: 0, sent_to: 0, progress: Progress::default(), waiting: 0, times })
    }

    /// Messages on their way.
    pub(super) fn in_flight(&self) -> usize {
        self.sent - self.came
    }

    /// Whether all that was asked for is sent.
    pub(super) fn is_sent(&self) -> bool {
        self.waiting == 0
    }

    /// `count` messages are to come that another connection sends now.
    pub(super) fn expect(&mut self, count: usize) {
        self.times.push_back((Instant::now(), count));
    }

    /// Asks for `count` messages more to be sent.
    pub(super) fn add(&mut self, count: usize) {
        if count > 0 {
            self.sent += count;
            self.waiting += count;
            self.expect(count);
        }
    }

    /// Writes what waits, as far as the socket takes it; `batch` is the message many times over.
    pub(super) fn write(&mut self, traffic: &Traffic, batch: &[u8]) -> Result<()> {
        while self.waiting > 0 {
            let left = self.waiting * traffic.sent.len() - self.sent_to;
            let end = batch.len().min(self.sent_to + left);
            match self.socket.write(&batch[self.sent_to..end]) {
                Ok(len) => {
                    let to = self.sent_to + len;
                    self.waiting -= to / traffic.sent.len();
                    self.sent_to = to % traffic.sent.len();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads all that is there and compares it: how many messages came whole.
    pub(super) fn read(&mut self, traffic: &Traffic, buffer: &mut [u8], latencies: &mut Vec<u32>) -> Result<usize> {
        let before = self.came;
        loop {
            let len = match self.socket.read(buffer) {
                Ok(0) => bail!("the server ended the connection"),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            self.came += traffic.compare(&mut self.progress, &buffer[..len])?;
            if len < buffer.len() {
                break;
            }
        }
        let came = self.came - before;
        let mut left = came;
        while let Some((since, count)) = self.times.front_mut().filter(|_| left > 0) {
            let now = left.min(*count);
            let took = u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX);
            latencies.extend(std::iter::repeat_n(took, now));
            *count -= now;
            left -= now;
            if *count == 0 {
                self.times.pop_front();
            }
        }
        Ok(came)
    }

    /// Ends our side.
    pub(super) fn shut_down(&mut self) -> Result<()> {
        Ok(self.socket.shutdown(Shutdown::Write)?)
    }
}

/// Connects and upgrades, blocking, then hands the socket over for non-blocking use.
pub(super) fn handshake(address: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut socket = std::net::TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut head = [0; 4096];
    let mut len = 0;
    while !head[..len].ends_with(b"\r\n\r\n") {
        match socket.read(&mut head[len..])? {
            0 => bail!("the server ended the handshake"),
            more => len += more,
        }
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        bail!("the server did not accept: {}", String::from_utf8_lossy(&head[..len]));
    }
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket))
}
