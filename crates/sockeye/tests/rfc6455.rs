//! The rules of RFC 6455 on what a peer sends, by section: framing (5), control frames, text (8.1) and close (7).

mod common;

use common::*;
use sockeye::{CloseCode, Event, Kind, ProtocolError, Receiver};

// Section 5.1: masking

#[test]
fn a_server_takes_masked_frames_and_fails_an_unmasked_one() {
    check(Input::new(text("Hello")).from(Role::Client), events([Got::text("Hello")]));
    for frame in [text("Hello"), text(""), binary("x"), ping("p"), pong(""), close_empty(), close(1000, "bye")] {
        let input = Input::new(frame.masked(false)).from(Role::Client);
        check(input, fails([], ProtocolError::Unmasked));
    }
    let second = Input::new([text("a"), text("b").masked(false)]).from(Role::Client);
    check(second, fails([Got::text("a")], ProtocolError::Unmasked));
}

#[test]
fn a_client_takes_unmasked_frames_and_fails_a_masked_one() {
    check(Input::new(text("Hello")).from(Role::Server), events([Got::text("Hello")]));
    for frame in [text("Hello"), text(""), binary("x"), ping("p"), pong(""), close_empty(), close(1000, "bye")] {
        let input = Input::new(frame.masked(true)).from(Role::Server);
        check(input, fails([], ProtocolError::Masked));
    }
    let second = Input::new([text("a"), text("b").masked(true)]).from(Role::Server);
    check(second, fails([Got::text("a")], ProtocolError::Masked));
}

#[test]
fn each_frame_is_unmasked_with_its_own_key_in_phase() {
    let payload: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for key in [[0; 4], [0xff; 4], [1, 2, 3, 4], [0x80, 0, 0, 1]] {
        for len in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 126, 1000] {
            let frames = [binary(&payload[..len]).key(key), binary("after").key([9, 8, 7, 6])];
            check(frames, events([Got::binary(&payload[..len]), Got::binary("after")]));
        }
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // Section 5.7
    let hello = |bytes: &[u8], receiver| feed(receiver, [bytes]);
    let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(hello(&unmasked, Receiver::client()), events([Got::text("Hello")]));
    let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(hello(&masked, Receiver::server()), events([Got::text("Hello")]));
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(hello(&fragments, Receiver::client()), events([Got::text("Hello")]));
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(hello(&ping, Receiver::client()), events([Got::ping("Hello")]));
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(hello(&pong, Receiver::server()), events([Got::pong("Hello")]));
}

// Section 5.2: the header

#[test]
fn a_reserved_bit_fails_on_every_kind_of_frame() {
    for bits in 1..=7 {
        for frame in [text("a"), binary("a"), ping("a"), pong("a"), close(1000, ""), text("").more()] {
            check(frame.reserved(bits), fails([], ProtocolError::ReservedBits(bits)));
        }
        let continued = [text("a").more(), continuation("b").reserved(bits)];
        check(continued, fails([Got::piece(Kind::Text, "a")], ProtocolError::ReservedBits(bits)));
        check([text("ok"), text("a").reserved(bits)], fails([Got::text("ok")], ProtocolError::ReservedBits(bits)));
    }
}

#[test]
fn every_reserved_opcode_fails() {
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for frame in [Frame::new(opcode, ""), Frame::new(opcode, "x"), Frame::new(opcode, "x").more()] {
            check([text("ok"), frame.clone()], fails([Got::text("ok")], ProtocolError::ReservedOpcode(opcode)));
            let inside = [binary("a").more(), frame];
            check(inside, fails([Got::piece(Kind::Binary, "a")], ProtocolError::ReservedOpcode(opcode)));
        }
    }
}

#[test]
fn lengths_at_every_border_are_read() {
    for len in [0, 1, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536, 65537] {
        let payload = vec![b'*'; len];
        check([binary(&payload), text("next")], events([Got::binary(&payload), Got::text("next")]));
        check([text(&payload), ping("next")], events([Got::text(&payload), Got::ping("next")]));
    }
}

#[test]
fn a_length_that_is_not_minimal_fails() {
    for length in [0, 1, 124, 125] {
        let frame = binary([0; 125]).length(Length::In16(length));
        check(frame, fails([], ProtocolError::LengthNotMinimal));
    }
    for length in [0, 1, 125, 126, 127, 65534, 65535] {
        check(binary("").claims(length), fails([], ProtocolError::LengthNotMinimal));
    }
    let minimal = binary([b'*'; 126]).length(Length::In16(126));
    check(minimal, events([Got::binary([b'*'; 126])]));
}

