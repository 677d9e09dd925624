//! Handshakes, one after the other on each of so many connections at a time.

use std::io::{ErrorKind, Read as _};
use std::time::Instant;

use anyhow::{Result, bail};

use super::{Load, peer, summary};

/// Connects, upgrades, closes and waits for the server's end, `messages` times.
///
/// # Errors
/// If one is refused.
pub fn run(load: &Load) -> Result<()> {
    let close = super::frame::frame(0x88, &1000u16.to_be_bytes(), Some(rand::random()));
    let start = load.begin()?;
    let mut latencies = Vec::with_capacity(load.messages);
    for _ in 0..load.messages {
        let begin = Instant::now();
        let socket = peer::handshake(load.address, &load.path)?;
        latencies.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
        let mut socket = std::net::TcpStream::from(socket);
        socket.set_nonblocking(false)?;
        std::io::Write::write_all(&mut socket, &close)?;
        socket.shutdown(std::net::Shutdown::Write)?;
        let mut rest = [0; 64];
        loop {
            match socket.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => bail!("the server did not close: {error}"),
            }
        }
    }
    load.conclude(&summary(load.messages, start, latencies))
}
