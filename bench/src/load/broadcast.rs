//! One connection sends, all others get it.

use anyhow::{Result, bail};
use std::cell::Cell;

use super::{Load, echo, poll, summary, turn};

/// The first connection sends `in_flight` messages; when all others have them, the next ones. What is counted is
/// deliveries.
///
/// # Errors
/// If something else came than what was sent.
pub fn run(load: &Load) -> Result<()> {
    if load.connections < 2 {
        bail!("a room has at least two connections: one that sends, and one that gets it");
    }
    let mut poll = poll()?;
    let traffic = load.traffic();
    let batch = traffic.sent.repeat(load.in_flight);
    let mut peers = load.open(&poll)?;
    let (members, mut buffer, mut latencies) = (peers.len() - 1, vec![0; echo::READ], Vec::new());
    let bursts = (load.messages / load.in_flight / members).max(1);

    let start = load.begin()?;
    let sent = Cell::new(0);
    let done = Cell::new(members);
    let ready = |token: usize| -> Result<()> {
        if token > 0 {
            let peer = &mut peers[token];
            let before = peer.came;
            // The publisher's clock is everybody's.
            peer.read(&traffic, &mut buffer, &mut latencies)?;
            if before < sent.get() && peer.came == sent.get() {
                done.set(done.get() + 1);
            }
        }
        if done.get() == members && sent.get() < bursts * load.in_flight {
            done.set(0);
            sent.set(sent.get() + load.in_flight);
            for peer in &mut peers[1..] {
                peer.expect(load.in_flight);
            }
            peers[0].add(load.in_flight);
        }
        peers[0].write(&traffic, &batch)
    };
    let all = || done.get() == members && sent.get() == bursts * load.in_flight;
    turn(&mut poll, ready, all)?;
    load.conclude(&summary(bursts * load.in_flight * members, start, latencies))
}
