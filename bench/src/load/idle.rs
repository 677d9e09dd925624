//! Connections that wait: what they cost the server, fresh and after one message.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;

use super::{Load, echo, poll, turn};

/// What the server holds.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// The server's process, whose RSS is read.
    #[arg(long)]
    pid: u32,
    /// Where it tells how many bytes its heap has.
    #[arg(long)]
    heap: Option<SocketAddr>,
}

/// Opens the connections, lets each echo `messages` of them one after the other, and compares what the server holds
/// then with what it held before.
///
/// # Errors
/// If a connection is refused or lost.
pub fn run(load: &Load, server: &Server) -> Result<()> {
    let mut poll = poll()?;
    let traffic = load.traffic();
    let batch = traffic.sent.repeat(2);
    let mut buffer = vec![0; echo::READ];
    // The first connection brings what is made once.
    let first = Load { connections: 1, messages: load.messages.min(1), ..load.clone() };
    if first.messages > 0 {
        echo::exchange(&first)?;
    }
    let before = server.holds()?;
    let mut peers = load.open(&poll, 0)?;
    // One connection at a time: what is measured is what stays, not what all of them together need at once.
    for token in 0..if load.messages > 0 { peers.len() } else { 0 } {
        peers[token].add(1);
        peers[token].write(&traffic, &batch)?;
        let came = std::cell::Cell::new(false);
        let ready = |ready: usize| -> Result<()> {
            let peer = &mut peers[ready];
            peer.write(&traffic, &batch)?;
            if ready == token {
                came.set(peer.read(&traffic, &mut buffer, &mut Vec::new())? == 1 || peer.came == 1);
            }
            Ok(())
        };
        turn(&mut poll, ready, || came.get())?;
    }
    let after = server.settled()?;
    let each = |after: f64, before: f64| (after - before) / peers.len() as f64;
    load.conclude(&json!({
        "connections": peers.len(),
        "rss": each(after.rss, before.rss),
        "heap": after.heap.zip(before.heap).map(|(after, before)| each(after, before)),
    }))
}

#[derive(Clone, Copy, PartialEq)]
struct Holds {
    rss: f64,
    heap: Option<f64>,
}

impl Server {
    /// What it holds once that does not change any more: it may still be at what it got last.
    fn settled(&self) -> Result<Holds> {
        let mut before = self.holds()?;
        loop {
            sleep(Duration::from_millis(100));
            let now = self.holds()?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
    }

    fn holds(&self) -> Result<Holds> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).context("no such server")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no RSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        let heap = match self.heap {
            None => None,
            Some(address) => {
                let mut text = String::new();
                TcpStream::connect(address)?.read_to_string(&mut text)?;
                Some(text.parse()?)
            }
        };
        Ok(Holds { rss: kib * 1024.0, heap })
    }
}
