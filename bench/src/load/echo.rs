//! Each message comes back.

use anyhow::Result;
use serde_json::Value;

use super::peer::Peer;
use super::{Load, poll, summary, turn};

/// How much is read at a time.
pub(super) const READ: usize = 256 * 1024;

/// Sends a connection's messages, `in_flight` of them at a time.
///
/// # Errors
/// If one did not come back as it was sent.
pub fn run(load: &Load) -> Result<()> {
    let (peers, result) = exchange(load)?;
    load.conclude(&result)?;
    drop(peers);
    Ok(())
}

/// The connections, and what their messages took.
pub(super) fn exchange(load: &Load) -> Result<(Vec<Peer>, Value)> {
    let mut poll = poll()?;
    let traffic = load.traffic();
    let batch = traffic.sent.repeat(load.in_flight.min(1 + READ / traffic.sent.len()).max(2));
    let mut peers = load.open(&poll, 0)?;
    let (each, mut buffer, mut latencies) = (load.each(), vec![0; READ], Vec::with_capacity(load.messages));

    let start = load.begin()?;
    for peer in &mut peers {
        peer.add(load.in_flight.min(each));
        peer.write(&traffic, &batch)?;
    }
    let mut busy = peers.len();
    let busy = std::cell::Cell::from_mut(&mut busy);
    let ready = |token: usize| -> Result<()> {
        let peer = &mut peers[token];
        let came = peer.read(&traffic, &mut buffer, &mut latencies)?;
        if came > 0 && peer.came == each {
            busy.set(busy.get() - 1);
        }
        if !load.lockstep || peer.in_flight() == 0 {
            peer.add((load.in_flight - peer.in_flight()).min(each - peer.sent));
        }
        peer.write(&traffic, &batch)
    };
    turn(&mut poll, ready, || busy.get() == 0)?;
    Ok((peers, summary(each * load.connections, start, latencies)))
}