#[test]
fn a_64_bit_length_with_its_top_bit_set_fails() {
    for length in [1 << 63, (1 << 63) + 1, u64::MAX - 3, u64::MAX - 1, u64::MAX] {
        for frame in [binary(""), text("abc"), binary("").more()] {
            check(frame.claims(length), fails([], ProtocolError::LengthTopBit));
        }
    }
}

// Section 5.4: fragmentation

#[test]
fn a_message_comes_in_one_frame_or_in_many() {
    check(text("Hello"), events([Got::text("Hello")]));
    check([text("Hel").more(), continuation("lo")], events([Got::text("Hello")]));
    let mut frames = vec![binary("0").more()];
    frames.extend((1..30).map(|i| continuation([b'0' + i]).more()));
    frames.push(continuation("."));
    let whole: Vec<u8> = (0..30).map(|i| b'0' + i).chain([b'.']).collect();
    check(frames, events([Got::binary(whole)]));
    check([text("a").more(), continuation("b"), binary("c")], events([Got::text("ab"), Got::binary("c")]));
}

#[test]
fn empty_fragments_add_nothing() {
    check(text(""), events([Got::text("")]));
    check([text("").more(), continuation("")], events([Got::text("")]));
    check([text("").more(), continuation("").more(), continuation("a")], events([Got::text("a")]));
    check([binary("a").more(), continuation("").more(), continuation("")], events([Got::binary("a")]));
    check([text("").more(), ping(""), continuation("")], events([Got::ping(""), Got::text("")]));
}

#[test]
fn control_frames_come_between_the_fragments_of_a_message() {
    let frames = [
        text("He").more(),
        ping("1"),
        continuation("l").more(),
        pong("2"),
        ping("3"),
        continuation("").more(),
        continuation("lo"),
        ping("4"),
    ];
    let expect = [
        Got::piece(Kind::Text, "He"),
        Got::ping("1"),
        Got::piece(Kind::Text, "l"),
        Got::pong("2"),
        Got::ping("3"),
        Got::text("lo"),
        Got::ping("4"),
    ];
    check(frames, events(expect));
    let closed = [text("He").more(), close(1001, "")];
    check(closed, events([Got::piece(Kind::Text, "He"), Got::close(1001, "")]));
}

#[test]
fn data_messages_do_not_interleave() {
    for first in [text("a"), binary("a")] {
        for second in [text("b"), binary("b"), text("b").more(), binary("").more()] {
            let kind = if first.bytes(Role::Server)[0] == 0x81 { Kind::Text } else { Kind::Binary };
            let frames = [first.clone().more(), second.clone()];
            check(frames, fails([Got::piece(kind, "a")], ProtocolError::Interleaved));
            let with_ping = [first.clone().more(), ping(""), second];
            check(with_ping, fails([Got::piece(kind, "a"), Got::ping("")], ProtocolError::Interleaved));
        }
    }
}

#[test]
fn a_message_never_starts_with_a_continuation() {
    for frame in [continuation("a"), continuation(""), continuation("a").more()] {
        check(frame.clone(), fails([], ProtocolError::UnexpectedContinuation));
        check([text("a"), frame.clone()], fails([Got::text("a")], ProtocolError::UnexpectedContinuation));
        let after = [binary("a").more(), continuation("b"), frame];
        check(after, fails([Got::binary("ab")], ProtocolError::UnexpectedContinuation));
    }
}

// Section 5.5: control frames

#[test]
fn a_control_frame_holds_0_to_125_bytes() {
    for len in [0, 1, 2, 124, 125] {
        let payload = vec![0xfe; len];
        check([ping(&payload), pong(&payload)], events([Got::ping(&payload), Got::pong(&payload)]));
    }
    let reason = "r".repeat(123);
    check(close(1000, &reason), events([Got::close(1000, &reason)]));
}

#[test]
fn a_control_frame_of_126_bytes_or_more_fails() {
    for opcode in [8, 9, 10] {
        for len in [126, 127, 1000, 65535, 65536] {
            check(Frame::new(opcode, vec![0; len]), fails([], ProtocolError::ControlTooLong));
        }
        // The second byte tells: no length is waited for, and its form does not matter.
        for length in [Length::In16(5), Length::In64(5), Length::In64(u64::MAX)] {
            check(Frame::new(opcode, "12345").length(length), fails([], ProtocolError::ControlTooLong));
        }
        let wire = Frame::new(opcode, [0; 126]).bytes(Role::Client);
        assert_eq!(fails_at(Receiver::server(), &wire), Some((1, ProtocolError::ControlTooLong)));
    }
}

