//! Peers that are there only by half, and keep a connection alive: each is let go in bounded time.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sockeye_tests::device::{CLIENTS, SLACK, beside_an_echo, close, dial, open, short, try_open};
use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, MASK, PING, PONG, masked};

use crate::ECHO;

const PACE: Duration = Duration::from_millis(50);

#[test]
fn a_byte_now_and_then_does_not_put_the_messages_deadline_off() {
    assert_let_go(&frame::head(BINARY, 100_000, Some(MASK)), &[0]);
}

#[test]
fn pings_inside_a_message_do_not_put_its_deadline_off() {
    assert_let_go(&masked(BINARY_BEGINS, b"begun"), &masked(PING, b""));
}

#[test]
fn pongs_inside_a_message_do_not_put_its_deadline_off() {
    assert_let_go(&masked(BINARY_BEGINS, b""), &masked(PONG, b"here I am"));
}

/// Asserts that a message which begins so, and goes on so, is ended with 1008.
fn assert_let_go(begin: &[u8], more: &[u8]) {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(begin);
        let begun = Instant::now();
        let (_never, pace) = channel::<()>();
        while raw.try_send(more) && begun.elapsed() < short::MESSAGE + short::CLOSE + SLACK {
            let _ = pace.recv_timeout(PACE);
        }
        let took = begun.elapsed();
        assert!(took > short::MESSAGE - PACE && took < short::MESSAGE + short::CLOSE + SLACK, "{took:?}");
        assert_eq!(raw.close_frame_code(), Some(1008));
    });
}

#[test]
fn half_a_header_then_silence() {
    beside_an_echo(ECHO, |device| {
        for bytes in [&[BINARY][..], &[BINARY, 0xff, 0], &[BINARY, 0x85, 1, 2], &[PING], &masked(PING, b"abc")[..7]] {
            let mut raw = open(device.address(), "/");
            raw.send(bytes);
            let begun = Instant::now();
            assert_eq!(raw.frame().expect("a ping").first, PING);
            assert_eq!(raw.rest(), b"", "then the end");
            let took = begun.elapsed();
            assert!(took > short::SILENCE - PACE && took < short::SILENCE + SLACK, "{took:?}");
        }
    });
}

#[test]
fn dead_clients_that_come_again_and_again_do_not_keep_others_out() {
    beside_an_echo(ECHO, |device| {
        // Whenever a place is free, one of them takes it and falls silent.
        let begun = Instant::now();
        let (mut dead, mut served) = (Vec::new(), 0);
        while served < 3 {
            while dead.len() % (CLIENTS - 1) != 0 || dead.is_empty() {
                dead.push(dial(device.address()));
            }
            let mut raw = loop {
                if let Ok(raw) = try_open(device.address(), "/") {
                    break raw;
                }
                let limit = 3 * (short::HANDSHAKE + short::CLOSE) + SLACK;
                assert!(begun.elapsed() < limit, "{served} were served in {:?}", begun.elapsed());
            };
            raw.round_trip(b"served");
            close(raw);
            served += 1;
            dead.push(dial(device.address()));
        }
    });
}

#[test]
fn a_peer_that_does_not_close_after_the_close() {
    beside_an_echo(ECHO, |device| {
        // Its place is free, though it goes on sending.
        let mut peers = Vec::new();
        let begun = Instant::now();
        for _ in 0..2 * CLIENTS {
            let mut raw = open(device.address(), "/");
            raw.send(&masked(frame::CLOSE, &frame::closing(1000, b"")));
            assert_eq!(raw.close_code(), Some(1000));
            peers.push(raw);
        }
        // Each waits for its discarded input, a second, on one of three places.
        let limit = 3 * short::CLOSE + SLACK;
        assert!(begun.elapsed() < limit, "it took {:?}", begun.elapsed());
    });
}
