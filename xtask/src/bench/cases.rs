//! What is measured, and what it may cost as a ratio to raw TCP in the same rounds.

use std::process::Command;

/// What a server does with messages, and the load with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Echo,
    Receive,
    Broadcast,
    /// Handshakes, for which the server echoes.
    Connect,
}

impl Mode {
    /// The load's word for it.
    pub(super) fn load(self) -> &'static str {
        match self {
            Mode::Echo => "echo",
            Mode::Receive => "receive",
            Mode::Broadcast => "broadcast",
            Mode::Connect => "connect",
        }
    }

    /// The servers' word for it.
    pub(super) fn server(self) -> &'static str {
        if self == Mode::Connect { "echo" } else { self.load() }
    }
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) mode: Mode,
    pub(super) bytes: usize,
    pub(super) connections: usize,
    pub(super) in_flight: usize,
    pub(super) kind: &'static str,
    pub(super) fragments: usize,
    /// Rooms with so many connections.
    pub(super) rooms: usize,
    /// Rooms with one connection, which says nothing.
    pub(super) silent: usize,
    /// The ratio that it may have.
    pub(super) bar: Option<f64>,
}

const ECHO: Case = Case {
    mode: Mode::Echo,
    bytes: 125,
    connections: 50,
    in_flight: 1,
    kind: "binary",
    fragments: 1,
    rooms: 1,
    silent: 0,
    bar: None,
};
const RECEIVE: Case = Case { mode: Mode::Receive, connections: 4, ..ECHO };
const BROADCAST: Case = Case { mode: Mode::Broadcast, in_flight: 16, bar: Some(1.25), ..ECHO };

/// The cases with a bar, and some without.
pub(super) const CASES: &[Case] = &[
    Case { bar: Some(1.15), ..ECHO },
    Case { bytes: 1024, bar: Some(1.15), ..ECHO },
    Case { bytes: 16 * 1024, bar: Some(1.15), ..ECHO },
    Case { connections: 1000, bar: Some(1.15), ..ECHO },
    Case { connections: 1000, bytes: 1024, bar: Some(1.15), ..ECHO },
    Case { connections: 1000, bytes: 16 * 1024, bar: Some(1.15), ..ECHO },
    Case { connections: 4, bytes: 1 << 20, bar: Some(1.5), ..ECHO },
    Case { bytes: 20, in_flight: 16, bar: Some(1.1), ..ECHO },
    Case { in_flight: 16, bar: Some(1.1), ..ECHO },
    Case { bytes: 1024, in_flight: 16, bar: Some(1.2), ..ECHO },
    Case { bytes: 1024, in_flight: 16, kind: "text", bar: Some(1.2), ..ECHO },
    Case { bytes: 1024, in_flight: 16, kind: "cyrillic", ..ECHO },
    Case { in_flight: 64, bar: Some(1.25), ..ECHO },
    Case { bar: Some(1.9), ..RECEIVE },
    Case { bytes: 16 * 1024, bar: Some(1.25), ..RECEIVE },
    Case { bytes: 1 << 20, bar: Some(1.2), ..RECEIVE },
    Case { connections: 101, ..BROADCAST },
    Case { connections: 1001, ..BROADCAST },
    Case { mode: Mode::Connect, connections: 1, ..ECHO },
];

/// Cost is to grow with work and with nothing else: not with the number of connections,
pub(super) const CONNECTIONS: &[usize] = &[10, 100, 1000, 10_000];
/// at these depths,
pub(super) const DEPTHS: &[usize] = &[1, 16];
/// nor with that of rooms, of which so many speak,
pub(super) const ROOMS: &[usize] = &[100, 1000, 10_000];
pub(super) const SPEAKING: usize = 100;
/// nor with the number of a message's fragments.
pub(super) const FRAGMENTS: &[usize] = &[10, 100, 1000];
/// Bytes of payload a fragment.
pub(super) const FRAGMENT: usize = 16;
/// The largest of its ratios to the smallest.
pub(super) const GROWTH: f64 = 1.3;

pub(super) fn grown(connections: usize, in_flight: usize) -> Case {
    Case { connections, in_flight, ..ECHO }
}

pub(super) fn housed(rooms: usize) -> Case {
    Case { connections: 11, rooms: SPEAKING, silent: rooms - SPEAKING, bar: None, ..BROADCAST }
}

pub(super) fn fragmented(fragments: usize) -> Case {
    Case { bytes: fragments * FRAGMENT, fragments, connections: 10, ..ECHO }
}

impl Case {
    pub(super) fn name(&self) -> String {
        let size = match self.bytes {
            bytes @ 0..1024 => format!("{bytes} B"),
            bytes @ 1024..0x10_0000 => format!("{} KiB", bytes / 1024),
            bytes => format!("{} MiB", bytes >> 20),
        };
        let kind = if self.kind == "binary" { String::new() } else { format!(" {}", self.kind) };
        let depth = if self.in_flight == 1 { String::new() } else { format!(", {} in flight", self.in_flight) };
        match self.mode {
            Mode::Echo => format!("echo {size}{kind}, {} connections{depth}", self.connections),
            Mode::Receive => format!("receive {size}{kind}"),
            Mode::Broadcast if self.rooms == 1 => format!("broadcast {size} to {}{depth}", self.connections - 1),
            Mode::Broadcast => {
                let (to, all) = (self.connections - 1, self.rooms + self.silent);
                format!("broadcast {size} to {to} in {} of {all} rooms{depth}", self.rooms)
            }
            Mode::Connect => "connect and close".into(),
        }
    }

    /// What one round is at least: each connection has its messages on their way once.
    pub(super) fn least(&self) -> usize {
        match self.mode {
            Mode::Broadcast => self.in_flight * (self.connections - 1) * self.rooms,
            _ => self.in_flight * self.connections,
        }
    }

    /// The load's arguments.
    pub(super) fn arguments(&self, load: &mut Command, messages: usize) {
        load.arg(self.mode.load());
        let numbers = [
            ("--connections", self.connections),
            ("--bytes", self.bytes),
            ("--in-flight", self.in_flight),
            ("--fragments", self.fragments),
            ("--messages", messages),
        ];
        for (name, number) in numbers {
            load.args([name, &number.to_string()]);
        }
        load.args(["--kind", self.kind]);
        if self.mode == Mode::Broadcast {
            load.args(["--rooms", &self.rooms.to_string(), "--silent", &self.silent.to_string()]);
        }
    }
}
