//! The rules on single frames, by name: those that embedded parsers break too.

use sockeye_tests::frame::{
    self, BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, MASK, PING, PONG, TEXT, closing, masked, unmasked,
};
use sockeye_tests::{Raw, Upgrade};

use crate::beside_a_bystander;

/// Paths of both ways to receive: in chunks, and whole messages.
const PATHS: [&str; 2] = ["/echo", "/rooms/control"];

/// Asserts that each of these byte strings, at once and byte by byte, is answered by this close code and the end.
fn assert_refused(cases: &[(&str, Vec<u8>, u16)]) {
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
    let long = [frame::head_of(PING, 126, 2, Some(MASK))].concat();
    let long = long[..2].to_vec();
    assert_refused(&[
        ("a ping of 126 bytes", long.clone(), 1002),
        ("a pong of 126 bytes", [&[PONG], &long[1..]].concat(), 1002),
        ("a close of 126 bytes", [&[CLOSE], &long[1..]].concat(), 1002),
        ("a ping with a 64-bit length", vec![PING, 0xff], 1002),
        ("a ping without FIN", vec![PING & 0x0f], 1002),
        ("a pong without FIN", vec![PONG & 0x0f], 1002),
        ("a close without FIN", vec![CLOSE & 0x0f], 1002),
    ]);
}

#[test]
fn reserved_opcodes_and_bits() {
    let opcodes =
        [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf].map(|opcode| ("a reserved opcode", vec![0x80 | opcode], 1002));
    let bits = [0x40, 0x20, 0x10, 0x70].map(|bits| ("a reserved bit", vec![TEXT | bits], 1002));
    let control = [0x40, 0x20, 0x10].map(|bits| ("a reserved bit of a ping", vec![PING | bits], 1002));
    assert_refused(&[&opcodes[..], &bits, &control].concat());
}

#[test]
fn a_client_masks() {
    let bare = |first| vec![first, 0];
    assert_refused(&[
        ("a text", bare(TEXT), 1002),
        ("a binary message", bare(BINARY), 1002),
        ("a ping", bare(PING), 1002),
        ("a close", bare(CLOSE), 1002),
    ]);
}

#[test]
fn fragments_keep_their_order() {
    let masked_head = |first| frame::head(first, 1, Some(MASK));
    assert_refused(&[
        ("a continuation of nothing", masked_head(CONTINUES), 1002),
        ("the end of nothing", masked_head(ENDS), 1002),
        (
            "the end of a message that ended",
            [masked(BINARY_BEGINS, b"a"), masked(ENDS, b"b"), masked_head(ENDS)].concat(),
            1002,
        ),
        ("a message inside a message", [masked(BINARY_BEGINS, b"a"), masked_head(BINARY)].concat(), 1002),
        ("a fragment that begins anew", [masked(BINARY_BEGINS, b"a"), masked_head(BINARY_BEGINS)].concat(), 1002),
        ("a message after an empty fragment", [masked(BINARY_BEGINS, b""), masked_head(TEXT)].concat(), 1002),
    ]);
}

#[test]
fn closes_are_right() {
    let close = |payload: &[u8]| masked(CLOSE, payload);
    let mut cases = vec![
        ("one byte", close(&[3]), 1002),
        ("a reason that is not UTF-8", close(&closing(1000, b"\xff")), 1007),
        ("a reason that is cut", close(&closing(1000, b"\xe2\x82")), 1007),
    ];
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535];
    cases.extend(codes.map(|code| ("a code that must not be sent", close(&closing(code, b"")), 1002)));
    assert_refused(&cases);
}

#[test]
fn texts_are_utf8_as_they_come() {
    assert_refused(&[
        ("a byte that never occurs", masked(TEXT, b"\xff"), 1007),
        ("an overlong form", masked(TEXT, b"\xc0\xaf"), 1007),
        ("half a pair", masked(TEXT, b"\xed\xa0\x80"), 1007),
        ("beyond Unicode", masked(TEXT, b"\xf4\x90"), 1007),
        ("a text that is cut", masked(TEXT, b"\xe2\x82"), 1007),
        // It is said when it comes, not when the message ends.
        ("in the first fragment", masked(0x01, b"a\xff"), 1007),
        (
            "in the middle of a long frame",
            masked(TEXT, &[b'a'; 1000])[..8].iter().copied().chain([0xff ^ MASK[0]]).collect(),
            1007,
        ),
        ("over two fragments", [masked(0x01, b"\xe2"), masked(CONTINUES, b"\x28")].concat(), 1007),
    ]);
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
