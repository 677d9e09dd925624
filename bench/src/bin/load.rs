//! Load for a WebSocket server, and what it took, as a line of JSON: see `cargo xtask bench`.

use anyhow::Result;
use clap::Parser;
use sockeye_bench::load::{Load, broadcast, connect, echo, idle, receive};

/// Load for a WebSocket server; every byte that comes back is compared.
#[derive(Parser)]
enum Command {
    /// Each message comes back.
    Echo(#[command(flatten)] Load),
    /// The server reads messages and drops them.
    Receive(#[command(flatten)] Load),
    /// One connection of a room sends, all others get it; messages are counted by deliveries.
    Broadcast {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        rooms: broadcast::Rooms,
    },
    /// Connections, one after the other.
    Connect(#[command(flatten)] Load),
    /// Bytes that the server holds for each connection, after so many messages on it: none or one.
    Idle {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        server: idle::Server,
    },
}

fn main() -> Result<()> {
    sockeye_bench::raise_descriptors();
    match Command::parse() {
        Command::Echo(load) => echo::run(&load),
        Command::Receive(load) => receive::run(&load),
        Command::Broadcast { load, rooms } => broadcast::run(&load, &rooms),
        Command::Connect(load) => connect::run(&load),
        Command::Idle { load, server } => idle::run(&load, &server),
    }
}