#[test]
fn a_fragmented_control_frame_fails() {
    for frame in [close(1000, "x"), close_empty(), ping(""), ping("x"), pong(""), pong("x")] {
        check(frame.clone().more(), fails([], ProtocolError::FragmentedControl));
        let inside = [binary("a").more(), frame.more()];
        check(inside, fails([Got::piece(Kind::Binary, "a")], ProtocolError::FragmentedControl));
    }
}

#[test]
fn a_ping_is_owed_a_pong_with_its_payload() {
    for payload in [&b""[..], b"x", &[0; 125], &[0xff; 124]] {
        let mut wire = ping(payload).bytes(Role::Client);
        let mut receiver = Receiver::server();
        let Ok(Some(Event::Ping(got))) = receiver.next_event(&mut &mut wire[..]) else { panic!("no ping") };
        let mut out = [0; sockeye::MAX_CONTROL];
        let sent = sockeye::Sender::server().reply(&got.reply(), &mut out).unwrap().to_vec();
        assert_eq!(sent, pong(payload).bytes(Role::Server));
    }
}

#[test]
fn an_unsolicited_pong_is_reported_and_owed_nothing() {
    check([pong("heartbeat"), text("a")], events([Got::pong("heartbeat"), Got::text("a")]));
    // What owes a reply has a `reply`: a pong is a `Control`, which has none.
    let mut wire = pong("x").bytes(Role::Client);
    let event = Receiver::server().next_event(&mut &mut wire[..]);
    assert!(matches!(event, Ok(Some(Event::Pong(control))) if control.payload() == b"x"));
}

// Section 8.1: text

/// Texts that are UTF-8, with characters of every length and at every border.
const VALID: [&str; 8] = [
    "",
    "Hello",
    "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
    "\u{d7ff}\u{e000}\u{fffd}\u{feff}\u{fffe}",
    "κόσμε",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "\u{0}\u{0}",
    "12345678𝄞12345678",
];

/// Bytes that are not UTF-8, and which of them shows it; none if only the end does.
const INVALID: [(&[u8], Option<usize>); 22] = [
    (b"\x80", Some(0)),
    (b"\xbf", Some(0)),
    (b"\xc0\x80", Some(0)),
    (b"\xc1\xbf", Some(0)),
    (b"\xf5\x80\x80\x80", Some(0)),
    (b"\xfe", Some(0)),
    (b"\xff", Some(0)),
    (b"\xe0\x80\x80", Some(1)),
    (b"\xe0\x9f\xbf", Some(1)),
    (b"\xf0\x80\x80\x80", Some(1)),
    (b"\xf0\x8f\xbf\xbf", Some(1)),
    (b"\xed\xa0\x80", Some(1)),
    (b"\xed\xbf\xbf", Some(1)),
    (b"\xf4\x90\x80\x80", Some(1)),
    (b"\xc3\x28", Some(1)),
    (b"\xe2\x28\xa1", Some(1)),
    (b"\xe2\x82\x28", Some(2)),
    (b"\xf0\x90\x8d\x28", Some(3)),
    (b"12345678\xff12345678", Some(8)),
    (b"\xc3", None),
    (b"\xe2\x82", None),
    (b"\xf0\x90\x8d", None),
];

#[test]
fn a_text_is_utf8_wherever_its_frames_split_a_character() {
    for valid in VALID {
        check(text(valid), events([Got::text(valid)]));
        let bytes = valid.as_bytes();
        for at in 0..=bytes.len() {
            let frames = [text(&bytes[..at]).more(), continuation(&bytes[at..])];
            check(frames, events([Got::text(valid)]));
        }
        let mut frames: Vec<Frame> = bytes.iter().map(|byte| continuation([*byte]).more()).collect();
        frames.insert(0, text("").more());
        frames.push(continuation(""));
        check(frames, events([Got::text(valid)]));
    }
}

#[test]
fn a_control_frame_between_the_bytes_of_a_character_does_not_disturb_it() {
    let frames = [text(b"\xf0").more(), ping(b"\xff"), continuation(b"\x9d\x84").more(), continuation(b"\x9e")];
    let expect = [Got::piece(Kind::Text, b"\xf0"), Got::ping(b"\xff"), Got::text(b"\x9d\x84\x9e")];
    check(frames, events(expect));
}

