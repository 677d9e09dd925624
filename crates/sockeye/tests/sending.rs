//! The rules of RFC 6455 on what this side sends: frames (5, 6.1), control frames (5.5), and the one reply it owes.

mod common;

use common::{Counted, Frame, KEY, Role, close, ping, pong};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sockeye::{CloseCode, Event, Kind, MAX_CONTROL, ProtocolError, Receiver, Replies, Reply, SendError, Sender};

// Section 6.1: data

#[test]
fn the_first_frame_bears_the_opcode_and_the_last_one_fin() {
    for (kind, opcode) in [(Kind::Text, 1), (Kind::Binary, 2)] {
        // Rows of (last, first byte)
        for frames in [
            &[(true, 0x80 + opcode)][..],
            &[(false, opcode), (true, 0x80)],
            &[(false, opcode), (false, 0), (false, 0), (true, 0x80), (false, opcode), (true, 0x80)],
        ] {
            let mut server = Sender::server();
            let mut client = Sender::client(Counted::new(1));
            for (last, first_byte) in frames {
                assert_eq!(server.chunk(kind, 5, *last).unwrap().bytes(), [*first_byte, 5]);
                assert_eq!(client.chunk(kind, 5, *last).unwrap().bytes()[..2], [*first_byte, 0x85]);
            }
        }
    }
}

#[test]
fn a_control_frame_fits_between_the_chunks_of_a_message() {
    let (mut sender, mut out) = (Sender::server(), [0; MAX_CONTROL]);
    assert_eq!(sender.chunk(Kind::Text, 1, false).unwrap().bytes(), [0x01, 1]);
    assert_eq!(sender.ping(b"p", &mut out), Ok(&[0x89, 1, b'p'][..]));
    assert_eq!(sender.pong(b"", &mut out), Ok(&[0x8a, 0][..]));
    assert_eq!(sender.chunk(Kind::Text, 1, true).unwrap().bytes(), [0x80, 1]);
    assert_eq!(sender.chunk(Kind::Binary, 0, true).unwrap().bytes(), [0x82, 0]);
}

#[test]
fn a_message_does_not_change_its_kind() {
    let mut sender = Sender::server();
    sender.chunk(Kind::Text, 1, false).unwrap();
    for last in [false, true] {
        assert_eq!(sender.chunk(Kind::Binary, 1, last).unwrap_err(), SendError::KindChanged);
    }
    // The message is still open, and goes on.
    assert_eq!(sender.chunk(Kind::Text, 1, true).unwrap().bytes(), [0x80, 1]);
    assert_eq!(sender.chunk(Kind::Binary, 1, true).unwrap().bytes(), [0x82, 1]);
}

