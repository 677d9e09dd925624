//! One connection of a room sends, all others of the room get it.

use std::cell::Cell;

use anyhow::{Result, bail};
use clap::Args;
use mio::Poll;

use super::frame::Traffic;
use super::peer::Peer;
use super::{Load, echo, poll, summary, turn};

/// The rooms; each but the first has a number behind its path.
#[derive(Debug, Clone, Args)]
pub struct Rooms {
    /// Rooms with all the connections that are asked for.
    #[arg(long, default_value_t = 1)]
    rooms: usize,
    /// Rooms with one connection, which says nothing.
    #[arg(long, default_value_t = 0)]
    silent: usize,
}

/// In each room the first connection sends `in_flight` messages; when all others have them, the next ones. What is
/// counted is deliveries.
///
/// # Errors
/// If something else came than what was sent.
pub fn run(load: &Load, rooms: &Rooms) -> Result<()> {
    if load.connections < 2 {
        bail!("a room has at least two connections: one that sends, and one that gets it");
    }
    let mut poll = poll()?;
    let traffic = load.traffic();
    let batch = traffic.sent.repeat(load.in_flight);
    let open = |room| Room::open(load, &poll, room, room * load.connections);
    let mut speaking = (0..rooms.rooms).map(open).collect::<Result<Vec<_>>>()?;
    let alone = Load { connections: 1, ..load.clone() };
    let tokens = rooms.rooms * load.connections..;
    let open = |(room, token)| Room::open(&alone, &poll, room, token);
    let silent = (rooms.rooms..rooms.rooms + rooms.silent).zip(tokens).map(open).collect::<Result<Vec<_>>>()?;
    let (mut buffer, mut latencies) = (vec![0; echo::READ], Vec::new());
    let members = load.connections - 1;
    let messages = (load.messages / (rooms.rooms * members)).max(load.in_flight) / load.in_flight * load.in_flight;

    let start = load.begin()?;
    let speak = Cell::new(rooms.rooms);
    let ready = |token: usize| -> Result<()> {
        // Whoever is silent hears nothing but what says that its socket is open.
        let Some(room) = speaking.get_mut(token / load.connections) else { return Ok(()) };
        let was_busy = room.is_busy(messages);
        room.read(token % load.connections, &traffic, &mut buffer, &mut latencies)?;
        if room.done == members && room.sent < messages {
            room.send(load.in_flight);
        }
        if was_busy && !room.is_busy(messages) {
            speak.set(speak.get() - 1);
        }
        room.peers[0].write(&traffic, &batch)
    };
    turn(&mut poll, ready, || speak.get() == 0)?;
    load.conclude(&summary(messages * rooms.rooms * members, start, latencies))?;
    drop(silent);
    Ok(())
}

struct Room {
    peers: Vec<Peer>,
    sent: usize,
    /// How many have all that was sent.
    done: usize,
}

impl Room {
    fn open(load: &Load, poll: &Poll, room: usize, first: usize) -> Result<Self> {
        let path = if room == 0 { load.path.clone() } else { format!("{}-{room}", load.path) };
        let load = Load { path, ..load.clone() };
        Ok(Room { peers: load.open(poll, first)?, sent: 0, done: load.connections - 1 })
    }

    fn is_busy(&self, messages: usize) -> bool {
        self.sent < messages || self.done < self.peers.len() - 1
    }

    /// Takes what came for one that does not send. The sender's clock is everybody's.
    fn read(&mut self, at: usize, traffic: &Traffic, buffer: &mut [u8], latencies: &mut Vec<u32>) -> Result<()> {
        let peer = &mut self.peers[at];
        if at > 0 {
            let before = peer.came;
            peer.read(traffic, buffer, latencies)?;
            if before < self.sent && peer.came == self.sent {
                self.done += 1;
            }
        }
        Ok(())
    }

    fn send(&mut self, count: usize) {
        self.sent += count;
        self.done = 0;
        for peer in &mut self.peers[1..] {
            peer.expect(count);
        }
        self.peers[0].add(count);
    }
}
