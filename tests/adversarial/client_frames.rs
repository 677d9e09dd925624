//! The client against a server whose frames break the rules, and what the client's own frames look like.

use std::collections::HashSet;

use sockeye_tests::frame::{
    self, BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, PING, PONG, TEXT, closing, masked, unmasked,
};
use sockeye_tests::{Hostile, beside_a_bystander as client_test};
use sockeye_tokio::proto::{CloseCode, ProtocolError};
use sockeye_tokio::{Budget, Config, Error, connect};

#[test]
fn frames_that_break_the_rules() {
    let long = |first| frame::head_of(first, 126, 2, None);
    let cases = [
        ("a mask", masked(TEXT, b"x"), ProtocolError::Masked),
        ("a masked ping", masked(PING, b"x"), ProtocolError::Masked),
        ("RSV1", unmasked(TEXT | 0x40, b"x"), ProtocolError::ReservedBits(4)),
        ("RSV2", unmasked(TEXT | 0x20, b"x"), ProtocolError::ReservedBits(2)),
        ("RSV3", unmasked(TEXT | 0x10, b"x"), ProtocolError::ReservedBits(1)),
        ("opcode 3", unmasked(0x83, b"x"), ProtocolError::ReservedOpcode(3)),
        ("opcode 11", unmasked(0x8b, b"x"), ProtocolError::ReservedOpcode(0xb)),
        ("a long ping", long(PING), ProtocolError::ControlTooLong),
        ("a long close", long(CLOSE), ProtocolError::ControlTooLong),
        ("a ping in fragments", unmasked(PING & 0x0f, b""), ProtocolError::FragmentedControl),
        ("a close in fragments", unmasked(CLOSE & 0x0f, b""), ProtocolError::FragmentedControl),
        ("a continuation of nothing", unmasked(CONTINUES, b"x"), ProtocolError::UnexpectedContinuation),
        ("the end of nothing", unmasked(ENDS, b"x"), ProtocolError::UnexpectedContinuation),
        ("a message inside a message", [unmasked(1, b"a"), unmasked(TEXT, b"b")].concat(), ProtocolError::Interleaved),
        ("a length too wide", frame::head_of(BINARY, 65535, 8, None), ProtocolError::LengthNotMinimal),
        ("a text that is not UTF-8", unmasked(TEXT, b"\xff"), ProtocolError::InvalidUtf8),
        ("a close of a byte", unmasked(CLOSE, &[3]), ProtocolError::CloseTooShort),
        ("a close with 1005", unmasked(CLOSE, &closing(1005, b"")), ProtocolError::CloseCode(1005)),
        ("a close with 1006", unmasked(CLOSE, &closing(1006, b"")), ProtocolError::CloseCode(1006)),
        ("a close with 65535", unmasked(CLOSE, &closing(65535, b"")), ProtocolError::CloseCode(65535)),
        ("a reason that is not UTF-8", unmasked(CLOSE, &closing(1000, b"\xff")), ProtocolError::CloseReason),
    ];
    client_test(async {
        for (name, bytes, expected) in cases {
            let hostile = Hostile::after_handshake(move |raw| {
                raw.send(&bytes);
                raw.close_frame_code()
            });
            let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
            assert_eq!(ws.receiver.message().await, Err(Error::Protocol(expected)), "{name}");
            assert_eq!(ws.receiver.message().await, Err(Error::Protocol(expected)), "{name}: for ever");
            drop(ws);
            assert_eq!(hostile.join(), Some(expected.close_code().get()), "{name}");
        }
    });
}

#[test]
fn a_message_over_the_limit_in_small_fragments() {
    client_test(async {
        let hostile = Hostile::after_handshake(|raw| {
            raw.try_send(&unmasked(BINARY_BEGINS, b"x"));
            let block = unmasked(CONTINUES, b"x").repeat(10_000);
            let mut blocks = 0;
            while blocks < 5000 && raw.try_send(&block) {
                blocks += 1;
            }
            blocks
        });
        let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
        let error = ws.receiver.message().await.expect_err("it is over 1 MiB");
        assert!(matches!(error, Error::Protocol(ProtocolError::MessageTooBig(_))), "{error}");
        drop(ws);
        assert!(hostile.join() < 5000, "the client hung up");
    });
}