#[test]
fn lengths_are_written_in_their_shortest_form() {
    for (len, expect) in [
        (0u64, &[0x82, 0][..]),
        (1, &[0x82, 1]),
        (125, &[0x82, 125]),
        (126, &[0x82, 126, 0, 126]),
        (127, &[0x82, 126, 0, 127]),
        (256, &[0x82, 126, 1, 0]),
        (65535, &[0x82, 126, 0xff, 0xff]),
        (65536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (1 << 32, &[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]),
        ((1 << 63) - 1, &[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ] {
        assert_eq!(Sender::server().chunk(Kind::Binary, len, true).unwrap().bytes(), expect);
        let head = Sender::client(Counted::new(7)).chunk(Kind::Binary, len, true).unwrap();
        assert_eq!(head.bytes().len(), expect.len() + 4, "the mask takes four bytes");
        assert_eq!(head.bytes()[1], expect[1] | 0x80);
        assert_eq!(head.bytes()[2..expect.len()], expect[2..]);
    }
}

#[test]
fn a_length_with_the_top_bit_is_never_written() {
    for len in [1 << 63, u64::MAX] {
        if let Ok(head) = Sender::server().chunk(Kind::Binary, len, true) {
            assert_eq!(head.bytes()[2] & 0x80, 0, "{:x?} claims {len:#x}", head.bytes());
        }
    }
}

// Sections 5.1 and 5.3: masking

#[test]
fn a_server_never_masks() {
    let mut sender = Sender::server();
    let mut out = [0; MAX_CONTROL];
    for payload in [&b""[..], b"abc", &[0x55; 125]] {
        let mut head = sender.chunk(Kind::Binary, payload.len() as u64, true).unwrap();
        assert_eq!((head.bytes()[1] & 0x80, head.is_masked()), (0, false));
        let mut sent = payload.to_vec();
        head.mask(&mut sent);
        assert_eq!(sent, payload);
        assert_eq!(sender.ping(payload, &mut out).unwrap(), ping(payload).bytes(Role::Server));
        assert_eq!(sender.pong(payload, &mut out).unwrap(), pong(payload).bytes(Role::Server));
    }
    let bye = sender.close(CloseCode::NORMAL, "bye", &mut out).unwrap();
    assert_eq!(bye, close(1000, "bye").bytes(Role::Server));
}

#[test]
fn a_client_masks_every_frame_with_a_fresh_key_of_its_generator() {
    let mut rng = Counted::new(42);
    let mut sender = Sender::client(&mut rng);
    let mut out = [0; MAX_CONTROL];
    let mut keys = Vec::new();
    let mut key_at = |bytes: &[u8]| {
        assert_eq!(bytes[1] & 0x80, 0x80, "not masked");
        keys.push([bytes[2], bytes[3], bytes[4], bytes[5]]);
    };
    for i in 0..50 {
        key_at(sender.chunk(Kind::Text, 0, i % 3 == 2).unwrap().bytes());
        key_at(sender.ping(b"", &mut out).unwrap());
        key_at(sender.pong(b"abc", &mut out).unwrap());
    }
    key_at(sender.reply(&ProtocolError::Masked.reply(), &mut out).unwrap());
    // Frames that are refused take no key.
    assert_eq!(sender.chunk(Kind::Text, 0, true).unwrap_err(), SendError::Closed);
    assert_eq!(keys.len(), 151);
    assert_eq!(rng.given, keys.concat(), "the keys are the generator's bytes, each used once");
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 151, "a key came twice");
}

#[test]
fn the_generators_of_rand_drive_a_client() {
    let (mut sender, mut rng) = (Sender::client(StdRng::seed_from_u64(5)), StdRng::seed_from_u64(5));
    for _ in 0..20 {
        let head = sender.chunk(Kind::Binary, 3, true).unwrap();
        let mut key = [0; 4];
        rng.fill_bytes(&mut key);
        assert_eq!(head.bytes()[2..], key);
    }
    let head = Sender::client(rand::rng()).chunk(Kind::Text, 3, true).unwrap();
    assert!(head.is_masked());
}

#[test]
fn a_payload_is_masked_in_phase_over_any_pieces() {
    let payload: Vec<u8> = (0..100).collect();
    for pieces in [vec![100], vec![0, 1, 2, 3, 94], vec![5; 20], vec![7, 8, 9, 10, 11, 12, 13, 14, 16], vec![1; 100]] {
        let mut head = Sender::client(Counted::new(3)).chunk(Kind::Binary, 100, true).unwrap();
        let key = [head.bytes()[2], head.bytes()[3], head.bytes()[4], head.bytes()[5]];
        let mut sent = payload.clone();
        let mut rest = &mut sent[..];
        for len in pieces {
            let (piece, after) = rest.split_at_mut(len);
            head.mask(piece);
            rest = after;
        }
        let wire = [head.bytes(), &sent].concat();
        assert_eq!(wire, Frame::new(2, &payload).key(key).bytes(Role::Client));
    }
}

#[test]
fn a_control_frame_of_a_client_is_masked_whole() {
    for payload in [&b""[..], b"x", b"12345", &[0xaa; 124], &[0xaa; 125]] {
        let mut out = [0; MAX_CONTROL];
        let mut sender = Sender::client(Fixed);
        assert_eq!(sender.ping(payload, &mut out).unwrap(), ping(payload).bytes(Role::Client));
        assert_eq!(sender.pong(payload, &mut out).unwrap(), pong(payload).bytes(Role::Client));
    }
    let mut out = [0; MAX_CONTROL];
    let sent = Sender::client(Fixed).close(CloseCode::GOING_AWAY, &"r".repeat(123), &mut out).unwrap().to_vec();
    assert_eq!(sent, close(1001, "r".repeat(123)).bytes(Role::Client));
}

/// Always the key of the frames in `common`.
struct Fixed;

impl rand::TryRng for Fixed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(KEY))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&KEY);
        Ok(())
    }
}

impl rand::TryCryptoRng for Fixed {}

// Section 5.5: control frames, and the end

#[test]
fn a_control_frame_that_is_too_long_is_refused_and_changes_nothing() {
    let mut rng = Counted::new(1);
    let mut sender = Sender::client(&mut rng);
    let mut out = [0; MAX_CONTROL];
    assert_eq!(sender.ping(&[0; 126], &mut out), Err(SendError::ControlTooLong));
    assert_eq!(sender.pong(&[0; 65536], &mut out), Err(SendError::ControlTooLong));
    assert_eq!(sender.close(CloseCode::NORMAL, &"r".repeat(124), &mut out), Err(SendError::ControlTooLong));
    assert!(!sender.is_closed());
    assert!(sender.ping(&[0; 125], &mut out).is_ok());
    assert!(sender.close(CloseCode::NORMAL, &"r".repeat(123), &mut out).is_ok());
    assert_eq!(rng.given.len(), 8, "a refused frame took a key");
}

