//! The rules on single frames, by name: those that embedded parsers break too.

use sockeye_tests::Upgrade;
use sockeye_tests::device::{beside_an_echo, close, message, next, open};
use sockeye_tests::frame::{BINARY, CLOSE, CONTINUES, ENDS, PING, PONG, TEXT, closing, masked, unmasked};
use sockeye_tests::rows::{self, Refused};

use crate::{ECHO, HEAD, ask};

/// Asserts that each of these byte strings, at once and byte by byte, is answered by this close code and the end.
fn assert_refused(cases: &[Refused]) {
    beside_an_echo(ECHO, |device| {
        for (name, bytes, code) in cases {
            let mut raw = open(device.address(), "/");
            raw.send(bytes);
            assert_eq!(raw.close_code(), Some(*code), "{name}");

            let mut raw = open(device.address(), "/");
            assert!(bytes.iter().all(|byte| raw.try_send(&[*byte])), "the last byte is what it is about");
            assert_eq!(raw.close_code(), Some(*code), "{name}, byte by byte");
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
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        raw.round_trip(&[1; 125]);
        raw.round_trip(b"");
        // Pongs that nobody asked for.
        raw.send(&[masked(PONG, b""), masked(PONG, &[0; 125])].concat());
        raw.round_trip(b"after pongs");
        raw.send(&masked(CLOSE, b""));
        assert_eq!(raw.close_code(), Some(1005), "a close without a code is answered by one without");
        let reason = [&[b'r'; 121][..], "é".as_bytes()].concat();
        for code in [1000, 1001, 1003, 1007, 1011, 3000, 4999] {
            let mut raw = open(device.address(), "/");
            raw.send(&masked(CLOSE, &closing(code, &reason)));
            let answer = raw.frame().expect("an answer");
            assert_eq!((answer.first, answer.close_code()), (CLOSE, Some(code)));
            assert_eq!(raw.rest(), b"");
        }
    });
}

#[test]
fn a_ping_inside_a_fragmented_message() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(&masked(0x01, b"one "));
        raw.round_trip(b"between");
        raw.send(&[masked(CONTINUES, b"two "), masked(PING, b"again"), masked(ENDS, b"three")].concat());
        let (mut text, mut pong) = (Vec::new(), Vec::new());
        while text.len() < b"two three".len() || pong.is_empty() {
            let frame = next(&mut raw).expect("more");
            assert!(frame.first & 0x70 == 0 && frame.mask.is_none(), "{frame:?}");
            if frame.first == PONG { &mut pong } else { &mut text }.extend_from_slice(&frame.payload);
        }
        assert_eq!((&text[..], &pong[..]), (&b"two three"[..], &b"again"[..]));
        close(raw);
    });
}

#[test]
fn a_ping_at_each_byte_of_a_fragmented_message() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        let text = "a text, in fragments of a byte: é€𝄞".as_bytes();
        let mut bytes = masked(0x01, b"");
        for byte in text {
            bytes.extend([masked(CONTINUES, &[*byte]), masked(PING, &[*byte])].concat());
        }
        bytes.extend(masked(ENDS, b""));
        raw.send(&bytes);
        let (mut echoed, mut pongs) = (Vec::new(), Vec::new());
        loop {
            let frame = next(&mut raw).expect("more");
            if frame.first == PONG { &mut pongs } else { &mut echoed }.extend_from_slice(&frame.payload);
            if frame.first == ENDS {
                break;
            }
        }
        assert_eq!(echoed, text);
        // Each is answered at once, or by the answer to one that came later.
        assert!(!pongs.is_empty() && pongs.len() <= text.len(), "{pongs:?}");
        close(raw);
    });
}

#[test]
fn a_close_inside_a_fragmented_message() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(&[masked(0x01, b"one "), masked(CLOSE, &closing(1000, b""))].concat());
        assert_eq!(raw.close_code(), Some(1000));
    });
}

#[test]
fn nothing_is_handled_after_a_close() {
    beside_an_echo(ECHO, |device| {
        for late in [masked(TEXT, b"late"), masked(PING, b"late"), vec![0xff; 100], masked(BINARY, &[0; 20_000])] {
            let mut raw = open(device.address(), "/");
            raw.send(&[masked(CLOSE, &closing(1000, b"")), late].concat());
            let answer = raw.frame().expect("an answer");
            assert_eq!(answer.close_code(), Some(1000));
            assert_eq!(raw.rest(), b"");
        }
    });
}

#[test]
fn a_long_key_and_a_long_subprotocol() {
    beside_an_echo(ECHO, |device| {
        for len in (24..200).chain([500, HEAD - 200]) {
            let long = Upgrade::to("/").set("Sec-WebSocket-Key", &"A".repeat(len));
            // 24 characters, none of them `=`, are no key either.
            assert_eq!(ask(device, &long.bytes()).0.status, 400, "a key of {len}");
        }
        for len in [1, 100, 500, HEAD - 200] {
            let long = Upgrade::to("/").with("Sec-WebSocket-Protocol", &"p".repeat(len));
            let (response, mut raw) = ask(device, &long.bytes());
            assert_eq!((response.status, response.header("Sec-WebSocket-Protocol")), (101, None));
            raw.round_trip(b"it works");
            close(raw);
        }
        let long = Upgrade::to("/").with("Sec-WebSocket-Protocol", &"p".repeat(2 * HEAD));
        assert_eq!(ask(device, &long.bytes()).0.status, 431);
    });
}

#[test]
fn a_server_does_not_mask() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(&masked(TEXT, b"bare"));
        assert_eq!(next(&mut raw).expect("an echo").mask, None);
        raw.send(&unmasked(TEXT, b"bare"));
        assert_eq!(raw.close_code(), Some(1002));
        let mut raw = open(device.address(), "/");
        raw.send(&masked(TEXT, b"whole"));
        assert_eq!(message(&mut raw), (TEXT, b"whole".to_vec()));
        close(raw);
    });
}
