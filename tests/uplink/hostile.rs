//! Servers that break the rules: the device goes on, and what it read meanwhile is in the next one's room.

use sockeye_tests::device::Firmware;
use sockeye_tests::frame::{self, BINARY_BEGINS, CLOSE, CONTINUES, TEXT, closing, masked, unmasked};
use sockeye_tests::{Authority, Hostile, Raw, Relay, accepting};

use crate::hub::{Hub, pins};
use crate::{assert_whole, dial, is_secure};

/// A device with deadlines of a second or two, whose first server does so after the request; then there is a good one.
fn survives(hostile: impl FnOnce(&mut Raw, &str) + Send + 'static) {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let hostile = Hostile::answering(hostile);
    let address = if is_secure() { Authority::with_tls(&issued, hostile.address()) } else { hostile.address() };
    let relay = Relay::to(address);
    let device = dial(Firmware::short("uplink"), relay.address(), &[pins(&[&issued])]);
    hostile.join();
    let hub = Hub::start(&authority, &issued, &[]);
    relay.lead_to(hub.address());
    assert_whole(&hub, &device, 5);
}

/// A 101 with the dialect of rooms.
fn accepted(key: &str) -> String {
    accepting(key, "Sec-WebSocket-Protocol: sockeye.rooms.v1\r\n")
}

#[test]
fn an_accept_that_is_another_keys() {
    survives(|raw, _| {
        raw.send(accepted("dGhlIHNhbXBsZSBub25jZQ==").as_bytes());
        raw.rest();
    });
}

#[test]
fn a_frame_that_is_masked() {
    survives(|raw, key| {
        raw.send(accepted(key).as_bytes());
        raw.send(&masked(TEXT, br#"{"kind":"welcome","seq":"a:1","history":[]}"#));
        raw.rest();
    });
}

#[test]
fn envelopes_that_are_none() {
    survives(|raw, key| {
        raw.send(accepted(key).as_bytes());
        let long = "x".repeat(100_000);
        for text in [
            "[".repeat(10_000),
            "}".repeat(300),
            "{\"seq\":\"".to_owned() + &long,
            format!("{{\"seq\":\"{long}\",\"kind\":\"message\",\"text\":\"{long}\"}}"),
            "\"\\u12".to_owned(),
            "{\"kind\":\"message\",\"text\":{\"text\":\"led on\"}}".to_owned(),
            // Numbers that it never said are not its own, whatever the boot.
            r#"{"kind":"message","text":"{\"n\":4294967295,\"boot\":4294967295,"}"#.to_owned(),
            String::new(),
        ] {
            raw.send(&unmasked(TEXT, text.as_bytes()));
        }
        raw.send(&unmasked(CLOSE, &closing(1001, b"")));
        raw.rest();
    });
}

#[test]
fn a_message_that_does_not_end() {
    survives(|raw, key| {
        raw.send(accepted(key).as_bytes());
        let mut first = BINARY_BEGINS;
        // Until the device has had enough.
        while raw.try_send(&unmasked(first, &[0; 1_000])) {
            first = CONTINUES;
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
}

#[test]
fn a_frame_that_is_cut() {
    survives(|raw, key| {
        raw.send(accepted(key).as_bytes());
        raw.send(&frame::head(TEXT, 100, None));
        raw.send(b"{");
        raw.shut();
        raw.rest();
    });
}

#[test]
fn a_server_that_says_nothing() {
    survives(|raw, _| {
        raw.rest();
    });
}

#[test]
fn a_server_that_answers_no_ping() {
    survives(|raw, key| {
        raw.send(accepted(key).as_bytes());
        raw.send(&unmasked(TEXT, br#"{"kind":"welcome","seq":"a:1","history":[]}"#));
        raw.rest();
    });
}
