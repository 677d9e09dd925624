//! A WebSocket client over a connection of a host.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use sockeye_tests::frame::{self, BINARY, CLOSE, CONTINUES, ENDS, Frame, PING, PONG, closing, masked};
use sockeye_tests::{KEY, Response, Upgrade, accept_of};

use crate::DEVICE;
use crate::host::{Host, PACE};
use crate::stream::{PATIENCE, Stream};

/// The device's only port.
pub(crate) const SERVER: SocketAddrV4 = SocketAddrV4::new(DEVICE, 80);

/// A connection of which the handshake was made.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: Stream,
    bytes: Vec<u8>,
    /// How many of them were handed out.
    taken: usize,
}

/// There is no connection.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It was said why; the connection is not read to its end.
    Answered(Response, Stream),
    /// The TCP connection was not made, or ended.
    Failed(ErrorKind),
}

impl Refusal {
    fn of(error: io::Error) -> Self {
        Refusal::Failed(error.kind())
    }

    pub(crate) fn reason(&self) -> String {
        match self {
            Refusal::Answered(response, _) => response.head.clone(),
            Refusal::Failed(kind) => kind.to_string(),
        }
    }
}

impl Client {
    /// Connects as soon as there is a place.
    pub(crate) fn open(host: &Host) -> Self {
        Self::open_at(host, SERVER, PATIENCE).0
    }

    /// The same on any server, and how long there was no place.
    pub(crate) fn open_at(host: &Host, server: SocketAddrV4, limit: Duration) -> (Self, Duration) {
        let begun = Instant::now();
        loop {
            match host.connect(server).map_err(Refusal::of).and_then(Self::try_over) {
                Ok(client) => return (client, begun.elapsed()),
                Err(refusal) => {
                    assert!(begun.elapsed() < limit, "no place was free for {limit:?}: {}", refusal.reason());
                }
            }
            std::thread::park_timeout(PACE);
        }
    }

    /// Makes the handshake.
    pub(crate) fn try_over(stream: Stream) -> Result<Self, Refusal> {
        let mut client = Client { stream, bytes: Vec::new(), taken: 0 };
        let response = client.ask(&request()).map_err(Refusal::of)?;
        if response.status != 101 {
            return Err(Refusal::Answered(response, client.stream));
        }
        assert_eq!(response.header("Sec-WebSocket-Accept"), Some(&*accept_of(KEY)));
        Ok(client)
    }

    /// Sends bytes, which must be taken.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the device takes what is sent");
    }

    /// Sends a message and asserts that it comes back.
    pub(crate) fn echo(&mut self, payload: &[u8]) {
        self.send(&masked(BINARY, payload));
        let came = self.message();
        let same = came.iter().zip(payload).take_while(|(came, sent)| came == sent).count();
        assert!(came == payload, "{} bytes came of {}, the first {same} are right", came.len(), payload.len());
    }

    /// The next message, put together.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        let mut first = BINARY & !ENDS;
        loop {
            let frame = self.frame().expect("the connection holds").expect("it is not closed");
            assert_eq!(frame.first & !ENDS, first, "{frame:?}");
            message.extend_from_slice(&frame.payload);
            if frame.first & ENDS != 0 {
                return message;
            }
            first = CONTINUES;
        }
    }

    /// The next frame but for pings, which are answered; `None` if the connection ended before.
    pub(crate) fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = frame::take(&self.bytes, &mut self.taken) {
                if frame.first != PING {
                    return Ok(Some(frame));
                }
                self.stream.write_all(&masked(PONG, &frame.payload))?;
            } else if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Takes what came, without looking at it; whether that is not the end.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let mut buffer = [0; 16 * 1024];
        let len = self.stream.read(&mut buffer)?;
        self.bytes.extend_from_slice(&buffer[..len]);
        Ok(len > 0)
    }

    /// Closes as it should be done.
    pub(crate) fn close(mut self) {
        self.send(&masked(CLOSE, &closing(1000, b"")));
        let close = self.frame().expect("the connection holds").expect("the close is answered");
        assert_eq!(close.close_code(), Some(1000));
        assert_eq!(self.frame().expect("the connection ends in order"), None);
    }

    fn ask(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request)?;
        loop {
            if let Some(at) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(self.bytes[..at + 4].to_vec()).expect("a head is text");
                let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
                self.taken = at + 4;
                return Ok(Response { status: status.expect("a status line"), head });
            }
            if !self.fill()? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// A request that is accepted.
pub(crate) fn request() -> Vec<u8> {
    Upgrade::to("/").set("Host", &DEVICE.to_string()).bytes()
}

/// Bytes of which no two stretches are alike.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    use rand::{RngExt as _, SeedableRng as _};
    let mut noise = vec![0; len];
    rand::rngs::StdRng::seed_from_u64(seed).fill(&mut noise[..]);
    noise
}
