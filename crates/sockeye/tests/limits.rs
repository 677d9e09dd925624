//! Limits and lengths (RFC 6455 sections 5.2 and 10.4): what a peer claims is judged at the header, as a u64.

mod common;

use common::*;
use sockeye::{Kind, Limits, ProtocolError, Receiver};

const HUGE: [u64; 5] = [65536, 1 << 32, (1 << 32) + 1, (1 << 63) - 2, (1 << 63) - 1];
const TOP_BIT: [u64; 5] = [1 << 63, (1 << 63) + 1, u64::MAX - 3, u64::MAX - 1, u64::MAX];

#[test]
fn a_huge_length_without_a_limit_streams_what_comes() {
    for len in HUGE {
        check(binary("abc").claims(len), events([Got::piece(Kind::Binary, "abc")]));
        check(text("abc").more().claims(len), events([Got::piece(Kind::Text, "abc")]));
        for from in [Role::Client, Role::Server] {
            let mut wire = binary("abc").claims(len).bytes(from);
            let (mut receiver, mut input) = (from.peer(), &mut wire[..]);
            receiver.next_event(&mut input).unwrap();
            assert_eq!((receiver.frame_remaining(), receiver.in_message()), (len - 3, true));
        }
    }
}

#[test]
fn a_huge_length_fails_at_the_header_under_a_limit() {
    let limits = [
        (Limits { frame: 65535, message: u64::MAX }, ProtocolError::FrameTooBig as fn(u64) -> ProtocolError),
        (Limits::message(65535), ProtocolError::MessageTooBig),
        (Limits { frame: 65535, message: 65535 }, ProtocolError::FrameTooBig),
    ];
    for (limits, error) in limits {
        for len in HUGE {
            check(Input::new(binary("abc").claims(len)).limits(limits), fails([], error(len)));
            // With the header's last byte, before any payload.
            for (from, header) in [(Role::Client, 14), (Role::Server, 10)] {
                let wire = binary("abc").claims(len).bytes(from);
                let got = fails_at(from.peer().with_limits(limits), &wire);
                assert_eq!(got, Some((header - 1, error(len))));
            }
        }
    }
}

#[test]
fn a_length_with_the_top_bit_fails_with_and_without_limits() {
    for len in TOP_BIT {
        for limits in [Limits::NONE, Limits::message(0), Limits { frame: 1, message: 1 }] {
            check(Input::new(binary("abc").claims(len)).limits(limits), fails([], ProtocolError::LengthTopBit));
        }
    }
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_not_a_byte_longer() {
    for limit in [0, 1, 10, 125, 126, 65535, 65536] {
        let (at, above) = (vec![b'a'; limit], vec![b'a'; limit + 1]);
        let (limits, error) = (Limits::message(limit as u64), ProtocolError::MessageTooBig(limit as u64 + 1));
        // The count starts again with each message.
        let exact = [text(&at), binary(&at)];
        check(Input::new(exact).limits(limits), events([Got::text(&at), Got::binary(&at)]));
        let over = [text(&at), binary(&above)];
        check(Input::new(over).limits(limits), fails([Got::text(&at)], error));
    }
}

#[test]
fn the_limit_of_a_message_counts_all_its_fragments() {
    let limits = Limits::message(10);
    let exact = [text("aaaa").more(), continuation("bbb").more(), continuation("").more(), continuation("ccc")];
    check(Input::new(exact).limits(limits), events([Got::text("aaaabbbccc")]));
    let one_above = [binary("aaaa").more(), continuation("bbb").more(), continuation("cccc")];
    let expect = fails([Got::piece(Kind::Binary, "aaaabbb")], ProtocolError::MessageTooBig(11));
    check(Input::new(one_above).limits(limits), expect);
    let full = [binary("aaaaaaaaaa").more(), continuation("").more(), continuation("b").more()];
    let expect = fails([Got::piece(Kind::Binary, "aaaaaaaaaa")], ProtocolError::MessageTooBig(11));
    check(Input::new(full).limits(limits), expect);
    // A sum near 2^64 neither wraps nor slips through.
    let claims = [binary("a").more(), continuation("").claims((1 << 63) - 1)];
    let expect = fails([Got::piece(Kind::Binary, "a")], ProtocolError::MessageTooBig(1 << 63));
    check(Input::new(claims).limits(limits), expect);
}

#[test]
fn the_limit_of_a_frame_holds_for_each_fragment() {
    let limits = Limits { frame: 4, message: u64::MAX };
    let exact = [text("aaaa").more(), continuation("bbbb").more(), continuation("cccc")];
    check(Input::new(exact).limits(limits), events([Got::text("aaaabbbbcccc")]));
    let one_above = [text("aaaa").more(), continuation("bbbbb")];
    let expect = fails([Got::piece(Kind::Text, "aaaa")], ProtocolError::FrameTooBig(5));
    check(Input::new(one_above).limits(limits), expect);
}

#[test]
fn control_frames_do_not_count() {
    let limits = Limits { frame: 1, message: 1 };
    let frames = [text("a").more(), ping([7; 125]), pong([7; 125]), continuation(""), close(1000, "a reason")];
    let expect = [
        Got::piece(Kind::Text, "a"),
        Got::ping([7; 125]),
        Got::pong([7; 125]),
        Got::text(""),
        Got::close(1000, "a reason"),
    ];
    check(Input::new(frames).limits(limits), events(expect));
}

#[test]
fn an_error_of_the_frame_comes_before_one_of_its_length() {
    let limits = Limits::message(1);
    let cases = [
        (vec![text("aa").reserved(1)], ProtocolError::ReservedBits(1)),
        (vec![continuation("aa")], ProtocolError::UnexpectedContinuation),
        (vec![text("").more(), text("aa")], ProtocolError::Interleaved),
    ];
    for (frames, error) in cases {
        check(Input::new(frames).limits(limits), fails([], error));
    }
}

#[test]
fn the_state_of_a_receiver_is_small_and_of_one_size() {
    assert!(size_of::<Receiver>() <= 256, "{}", size_of::<Receiver>());
    assert!(size_of::<sockeye::Sender<sockeye::Unmasked>>() <= 3);
    assert!(size_of::<sockeye::Replies>() <= 128, "{}", size_of::<sockeye::Replies>());
}

#[test]
fn a_receiver_knows_whether_it_is_inside_something_and_how_much_of_a_frame_is_to_come() {
    let mut receiver = Receiver::client();
    // Rows of (byte, inside a message or frame after it, bytes of the frame to come)
    for (byte, inside, remaining) in [
        (0x01, true, 0),
        (2, true, 2),
        (b'a', true, 1),
        (b'b', true, 0),
        (0x89, true, 0),
        (1, true, 1),
        (0, true, 0),
        (0x80, true, 0),
        (0, false, 0),
        (0x89, true, 0),
        (1, true, 1),
        (0, false, 0),
        (0x82, true, 0),
        (0, false, 0),
    ] {
        receiver.next_event(&mut &mut [byte][..]).expect("it is right");
        assert_eq!((receiver.in_message(), receiver.frame_remaining()), (inside, remaining), "after {byte:#x}");
    }
}
