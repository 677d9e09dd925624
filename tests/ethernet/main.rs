//! A device at the end of a cable: the test is its whole network, and decides which frame is lost, held back, doubled
//! or bent.
//!
//! [`lan`] is the network, [`host`] a host of it with TCP of its own, [`by_hand`] a peer that makes each segment itself.
//! `SOCKEYE_MACHINE` names the machine, `SOCKEYE_SEED` replays the faults of a run.

mod address;
mod by_hand;
mod bystander;
mod cable;
mod card;
mod client;
mod datagram;
mod dhcp;
mod dns;
mod echoes;
mod faults;
mod full;
mod guest;
mod half_open;
mod harness;
mod host;
mod lan;
mod resets;
mod segment;
mod segments;
mod silence;
mod state;
mod stream;
mod window;

use std::net::Ipv4Addr;

/// What the device's address is, unless the test says otherwise.
const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 15);