#[test]
fn nothing_is_sent_after_a_close() {
    for way in ["close", "a reply", "the reply to an error"] {
        for open_message in [false, true] {
            let (mut sender, mut out) = (Sender::server(), [0; MAX_CONTROL]);
            if open_message {
                sender.chunk(Kind::Text, 1, false).unwrap();
            }
            assert!(!sender.is_closed());
            let sent = match way {
                "close" => sender.close(CloseCode::NORMAL, "", &mut out),
                "a reply" => sender.reply(&Reply::close(CloseCode::GOING_AWAY), &mut out),
                _ => sender.reply(&ProtocolError::InvalidUtf8.reply(), &mut out),
            };
            assert!(sent.is_ok(), "{way}");
            assert!(sender.is_closed());
            assert_eq!(sender.chunk(Kind::Text, 1, true).unwrap_err(), SendError::Closed);
            assert_eq!(sender.chunk(Kind::Binary, 1, true).unwrap_err(), SendError::Closed);
            assert_eq!(sender.ping(b"", &mut out), Err(SendError::Closed));
            assert_eq!(sender.pong(&[0; 126], &mut out), Err(SendError::Closed));
            assert_eq!(sender.close(CloseCode::NORMAL, "", &mut out), Err(SendError::Closed));
            assert_eq!(sender.reply(&Reply::close(CloseCode::NORMAL), &mut out), Err(SendError::Closed));
        }
    }
}

#[test]
fn a_ping_or_pong_does_not_close() {
    let (mut sender, mut out) = (Sender::server(), [0; MAX_CONTROL]);
    sender.ping(b"", &mut out).unwrap();
    sender.pong(b"", &mut out).unwrap();
    sender.reply(&pong_owed("x"), &mut out).unwrap();
    assert!(!sender.is_closed());
}

#[test]
fn a_forbidden_close_code_cannot_be_sent() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert_eq!(CloseCode::new(code), None);
    }
    let mut out = [0; MAX_CONTROL];
    let sent = Sender::server().close(CloseCode::new(4321).unwrap(), "ok", &mut out).unwrap().to_vec();
    assert_eq!(sent, close(4321, "ok").bytes(Role::Server));
}

// Sections 5.5.2, 5.5.3 and 5.5.1: what is owed

/// The reply to a ping.
fn pong_owed(payload: &str) -> Reply {
    let mut wire = ping(payload).bytes(Role::Server);
    match Receiver::client().next_event(&mut &mut wire[..]) {
        Ok(Some(Event::Ping(ping))) => ping.reply(),
        other => panic!("{other:?}"),
    }
}

/// The reply to a close.
fn close_owed(code: u16, reason: &str) -> Reply {
    let mut wire = close(code, reason).bytes(Role::Server);
    match Receiver::client().next_event(&mut &mut wire[..]) {
        Ok(Some(Event::Close(close))) => close.reply(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_newest_ping_is_owed_a_pong() {
    let mut replies = Replies::new();
    assert!(replies.is_empty());
    assert_eq!(replies.pop(), None);
    for payload in ["1", "2", "3"] {
        replies.push(pong_owed(payload));
        assert!(!replies.is_empty());
    }
    assert_eq!(replies.pop(), Some(pong_owed("3")));
    assert_eq!(replies.pop(), None);
    replies.push(pong_owed("4"));
    assert_eq!(replies.pop(), Some(pong_owed("4")));
}

#[test]
fn a_close_takes_the_place_of_a_pong_and_stays() {
    let mut replies = Replies::new();
    replies.push(pong_owed("1"));
    replies.push(close_owed(1001, "bye"));
    replies.push(pong_owed("2"));
    replies.push(Reply::close(CloseCode::PROTOCOL_ERROR));
    assert_eq!(replies.pop(), Some(close_owed(1001, "bye")));
    assert!(replies.is_empty());
}

#[test]
fn a_pong_that_is_owed_after_our_close_is_not_sent() {
    let (mut sender, mut out) = (Sender::server(), [0; MAX_CONTROL]);
    sender.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(sender.reply(&pong_owed("late"), &mut out), Err(SendError::Closed));
}

#[test]
fn a_refusal_to_send_says_why() {
    for error in [SendError::Closed, SendError::KindChanged, SendError::ControlTooLong, SendError::InvalidUtf8] {
        assert!(error.to_string().len() > 15, "{error}");
    }
}

#[test]
fn replies_are_the_same_only_with_the_same_payload() {
    assert_eq!(pong_owed("1"), pong_owed("1"));
    assert_ne!(pong_owed("1"), pong_owed("2"));
    assert_ne!(pong_owed(""), pong_owed("2"));
}

#[test]
fn the_longest_control_frame_fills_its_buffer() {
    let mut out = [0; MAX_CONTROL];
    let mut client = Sender::client(Counted::new(1));
    assert_eq!(client.ping(&[7; 125], &mut out).unwrap().len(), MAX_CONTROL);
}
