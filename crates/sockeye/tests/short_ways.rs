//! The shorter ways for hosts say what the general ones say: `Receiver::next_message` and `Sender::short_chunk`.

mod common;

use common::{Frame, KEY, Role, binary, close, continuation, ping, text};
use proptest::prelude::*;
use sockeye::{Event, Kind, Limits, ProtocolError, Receiver, Sender};

/// What came out of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Chunk(Kind, Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
    Error(ProtocolError),
}

/// All that a receiver finds in `bytes`, which come in pieces, with the shorter way tried first or not.
fn received(receiver: &mut Receiver, bytes: &[u8], piece: usize, short: bool) -> Vec<Got> {
    let mut got = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            if short && let Some(chunk) = receiver.next_message(&mut input) {
                got.push(Got::Chunk(chunk.kind, chunk.payload.to_vec(), chunk.last));
                continue;
            }
            got.push(match receiver.next_event(&mut input) {
                Ok(None) => break,
                Ok(Some(Event::Data(chunk))) => Got::Chunk(chunk.kind, chunk.payload.to_vec(), chunk.last),
                Ok(Some(Event::Ping(ping))) => Got::Ping(ping.payload().to_vec()),
                Ok(Some(Event::Pong(pong))) => Got::Pong(pong.payload().to_vec()),
                Ok(Some(Event::Close(close))) => Got::Close(close.reason().as_bytes().to_vec()),
                Err(error) => {
                    got.push(Got::Error(error));
                    return got;
                }
            });
        }
    }
    got
}

fn check(from: Role, limits: Limits, bytes: &[u8]) {
    for piece in [1, 3, 17, 200, bytes.len().max(1)] {
        let new = || match from {
            Role::Client => Receiver::server().with_limits(limits),
            Role::Server => Receiver::client().with_limits(limits),
        };
        let general = received(&mut new(), bytes, piece, false);
        let short = received(&mut new(), bytes, piece, true);
        assert_eq!(short, general, "in pieces of {piece}: {bytes:x?}");
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let lens = prop_oneof![0..10usize, 120..130usize, 300..400usize, Just(65_535), Just(65_536)];
    let payload = (lens, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
    let shape = (0..20u8, payload, any::<[u8; 4]>(), 0..20u8);
    shape.prop_map(|(kind, payload, key, oddity)| {
        let short = payload.get(..payload.len().min(100)).unwrap_or_default().to_vec();
        let frame = match kind {
            0..=5 => text(payload.iter().map(|byte| byte & 0x7f).collect::<Vec<_>>()),
            6..=7 => text(payload),
            8..=12 => binary(payload),
            13 => binary(payload).more(),
            14 => continuation(payload),
            15 => continuation(payload).more(),
            16..=17 => ping(short),
            18 => text("ü".repeat(80)),
            _ => close(1000, "over"),
        };
        match oddity {
            0 => frame.reserved(1),
            1 => frame.masked(false),
            2 => frame.masked(true),
            _ => frame.key(key),
        }
    })
}

proptest! {
    #[test]
    fn the_next_message_is_what_the_events_say(
        frames in prop::collection::vec(any_frame(), 1..8),
        from_client: bool,
        limits in prop_oneof![
            Just(Limits::NONE), Just(Limits::message(126)), Just(Limits { frame: 125, message: 1000 }),
        ],
    ) {
        let from = if from_client { Role::Client } else { Role::Server };
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes(from)).collect();
        check(from, limits, &bytes);
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>, from_client: bool) {
        check(if from_client { Role::Client } else { Role::Server }, Limits::NONE, &bytes);
    }

    #[test]
    fn a_short_chunk_has_the_head_of_a_chunk(
        chunks in prop::collection::vec((any::<bool>(), prop_oneof![0..200u16, any::<u16>()], any::<bool>()), 1..20),
        closed in 0..30usize,
    ) {
        let (mut one, mut other) = (Sender::server(), Sender::server());
        for (at, (text, len, last)) in chunks.into_iter().enumerate() {
            if at == closed {
                for sender in [&mut one, &mut other] {
                    sender.close(sockeye::CloseCode::NORMAL, "", &mut [0; sockeye::MAX_CONTROL]).expect("a close");
                }
            }
            let kind = if text { Kind::Text } else { Kind::Binary };
            let short = one.short_chunk(kind, len, last).map(|(head, bytes)| head[..bytes].to_vec());
            let general = other.chunk(kind, len.into(), last).map(|head| head.bytes().to_vec());
            prop_assert_eq!(short, general);
            prop_assert_eq!(one.in_message(), other.in_message());
        }
    }
}

/// A length in more bytes than it needs, and one that claims more than there is.
#[test]
fn lengths_that_lie() {
    use common::Length::{In16, In64};
    for frame in [
        binary([7; 5]).length(In16(5)),
        binary([7; 125]).length(In16(125)),
        binary([7; 126]).length(In64(126)),
        binary([7; 5]).claims(100),
        binary([7; 5]).claims(u64::MAX),
    ] {
        check(Role::Client, Limits::NONE, &[frame.bytes(Role::Client), text("behind").bytes(Role::Client)].concat());
    }
    // What is refused is as it was: the other way says which byte is wrong.
    let mut bytes = text([b'a', 0xff]).bytes(Role::Client);
    let before = bytes.clone();
    let mut input = &mut bytes[..];
    assert!(Receiver::server().next_message(&mut input).is_none());
    assert_eq!(input, before);
    assert_ne!(KEY, [0; 4]);
}
