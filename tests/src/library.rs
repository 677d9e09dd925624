//! A server of `sockeye-tokio` in this process, for settings that the program does not offer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sockeye_tokio::{AcceptError, Config, Connection, Error, accept};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::PATIENCE;

/// A listening server, and how its connections ended.
#[derive(Debug)]
pub struct Library {
    address: SocketAddr,
    ends: Receiver<(SocketAddr, End)>,
    /// The server's tasks end with it.
    _runtime: Runtime,
}

/// How a connection ended: its handshake, or what followed.
type End = Result<Result<(), Error>, AcceptError>;

impl Library {
    /// Echoes whole messages.
    pub fn echo(config: Config) -> Self {
        Self::serve(config, async |mut ws| {
            while let Some(message) = ws.receiver.message().await? {
                ws.sender.send(message.kind, message.payload).await?;
            }
            Ok(())
        })
    }

    /// Serves each connection so.
    pub fn serve<F>(config: Config, handler: impl Fn(Connection<TcpStream>) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let config = Arc::new(config);
        let (ended, ends) = channel();
        runtime.spawn(async move {
            loop {
                let (socket, peer) = listener.accept().await.expect("a client connects");
                let (config, handler, ended) = (config.clone(), handler.clone(), ended.clone());
                tokio::spawn(async move {
                    let end = match accept(socket, config).await {
                        Ok(ws) => Ok(handler(ws).await),
                        Err(error) => Err(error),
                    };
                    // At the end of a test nobody asks any more.
                    let _ = ended.send((peer, end));
                });
            }
        });
        Library { address, ends, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A ws:// URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// How the connection of this peer ended; others that ended before are forgotten.
    pub fn end_of(&self, peer: SocketAddr) -> Result<(), Error> {
        self.outcome_of(peer).expect("the handshake was made")
    }

    /// How the handshake of this peer failed.
    pub fn refusal_of(&self, peer: SocketAddr) -> AcceptError {
        self.outcome_of(peer).expect_err("the handshake failed")
    }

    fn outcome_of(&self, peer: SocketAddr) -> End {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (of, end) = self.ends.recv_timeout(left).expect("the connection ends");
            if of == peer {
                return end;
            }
        }
    }
}

/// Deadlines of 200 ms, and no keepalive.
pub fn short() -> Config {
    let short = Duration::from_millis(200);
    Config {
        handshake_timeout: short,
        message_timeout: short,
        ping_interval: None,
        pong_timeout: short,
        send_timeout: short,
        close_timeout: short,
        ..Config::default()
    }
}
