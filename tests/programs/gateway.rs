//! The gateway: devices at one side, people at the other.

use std::net::SocketAddr;

use sockeye_tests::{Example, Http, Raw, Upgrade, eventually, frame};

const TOKEN: &str = "Bearer key";

fn open(address: SocketAddr, path: &str) -> Raw {
    let mut raw = Raw::dial(address).opened(&Upgrade::to(path).with("Authorization", TOKEN));
    // Answered, the gateway knows of it.
    raw.round_trip(b"here");
    raw
}

fn ask(http: &Http, address: SocketAddr) -> (u16, String) {
    let http = http.clone().with("Authorization", TOKEN).with("Connection", "close");
    let (response, body) = http.ask(address);
    (response.status, body)
}

#[test]
fn readings_go_one_way_and_commands_the_other() {
    let (_running, address) = Example::serve("gateway", "key");
    let (mut device, mut watcher) = (open(address, "/devices/boiler"), open(address, "/watch"));
    assert_eq!(ask(&Http::get("/devices"), address), (200, "boiler: nothing yet\n".into()));
    for reading in ["21.5", "22"] {
        device.send(&frame::masked(frame::TEXT, reading.as_bytes()));
        assert_eq!(watcher.text(), format!("boiler: {reading}"));
    }
    assert_eq!(ask(&Http::get("/devices"), address), (200, "boiler: 22\n".into()));
    assert_eq!(ask(&Http::post("/devices/boiler", b"off"), address).0, 202);
    assert_eq!(device.text(), "off");
    assert_eq!(ask(&Http::post("/devices/pump", b"off"), address), (404, "pump is not here\n".into()));
}

#[test]
fn a_device_that_dials_in_anew_takes_its_own_place() {
    let (_running, address) = Example::serve("gateway", "key");
    let old = open(address, "/devices/pump");
    let mut new = open(address, "/devices/pump");
    drop(old);
    assert_eq!(ask(&Http::post("/devices/pump", b"on"), address).0, 202);
    assert_eq!(new.text(), "on");
    new.send(&frame::masked(frame::CLOSE, &frame::closing(1000, b"")));
    assert_eq!(new.close_code(), Some(1000));
    assert!(eventually(|| ask(&Http::get("/devices"), address).1.is_empty()), "it is gone");
}

#[test]
fn nothing_is_for_those_without_the_token() {
    let (_running, address) = Example::serve("gateway", "key");
    for token in [None, Some("Bearer"), Some("Bearer ke"), Some("Bearer keys"), Some("key")] {
        for path in ["/devices/boiler", "/watch", "/devices", "/nothing"] {
            let with = |upgrade: Upgrade| token.map_or(upgrade.clone(), |token| upgrade.with("Authorization", token));
            let mut raw = Raw::dial(address);
            raw.send(&with(Upgrade::to(path)).bytes());
            assert_eq!(raw.response().expect("an answer").status, 401, "{token:?} at {path}");
        }
    }
}
