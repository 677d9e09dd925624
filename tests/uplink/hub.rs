//! The server that the device dials, and what is in its room.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sockeye_tests::frame::{TEXT, masked};
use sockeye_tests::{Authority, Issued, Raw, Server, Upgrade};

use super::is_secure;

const ROOM: &str = "/rooms/lab";

/// A server with a room, over TLS if the machine can.
pub(crate) struct Hub {
    server: Server,
    /// Where one need not speak TLS.
    plain: SocketAddr,
}

/// What a device said.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// The room's.
    pub(crate) sequence: u64,
    pub(crate) number: u32,
    pub(crate) boot: u64,
    pub(crate) age: u64,
    pub(crate) led: bool,
    pub(crate) lost: u64,
}

impl Hub {
    /// With this certificate, and these flags.
    pub(crate) fn start(authority: &Authority, issued: &Issued, flags: &[&str]) -> Self {
        let mut all = vec!["--host", "hub.example", "--room-history", "1000", "--room-history-bytes", "1000000"];
        if is_secure() {
            all.extend(issued.flags());
        }
        all.extend(flags);
        let server = Server::start_with(&all);
        let plain = if is_secure() { authority.without_tls(server.address()) } else { server.address() };
        Hub { server, plain }
    }

    /// Where the device is to be led.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A member of the room, and its welcome.
    pub(crate) fn join(&self) -> (Raw, Value) {
        self.join_with(Upgrade::to(ROOM))
    }

    pub(crate) fn join_with(&self, upgrade: Upgrade) -> (Raw, Value) {
        let mut raw = Raw::dial(self.plain).opened(&upgrade.with("Sec-WebSocket-Protocol", "sockeye.rooms.v1"));
        raw.send(&masked(TEXT, json!({"kind": "join", "name": "reader"}).to_string().as_bytes()));
        let welcome = serde_json::from_str(&raw.text()).expect("JSON");
        (raw, welcome)
    }

    /// All that was said in the room.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        let (_, welcome) = self.join();
        readings_of(&welcome)
    }
}

/// The readings in a history.
pub(crate) fn readings_of(welcome: &Value) -> Vec<Reading> {
    welcome["history"].as_array().expect("a list").iter().filter_map(Reading::of).collect()
}

impl Reading {
    /// Of an envelope, if it is one.
    pub(crate) fn of(envelope: &Value) -> Option<Self> {
        let text: Value = serde_json::from_str(envelope["text"].as_str()?).ok()?;
        let (_, sequence) = envelope["seq"].as_str()?.split_once(':')?;
        Some(Reading {
            sequence: sequence.parse().ok()?,
            number: text["n"].as_u64()?.try_into().ok()?,
            boot: text["boot"].as_u64()?,
            age: text["age_ms"].as_u64()?,
            led: text["led"].as_bool()?,
            lost: text["lost"].as_u64()?,
        })
    }
}

/// The device's word for whom it trusts: the keys of these certificates.
pub(crate) fn pins(issued: &[&Issued]) -> String {
    let pins: Vec<_> = issued.iter().map(|issued| issued.pin()).collect();
    format!("UPLINK_PINS={}", pins.join(","))
}