#[test]
fn a_text_that_is_not_utf8_fails_with_1007() {
    assert_eq!(ProtocolError::InvalidUtf8.close_code(), CloseCode::INVALID_PAYLOAD);
    for (invalid, _) in INVALID {
        check(text(invalid), fails([], ProtocolError::InvalidUtf8));
        check([text("ok"), text(invalid)], fails([Got::text("ok")], ProtocolError::InvalidUtf8));
        for at in 0..=invalid.len() {
            let frames = [text(&invalid[..at]).more(), continuation(&invalid[at..])];
            check(frames, fails([], ProtocolError::InvalidUtf8));
        }
    }
}

#[test]
fn an_invalid_byte_fails_when_it_is_fed_before_the_frame_ends() {
    for (invalid, at) in INVALID {
        let payload = [b"Hello ", invalid, b" and what follows"].concat();
        // In one frame, and in a fragment of which the end never comes (Autobahn 6.4.1 to 6.4.4).
        for frame in [text(&payload), text(&payload).more(), text(&payload).claims(1 << 40)] {
            let wire = frame.bytes(Role::Client);
            let head = wire.len() - payload.len();
            let expect = head + 6 + at.unwrap_or(invalid.len());
            assert_eq!(fails_at(Receiver::server(), &wire), Some((expect, ProtocolError::InvalidUtf8)), "{invalid:x?}");
            // Also when all that was fed is in one piece.
            let got = feed(Receiver::server(), [&wire[..=expect]]);
            assert_eq!(got, fails([], ProtocolError::InvalidUtf8));
        }
    }
}

#[test]
fn a_character_cut_at_the_end_of_a_text_fails_with_its_last_byte() {
    for frames in [vec![text(b"a\xc3")], vec![text(b"a\xc3").more(), continuation("")]] {
        let wire: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes(Role::Server)).collect();
        let expect = Some((wire.len() - 1, ProtocolError::InvalidUtf8));
        assert_eq!(fails_at(Receiver::client(), &wire), expect);
    }
}

#[test]
fn a_binary_message_may_hold_any_bytes() {
    for (invalid, _) in INVALID {
        check([binary(invalid), text("ok")], events([Got::binary(invalid), Got::text("ok")]));
        check([binary(invalid).more(), continuation(invalid)], events([Got::binary([invalid, invalid].concat())]));
    }
}

// Sections 5.5.1 and 7: close

/// Row 40 of the checklist, as ranges: what may not stand in a close frame.
fn is_forbidden(code: u16) -> bool {
    code < 1000 || [1004, 1005, 1006, 1015].contains(&code) || (1016..=2999).contains(&code) || code >= 5000
}

#[test]
fn every_close_code_is_taken_or_fails_as_the_list_has_it() {
    for code in 0..=u16::MAX {
        let expect =
            if is_forbidden(code) { fails([], ProtocolError::CloseCode(code)) } else { events([Got::close(code, "")]) };
        let wire = close(code, "").bytes(Role::Server);
        assert_eq!(feed(Receiver::client(), [&wire[..]]), expect);
        assert_eq!(CloseCode::new(code).map(CloseCode::get), (!is_forbidden(code)).then_some(code));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535] {
        check(close(code, "why"), fails([], ProtocolError::CloseCode(code)));
        assert_eq!(ProtocolError::CloseCode(code).close_code(), CloseCode::PROTOCOL_ERROR);
    }
    for code in [1000, 1003, 1007, 1014, 3000, 3999, 4000, 4999] {
        check(close(code, "why"), events([Got::close(code, "why")]));
    }
}

#[test]
fn a_close_body_is_empty_or_a_code_and_a_reason() {
    check(close_empty(), events([Got::Close(None, String::new())]));
    for byte in [0, 3, 0xff] {
        check(Frame::new(8, [byte]), fails([], ProtocolError::CloseTooShort));
    }
    for reason in VALID {
        check(close(1000, reason), events([Got::close(1000, reason)]));
    }
}

#[test]
fn a_close_reason_that_is_not_utf8_fails_with_1007() {
    assert_eq!(ProtocolError::CloseReason.close_code(), CloseCode::INVALID_PAYLOAD);
    for (invalid, _) in INVALID {
        check(close(1000, invalid), fails([], ProtocolError::CloseReason));
    }
    // The code is looked at first.
    check(close(1005, b"\xff"), fails([], ProtocolError::CloseCode(1005)));
}

