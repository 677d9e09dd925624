//! The load: one thread, non-blocking sockets, a frame encoder of its own; every byte that comes back is compared.
//!
//! What the server is asked for and what is measured is in one file each: [`echo`], [`receive`], [`broadcast`],
//! [`idle`], [`connect`].

pub mod broadcast;
pub mod connect;
pub mod echo;
mod frame;
pub mod idle;
mod peer;
pub mod receive;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use mio::{Events, Poll};
use serde_json::{Value, json};

use self::frame::Traffic;
use self::peer::Peer;

/// A peer that says nothing for so long ends the load.
const PATIENCE: Duration = Duration::from_secs(60);

/// What all loads have in common.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// The server's address.
    #[arg(long)]
    address: SocketAddr,
    /// The path of its WebSocket.
    #[arg(long, default_value = "/")]
    path: String,
    /// Connections at a time.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Bytes of payload a message.
    #[arg(long, default_value_t = 125)]
    bytes: usize,
    /// Messages on their way at a time, on each connection.
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1)]
    messages: usize,
    /// Frames a message.
    #[arg(long, default_value_t = 1)]
    fragments: usize,
    /// What the messages are.
    #[arg(long, value_enum, default_value_t = Kind::Binary)]
    kind: Kind,
    /// Send only when all that was sent before came back: the server sees the same bytes by the same reads each time.
    #[arg(long)]
    lockstep: bool,
    /// Say `ready` when all connections are open, and go on when told by a line of input; at the end hold them open until
    /// the input ends.
    #[arg(long)]
    paced: bool,
    /// The server is no WebSocket server: it answers with the bytes it got, behind the handshake.
    #[arg(long)]
    raw: bool,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Any bytes.
    Binary,
    /// Text of ASCII.
    Text,
    /// Text of characters of two bytes.
    Cyrillic,
}

impl Load {
    /// Bytes of all messages that are to be sent on one connection, and that are to come back.
    fn traffic(&self) -> Traffic {
        Traffic::new(self.kind, self.bytes, self.fragments, self.raw)
    }

    /// Opens the connections, with the tokens from the first one on.
    fn open(&self, poll: &Poll, first: usize) -> Result<Vec<Peer>> {
        let tokens = first..first + self.connections;
        tokens.map(|token| Peer::open(self.address, &self.path, poll, token)).collect()
    }

    /// All connections are open: the time that counts begins.
    fn begin(&self) -> Result<Instant> {
        if self.paced {
            println!("ready");
            std::io::stdin().read_line(&mut String::new())?;
        }
        Ok(Instant::now())
    }

    /// Prints the result, and ends when that was seen.
    fn conclude(&self, summary: &Value) -> Result<()> {
        println!("{summary}");
        if self.paced {
            std::io::stdin().read_line(&mut String::new())?;
        }
        Ok(())
    }

    /// How many messages each connection has to send.
    fn each(&self) -> usize {
        self.messages / self.connections
    }
}

/// Polls until `done`, and calls `ready` with each connection that has something to do.
fn turn(poll: &mut Poll, mut ready: impl FnMut(usize) -> Result<()>, mut done: impl FnMut() -> bool) -> Result<()> {
    let mut events = Events::with_capacity(1024);
    while !done() {
        poll.poll(&mut events, Some(PATIENCE))?;
        if events.is_empty() {
            anyhow::bail!("the server said nothing for {} s", PATIENCE.as_secs());
        }
        for event in &events {
            ready(event.token().0)?;
        }
    }
    Ok(())
}

/// What is printed: how many messages in what time, and how long they took to come back.
fn summary(messages: usize, start: Instant, mut latencies: Vec<u32>) -> Value {
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).map(|ns| f64::from(*ns) / 1e3);
    json!({ "messages": messages, "seconds": seconds, "p50_us": at(0.5), "p99_us": at(0.99) })
}

fn poll() -> Result<Poll> {
    Poll::new().context("no epoll")
}
