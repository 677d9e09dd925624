//! A server that does to its client what no server should.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use crate::raw::Raw;
use crate::request::accept_of;

/// A server for one connection, on a thread of its own.
#[derive(Debug)]
pub struct Hostile<T> {
    address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Hostile<T> {
    /// Reads a request, then does this, which is given the request's key.
    pub fn answering(answer: impl FnOnce(&mut Raw, &str) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let thread = std::thread::spawn(move || {
            let mut raw = Raw::accepted(&listener);
            let request = raw.head().expect("a request");
            let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
            answer(&mut raw, key)
        });
        Hostile { address, thread }
    }

    /// Makes a proper handshake, then does this.
    pub fn after_handshake(talk: impl FnOnce(&mut Raw) -> T + Send + 'static) -> Self {
        Self::answering(move |raw, key| {
            raw.send(accepting(key, "").as_bytes());
            talk(raw)
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A ws:// URL that leads to it.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// What its part came to.
    pub fn join(self) -> T {
        self.thread.join().expect("the server's part went as it should")
    }
}

/// A proper 101, with more headers if there are any.
pub fn accepting(key: &str, headers: &str) -> String {
    let accept = accept_of(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
    )
}