#[test]
fn a_close_without_a_code_reports_none() {
    let mut wire = close_empty().bytes(Role::Client);
    let Ok(Some(Event::Close(got))) = Receiver::server().next_event(&mut &mut wire[..]) else { panic!("no close") };
    assert_eq!((got.code(), got.reason()), (None, ""));
}

#[test]
fn a_close_is_owed_a_close_that_echoes_its_code() {
    for frame in [close_empty(), close(1000, ""), close(1001, "bye"), close(4999, "r".repeat(123))] {
        let mut wire = frame.bytes(Role::Client);
        let Ok(Some(Event::Close(got))) = Receiver::server().next_event(&mut &mut wire[..]) else { panic!("no close") };
        let reply = got.reply();
        assert!(reply.is_close());
        let mut out = [0; sockeye::MAX_CONTROL];
        let sent = sockeye::Sender::server().reply(&reply, &mut out).unwrap().to_vec();
        assert_eq!(sent, frame.bytes(Role::Server));
    }
}

#[test]
fn what_follows_a_close_is_discarded() {
    let after = [text("a"), ping("p"), close(1001, "again"), text("x").reserved(7), close(0, ""), text(b"\xff")];
    for frame in after {
        check([close(1000, "bye"), frame.clone()], events([Got::close(1000, "bye")]));
        let inside = [text("a").more(), close_empty(), frame];
        check(inside, events([Got::piece(Kind::Text, "a"), Got::Close(None, String::new())]));
    }
}

// Section 7.1.7: failing the connection

#[test]
fn after_an_error_the_same_error_comes_for_ever() {
    let broken = [
        (text("").reserved(4), ProtocolError::ReservedBits(4)),
        (Frame::new(3, ""), ProtocolError::ReservedOpcode(3)),
        (text(b"\xff"), ProtocolError::InvalidUtf8),
        (close(1005, ""), ProtocolError::CloseCode(1005)),
        (Frame::new(8, "x"), ProtocolError::CloseTooShort),
        (continuation(""), ProtocolError::UnexpectedContinuation),
    ];
    for (frame, error) in broken {
        check([frame.clone(), text("a"), ping("b"), close(1000, "")], fails([], error));
        let mut receiver = Receiver::client();
        let mut wire = frame.bytes(Role::Server);
        assert_eq!(receiver.next_event(&mut &mut wire[..]).err(), Some(error));
        for mut next in [vec![], text("a").bytes(Role::Server), close_empty().bytes(Role::Server)] {
            let mut input = &mut next[..];
            assert_eq!(receiver.next_event(&mut input).err(), Some(error));
            assert!(input.is_empty());
        }
    }
}

#[test]
fn every_error_knows_the_close_that_the_peer_is_owed() {
    let errors = [
        (ProtocolError::ReservedBits(1), 1002),
        (ProtocolError::ReservedOpcode(3), 1002),
        (ProtocolError::Unmasked, 1002),
        (ProtocolError::Masked, 1002),
        (ProtocolError::LengthNotMinimal, 1002),
        (ProtocolError::LengthTopBit, 1002),
        (ProtocolError::FragmentedControl, 1002),
        (ProtocolError::ControlTooLong, 1002),
        (ProtocolError::UnexpectedContinuation, 1002),
        (ProtocolError::Interleaved, 1002),
        (ProtocolError::InvalidUtf8, 1007),
        (ProtocolError::CloseTooShort, 1002),
        (ProtocolError::CloseCode(1005), 1002),
        (ProtocolError::CloseReason, 1007),
        (ProtocolError::FrameTooBig(1), 1009),
        (ProtocolError::MessageTooBig(1), 1009),
    ];
    for (error, code) in errors {
        assert_eq!(error.close_code().get(), code);
        let mut out = [0; sockeye::MAX_CONTROL];
        let sent = sockeye::Sender::server().reply(&error.reply(), &mut out).unwrap().to_vec();
        assert_eq!(sent, close(code, "").bytes(Role::Server));
        let shown = error.to_string();
        assert!(shown.ends_with(&format!("({code})")) && shown.len() > 20, "{shown}");
    }
    assert_eq!(ProtocolError::ReservedOpcode(3).to_string(), "peer sent a reserved opcode 0x3 (1002)");
}
