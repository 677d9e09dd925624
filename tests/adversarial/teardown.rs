//! Connections that are dropped in every state: nothing is kept of them.

use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, MASK, PING, TEXT, closing, masked};
use sockeye_tests::{Hostile, Raw, Server, Upgrade, accepting, beside_a_bystander as client_test, eventually};
use sockeye_tokio::{Config, connect};

use crate::beside_a_bystander;

/// Asserts that no descriptor is left of what the test did.
fn assert_nothing_left(server: &Server, before: usize) {
    let back = eventually(|| server.descriptors() <= before);
    assert!(back, "{} descriptors of {before} are left", server.descriptors());
}

#[test]
fn a_reset_at_every_byte_of_a_conversation() {
    beside_a_bystander(|server| {
        let before = server.descriptors();
        for path in ["/echo", "/rooms/reset"] {
            let conversation = [
                Upgrade::to(path).bytes(),
                masked(TEXT, b"hello"),
                masked(PING, b"ping"),
                masked(BINARY_BEGINS, b"be"),
                masked(PING, b""),
                masked(ENDS, b"gin"),
                masked(CLOSE, &closing(1000, b"bye")),
            ]
            .concat();
            for cut in 0..=conversation.len() {
                let mut raw = Raw::dial(server.address());
                raw.send(&conversation[..cut]);
                raw.reset();
            }
        }
        assert_nothing_left(server, before);
    });
}

#[test]
fn a_reset_or_an_end_in_each_state() {
    beside_a_bystander(|server| {
        let before = server.descriptors();
        let states: [(&str, Act); 14] = [
            ("before a byte", |_| {}),
            ("in the head", |raw| raw.send(b"GET /echo HT")),
            ("before the answer is read", |raw| raw.send(&Upgrade::to("/echo").bytes())),
            ("in a refusal", |raw| raw.send(&Upgrade::to("/nothing").bytes())),
            ("in a page", |raw| raw.send(&Upgrade::to("/chat").without("Upgrade").bytes())),
            ("open", |raw| open(raw, "/echo", b"")),
            ("in a header", |raw| open(raw, "/echo", &[BINARY])),
            ("in a mask", |raw| open(raw, "/echo", &frame::head(BINARY, 5, Some(MASK))[..3])),
            ("in a payload", |raw| open(raw, "/rooms/state", &frame::head(BINARY, 60_000, Some(MASK)))),
            ("in a message", |raw| open(raw, "/rooms/state", &masked(BINARY_BEGINS, &[0; 30_000]))),
            ("in a control frame", |raw| open(raw, "/echo", &masked(PING, &[0; 100])[..50])),
            ("with an echo on its way", |raw| open(raw, "/echo", &masked(BINARY, &[0; 100_000]))),
            ("after a close", |raw| open(raw, "/echo", &masked(CLOSE, &closing(1000, b"")))),
            ("after a mistake", |raw| open(raw, "/echo", &[0xff])),
        ];
        for round in 0..504 {
            let (name, act) = states[round % states.len()];
            let mut raw = Raw::dial(server.address());
            act(&mut raw);
            match (round / states.len()) % 3 {
                0 => raw.reset(),
                1 => drop(raw),
                _ => {
                    // Only our side is ended: the server ends the other, but for a page or a close it sends first.
                    raw.shut();
                    if name != "before the answer is read" {
                        raw.rest();
                    }
                }
            }
        }
        assert_nothing_left(server, before);
    });
}

/// Brings a connection into a state.
type Act = fn(&mut Raw);

/// Makes the handshake by hand, without a look at the answer's headers, and sends more.
fn open(raw: &mut Raw, path: &str, more: &[u8]) {
    raw.send(&Upgrade::to(path).bytes());
    assert_eq!(raw.response().expect("an answer").status, 101);
    raw.send(more);
}

#[test]
fn members_that_vanish_leave_their_room() {
    beside_a_bystander(|server| {
        let upgrade = Upgrade::to("/rooms/vanish").with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
        let mut witness = Raw::dial(server.address()).opened(&upgrade);
        witness.send(&masked(TEXT, br#"{"kind":"join","name":"witness"}"#));
        witness.text();
        for round in 0..100 {
            let mut raw = Raw::dial(server.address()).opened(&upgrade);
            raw.send(&masked(TEXT, br#"{"kind":"join","name":"guest"}"#));
            assert!(witness.text().contains(r#""kind":"join""#));
            match round % 3 {
                0 => raw.reset(),
                1 => drop(raw),
                _ => raw.shut(),
            }
            assert!(witness.text().contains(r#""kind":"leave""#), "round {round}");
        }
    });
}

#[test]
fn a_client_survives_an_end_or_a_reset_at_every_byte() {
    client_test(async {
        let frames = [
            frame::unmasked(TEXT, b"hello"),
            frame::unmasked(PING, b"ping"),
            frame::unmasked(BINARY_BEGINS, b"be"),
            frame::unmasked(CONTINUES, b"gi"),
            frame::unmasked(ENDS, b"n"),
            frame::unmasked(CLOSE, &closing(1000, b"bye")),
        ]
        .concat();
        let whole = accepting("", "").len() + frames.len();
        for (cut, reset) in (0..whole).flat_map(|cut| [(cut, false), (cut, true)]) {
            let frames = frames.clone();
            let hostile = Hostile::answering(move |raw, key| {
                raw.send(&[accepting(key, "").as_bytes(), &frames].concat()[..cut]);
                if reset {
                    raw.reset_at_end();
                }
            });
            if let Ok(mut ws) = connect(&hostile.url(), Config::default()).await {
                let mut messages = 0;
                let ended = loop {
                    match ws.receiver.message().await {
                        Ok(Some(_)) => messages += 1,
                        ended => break ended.map(|_| ()),
                    }
                };
                assert!(messages <= 2 && ended.is_err(), "cut at {cut}: {messages} messages, then {ended:?}");
                assert!(ws.sender.text("more").await.is_err(), "cut at {cut}");
            }
            hostile.join();
        }
    });
}