#[test]
fn floods_of_empty_frames_hold_nothing() {
    client_test(async {
        let budget = Budget::new(1 << 20, 1 << 20);
        let config = Config { budget: budget.clone(), ..Config::default() };
        let hostile = Hostile::after_handshake(|raw| {
            raw.send(&unmasked(BINARY_BEGINS, b""));
            for first in [CONTINUES, PONG] {
                let block = unmasked(first, b"").repeat(10_000);
                assert!((0..50).all(|_| raw.try_send(&block)), "the client takes it all");
            }
            raw.send(&unmasked(ENDS, b"at last"));
            raw.frame().and_then(|frame| frame.close_code())
        });
        let mut ws = connect(&hostile.url(), config).await.expect("it accepts");
        let message = ws.receiver.message().await.expect("it holds").expect("a message");
        assert_eq!(message.payload, b"at last");
        assert!(budget.partial_bytes() <= 64 << 10, "{} bytes", budget.partial_bytes());
        ws.sender.close(CloseCode::NORMAL, "").await.expect("it is taken");
        assert_eq!(hostile.join(), Some(1000));
    });
}

#[test]
fn mask_keys_are_fresh() {
    client_test(async {
        let hostile = Hostile::after_handshake(|raw| {
            let mut keys = Vec::new();
            while keys.len() < 1000 {
                let frame = raw.frame().expect("a frame");
                keys.push(u32::from_be_bytes(frame.mask.expect("a client masks")));
                if frame.first == PING {
                    continue;
                }
                assert_eq!(frame.payload, [0; 64], "what was sent");
            }
            keys
        });
        let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
        for at in 0..500 {
            ws.sender.binary(&[0; 64]).await.expect("it is taken");
            if at % 2 == 0 {
                ws.sender.ping(b"").await.expect("it is taken");
                ws.sender.chunk(sockeye_tokio::Kind::Binary, &[0; 64], false).await.expect("it is taken");
                ws.sender.chunk(sockeye_tokio::Kind::Binary, &[0; 64], true).await.expect("it is taken");
            }
        }
        ws.sender.flush().await.expect("it is taken");
        let keys = hostile.join();
        // Of 1000 keys of 32 random bits two are the same once in 8600 runs; three are never.
        let distinct: HashSet<_> = keys.iter().collect();
        assert!(distinct.len() >= 999, "{} of 1000 keys are different", distinct.len());
        // No counter and no fixed part: each bit is set about half the time (500, within 8 deviations of 15.8).
        for bit in 0..32 {
            let set = keys.iter().filter(|key| **key >> bit & 1 == 1).count();
            assert!((374..=626).contains(&set), "bit {bit} is set in {set} of 1000 keys");
        }
        let steps: HashSet<_> = keys.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        assert!(steps.len() > 990, "the keys do not follow from each other");
    });
}

#[test]
fn handshake_keys_are_fresh() {
    client_test(async {
        let mut keys = HashSet::new();
        for _ in 0..100 {
            let hostile = Hostile::answering(|_, key| key.to_owned());
            connect(&hostile.url(), Config::default()).await.expect_err("it hangs up");
            let key = hostile.join();
            assert_eq!(data_encoding::BASE64.decode(key.as_bytes()).expect("base64").len(), 16);
            assert!(keys.insert(key), "a key came twice");
        }
    });
}

#[test]
fn pongs_and_closes_are_masked_too() {
    client_test(async {
        let hostile = Hostile::after_handshake(|raw| {
            raw.send(&unmasked(PING, b"ping"));
            let pong = raw.frame().expect("a pong");
            raw.send(&unmasked(CLOSE, &closing(4000, b"over")));
            (pong, raw.frame().expect("a close"))
        });
        let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
        assert_eq!(ws.receiver.message().await, Ok(None));
        let close = ws.receiver.close().expect("it came");
        assert_eq!((close.code().map(CloseCode::get), close.reason()), (Some(4000), "over"));
        drop(ws);
        let (pong, close) = hostile.join();
        assert_eq!((pong.first, &pong.payload[..]), (PONG, &b"ping"[..]));
        assert_eq!(close.close_code(), Some(4000));
        let (one, other) = (pong.mask.expect("masked"), close.mask.expect("masked"));
        assert_ne!(one, other);
        assert_ne!([one, other], [[0; 4]; 2]);
    });
}
