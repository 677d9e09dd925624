//! The rules on single frames, by name: those that embedded parsers break too.

use sockeye_tests::frame::{CLOSE, CONTINUES, ENDS, PING, PONG, TEXT, closing, masked, unmasked};
use sockeye_tests::rows::{self, Refused};
use sockeye_tests::{Raw, Upgrade};

use crate::beside_a_bystander;

/// Paths of both ways to receive: in chunks, and whole messages.
const PATHS: [&str; 2] = ["/echo", "/rooms/control"];

/// Asserts that each of these byte strings, at once and byte by byte, is answered by this close code and the end.
fn assert_refused(cases: &[Refused]) {
    beside_a_bystander(|server| {
        for (name, bytes, code) in cases {
            for path in PATHS {
                let mut raw = Raw::open(server.address(), path);
                raw.send(bytes);
                assert_eq!(raw.close_code(), Some(*code), "{name} on {path}");

                let mut raw = Raw::open(server.address(), path);
                assert!(bytes.iter().all(|byte| raw.try_send(&[*byte])), "the last byte is what it is about");
                assert_eq!(raw.close_code(), Some(*code), "{name} on {path}, byte by byte");
            }
        }
    });
}

#[test]
fn control_frames_are_short_and_whole() {
    assert_refused(&rows::control_frames());
}

#[test]
fn reserved_opcodes_and_bits() {
    assert_refused(&rows::reserved());
}

#[test]
fn a_client_masks() {
    assert_refused(&rows::bare());
}

#[test]
fn fragments_keep_their_order() {
    assert_refused(&rows::fragments());
}

#[test]
fn closes_are_right() {
    assert_refused(&rows::closes());
}

#[test]
fn texts_are_utf8_as_they_come() {
    assert_refused(&rows::texts());
}

#[test]
fn what_is_right_at_the_edge_is_answered() {
    beside_a_bystander(|server| {
        for path in PATHS {
            let mut raw = Raw::open(server.address(), path);
            raw.round_trip(&[1; 125]);
            raw.round_trip(b"");
            // Pongs that nobody asked for.
            raw.send(&[masked(PONG, b""), masked(PONG, &[0; 125])].concat());
            raw.round_trip(b"after pongs");
            let reason = [&[b'r'; 121][..], "é".as_bytes()].concat();
            for code in [1000, 1001, 1003, 1007, 1011, 3000, 4999] {
                let mut raw = Raw::open(server.address(), path);
                raw.send(&masked(CLOSE, &closing(code, &reason)));
                let answer = raw.frame().expect("an answer");
                assert_eq!((answer.first, answer.close_code()), (CLOSE, Some(code)));
                assert_eq!(raw.rest(), b"");
            }
            raw.send(&masked(CLOSE, b""));
            assert_eq!(raw.close_code(), Some(1005), "a close without a code is answered by one without");
        }
    });
}

#[test]
fn a_ping_inside_a_fragmented_message() {
    beside_a_bystander(|server| {
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(0x01, b"one "));
        raw.round_trip(b"between");
        raw.send(&[masked(CONTINUES, b"two "), masked(PING, b"again"), masked(ENDS, b"three")].concat());
        let (mut text, mut pong) = (Vec::new(), Vec::new());
        while text.len() < b"two three".len() || pong.is_empty() {
            let frame = raw.frame().expect("more");
            assert!(frame.first & 0x70 == 0 && frame.mask.is_none(), "{frame:?}");
            if frame.first == PONG { &mut pong } else { &mut text }.extend_from_slice(&frame.payload);
        }
        assert_eq!((&text[..], &pong[..]), (&b"two three"[..], &b"again"[..]));

        let mut other = Raw::open(server.address(), "/rooms/ping");
        let mut raw = Raw::open(server.address(), "/rooms/ping");
        raw.send(&masked(0x01, b"one "));
        raw.round_trip(b"between");
        raw.send(&masked(ENDS, b"two"));
        assert_eq!(other.text(), "one two");
    });
}

#[test]
fn a_close_inside_a_fragmented_message() {
    beside_a_bystander(|server| {
        for path in PATHS {
            let mut raw = Raw::open(server.address(), path);
            raw.send(&[masked(0x01, b"one "), masked(CLOSE, &closing(1000, b""))].concat());
            assert_eq!(raw.close_code(), Some(1000), "{path}");
        }
    });
}

#[test]
fn nothing_is_handled_after_a_close() {
    beside_a_bystander(|server| {
        let mut other = Raw::open(server.address(), "/rooms/after");
        let mut raw = Raw::open(server.address(), "/rooms/after");
        let late = [masked(TEXT, b"late"), masked(PING, b"late"), vec![0xff; 100]].concat();
        raw.send(&[masked(CLOSE, &closing(1000, b"")), late].concat());
        assert_eq!(raw.close_code(), Some(1000));
        other.send(&masked(PING, b""));
        assert_eq!(other.frame().expect("a pong").first, PONG, "the room hears nothing");
    });
}

#[test]
fn a_long_key_and_a_long_subprotocol() {
    beside_a_bystander(|server| {
        for len in [25, 100, 1000, 7000] {
            let mut raw = Raw::dial(server.address());
            raw.send(&Upgrade::to("/echo").set("Sec-WebSocket-Key", &"A".repeat(len)).bytes());
            assert_eq!(raw.response().expect("an answer").status, 400, "a key of {len}");
            let long = Upgrade::to("/echo").with("Sec-WebSocket-Protocol", &"p".repeat(len));
            Raw::dial(server.address()).opened(&long).round_trip(b"it works");
        }
    });
}

#[test]
fn a_server_does_not_mask() {
    beside_a_bystander(|server| {
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(TEXT, b"bare"));
        assert_eq!(raw.frame().expect("an echo").mask, None);
        raw.send(&unmasked(TEXT, b"bare"));
        assert_eq!(raw.close_code(), Some(1002));
    });
}
