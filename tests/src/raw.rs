//! A peer over a plain socket that may do what no peer should.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::frame::{self, Frame};
use crate::request::{Upgrade, accept_of};
use crate::{KEY, PATIENCE};

/// One end of a TCP connection. Every wait is bounded, and one that lasts too long fails the test.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// How many of them were handed out.
    taken: usize,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Response {
    /// Such as 101.
    pub status: u16,
    /// The head as it came.
    pub head: String,
}

impl Response {
    /// The value of a header, which must come at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice in {}", self.head);
        value
    }

    /// Whether a list header, in one line or many, has this token.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name).flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.head.lines().skip(1).filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Raw {
    /// Connects, and sends nothing yet.
    pub fn dial(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server takes the connection"))
    }

    /// The same with a receive buffer that is soon full.
    pub fn dial_narrow(address: SocketAddr) -> Self {
        let connect = async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(4096).expect("a small buffer");
            socket.connect(address).await.expect("the server takes the connection").into_std().expect("a socket")
        };
        Self::over(runtime().block_on(connect))
    }

    /// Connects and makes the handshake.
    pub fn open(address: SocketAddr, path: &str) -> Self {
        Self::dial(address).opened(&Upgrade::to(path))
    }

    /// Sends a request that must be accepted.
    pub fn opened(mut self, upgrade: &Upgrade) -> Self {
        self.send(&upgrade.bytes());
        let response = self.response().expect("an answer");
        assert_eq!(response.status, 101, "{}", response.head);
        assert_eq!(response.header("Sec-WebSocket-Accept"), Some(&*accept_of(KEY)));
        self
    }

    /// Takes a connection.
    pub fn accepted(listener: &TcpListener) -> Self {
        Self::over(listener.accept().expect("a client connects").0)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).expect("a socket can block");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Raw { stream, bytes: Vec::new(), taken: 0 }
    }

    /// Sends bytes, which must be taken.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the peer takes what is sent");
    }

    /// Sends bytes; whether they were taken before the peer closed the connection. That it takes nothing at all and
    /// does not close it fails the test.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write_all(bytes) {
            Ok(()) => true,
            Err(error) if is_timeout(error.kind()) => panic!("the peer takes nothing, and does not say so"),
            Err(_) => false,
        }
    }

    /// Sends `block` up to `times` times, and says how many bytes were taken before the peer took nothing more for
    /// a second, or closed the connection.
    pub fn flood(&mut self, block: &[u8], times: usize) -> usize {
        self.stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        let mut sent = 0;
        'flood: for _ in 0..times {
            let mut at = 0;
            while at < block.len() {
                match self.stream.write(&block[at..]) {
                    Ok(0) | Err(_) => break 'flood,
                    Ok(len) => (at, sent) = (at + len, sent + len),
                }
            }
        }
        self.stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        sent
    }

    /// The head of an answer; `None` if the connection ended before.
    pub fn response(&mut self) -> Option<Response> {
        let head = self.head()?;
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        Some(Response { status: status.unwrap_or_else(|| panic!("no status line: {head}")), head })
    }

    /// A head up to its empty line; `None` if the connection ended before.
    pub fn head(&mut self) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let bytes = &self.bytes[self.taken..];
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..at + 4].to_vec()).expect("a head is text");
                self.taken += at + 4;
                return Some(head);
            }
            if !self.fill(deadline) {
                return None;
            }
        }
    }

    /// The next frame; `None` if the connection ended before one was whole.
    pub fn frame(&mut self) -> Option<Frame> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(frame) = frame::take(&self.bytes, &mut self.taken) {
                return Some(frame);
            }
            if !self.fill(deadline) {
                return None;
            }
        }
    }

    /// The next message, which must be a text; an echo may come in pieces, as its message did.
    pub fn text(&mut self) -> String {
        let mut text = Vec::new();
        let mut first = frame::TEXT & 0x0f;
        loop {
            let frame = self.frame().expect("a message, not the end");
            assert_eq!(frame.first & !frame::ENDS, first, "{frame:?}");
            text.extend_from_slice(&frame.payload);
            if frame.first & frame::ENDS != 0 {
                return String::from_utf8(text).expect("a text is UTF-8");
            }
            first = frame::CONTINUES;
        }
    }

    /// The code of the close frame that comes next but for data and control frames; then the connection must end.
    /// `None` if it ends without.
    pub fn close_code(&mut self) -> Option<u16> {
        let code = self.close_frame_code();
        if code.is_some() {
            assert_eq!(self.rest(), b"", "nothing follows a close frame but the end");
        }
        code
    }

    /// The same without waiting for the end.
    pub fn close_frame_code(&mut self) -> Option<u16> {
        loop {
            if let Some(code) = self.frame()?.close_code() {
                return Some(code);
            }
        }
    }

    /// Everything that comes until the connection ends.
    pub fn rest(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        while self.fill(deadline) {}
        let rest = self.bytes[self.taken..].to_vec();
        self.taken = self.bytes.len();
        rest
    }

    /// Sends a ping and waits for its pong, over whatever comes before: all that was sent before it was handled.
    pub fn round_trip(&mut self, payload: &[u8]) {
        self.send(&frame::masked(frame::PING, payload));
        loop {
            let frame = self.frame().expect("a pong, not the end");
            if frame.first == frame::PONG && frame.payload == payload {
                return;
            }
        }
    }

    /// Ends our side, and reads on.
    pub fn shut(&self) {
        // It may be closed by now.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Drops the connection by a reset.
    pub fn reset(self) {
        self.reset_at_end();
    }

    /// Lets the connection end by a reset once it is dropped.
    pub fn reset_at_end(&self) {
        let _context = runtime().enter();
        let stream = self.stream();
        stream.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
        stream.set_zero_linger().expect("a TCP socket");
    }

    /// The address of this end.
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket")
    }

    /// The socket, for a second thread.
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket")
    }

    /// Whether more came, rather than the end.
    fn fill(&mut self, deadline: Instant) -> bool {
        assert!(Instant::now() < deadline, "nothing whole came for too long");
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(len) => {
                self.bytes.extend_from_slice(&buffer[..len]);
                len > 0
            }
            Err(error) if is_timeout(error.kind()) => panic!("nothing came for too long"),
            Err(_) => false,
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// For the socket options that only tokio's sockets have.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    })
}
