//! Floods of small frames: all are handled, in the memory that there is, and others are served.

use std::io::Write as _;
use std::thread::JoinHandle;
use std::time::Instant;

use sockeye_tests::device::{CLIENTS, SLACK, beside_an_echo, close, message, next, open, open_narrow, short};
use sockeye_tests::frame::{BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, PING, PONG, TEXT, closing, masked};
use sockeye_tests::{PATIENCE, Raw};

use crate::{ECHO, PATIENT};

const MANY: usize = 100_000;
const BLOCK: usize = 1000;

/// Sends very many copies of a frame, all of which must be taken.
fn flood(raw: &Raw, frame: &[u8]) -> JoinHandle<()> {
    let (mut stream, block) = (raw.stream(), frame.repeat(BLOCK));
    std::thread::spawn(move || {
        (0..MANY / BLOCK).for_each(|_| stream.write_all(&block).expect("it is taken"));
    })
}

#[test]
fn empty_fragments() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(&masked(BINARY_BEGINS, b""));
        flood(&raw, &masked(CONTINUES, b"")).join().expect("all was sent");
        raw.round_trip(b"it goes on");
        raw.send(&masked(ENDS, b"end"));
        assert_eq!(message(&mut raw), (BINARY, b"end".to_vec()));
        close(raw);
    });
}

#[test]
fn fragments_of_a_byte() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open(device.address(), "/");
        raw.send(&masked(BINARY_BEGINS, b""));
        let sending = flood(&raw, &masked(CONTINUES, b"x"));
        let mut echoed = 0;
        while echoed < MANY {
            let frame = next(&mut raw).expect("an echo");
            assert!(frame.first & ENDS == 0 && frame.payload.iter().all(|byte| *byte == b'x'), "{frame:?}");
            echoed += frame.payload.len();
        }
        sending.join().expect("all was sent");
        raw.send(&masked(ENDS, b""));
        assert_eq!(next(&mut raw).expect("the end").first, ENDS);
        close(raw);
    });
}

#[test]
fn pings_of_which_no_pong_is_read() {
    for payload in [0, 125] {
        beside_an_echo(PATIENT, |device| {
            let mut raw = open_narrow(device.address(), "/");
            // The device reads on, though none of its pongs is taken after some time: each takes the place of the last.
            flood(&raw, &masked(PING, &vec![b'p'; payload])).join().expect("all was sent");
            raw.send(&masked(PING, b"the last one"));
            let mut pongs = 0;
            loop {
                let frame = raw.frame().expect("a pong");
                assert_eq!(frame.first, PONG);
                if frame.payload == b"the last one" {
                    break;
                }
                pongs += 1;
                assert!(frame.payload == vec![b'p'; payload]);
            }
            assert!(pongs > 0 && pongs <= MANY, "{pongs} pongs");
            close(raw);
        });
    }
}

#[test]
fn pongs_that_nobody_asked_for() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open(device.address(), "/");
        flood(&raw, &masked(PONG, &[b'p'; 8])).join().expect("all was sent");
        raw.send(&masked(TEXT, b"still here"));
        assert_eq!(raw.text(), "still here", "nothing was answered before");
        close(raw);
    });
}

#[test]
fn empty_messages() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open(device.address(), "/");
        let sending = flood(&raw, &masked(BINARY, b""));
        for _ in 0..MANY {
            assert_eq!(message(&mut raw), (BINARY, Vec::new()));
        }
        sending.join().expect("all was sent");
        close(raw);
    });
}

#[test]
fn many_floods_at_once_leave_the_bystander_its_turn() {
    beside_an_echo(PATIENT, |device| {
        let flooding: Vec<_> = [PING, PONG, CONTINUES][..CLIENTS - 1]
            .iter()
            .map(|first| {
                let mut raw = open(device.address(), "/");
                raw.send(&masked(BINARY_BEGINS, b""));
                (flood(&raw, &masked(*first, b"")), raw)
            })
            .collect();
        for (flood, mut raw) in flooding {
            flood.join().expect("the device takes it all");
            raw.round_trip(b"after it");
            close(raw);
        }
    });
}

#[test]
fn a_message_that_never_ends_is_let_go_however_busy_it_is() {
    beside_an_echo(ECHO, |device| {
        for fragment in [&b""[..], b"x"] {
            let mut raw = open(device.address(), "/");
            raw.send(&masked(BINARY_BEGINS, b""));
            let begun = Instant::now();
            let (mut stream, block) = (raw.stream(), masked(CONTINUES, fragment).repeat(BLOCK));
            let flood =
                std::thread::spawn(move || while stream.write_all(&block).is_ok() && begun.elapsed() < PATIENCE {});
            assert_eq!(raw.close_frame_code(), Some(1008));
            let took = begun.elapsed();
            assert!(took > short::MESSAGE / 2 && took < short::MESSAGE + SLACK, "{took:?}");
            flood.join().expect("it ends");
            assert!(begun.elapsed() < PATIENCE, "the device hangs up");
        }
    });
}

#[test]
fn a_close_behind_a_flood_is_answered() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open(device.address(), "/");
        flood(&raw, &masked(PONG, b"")).join().expect("all was sent");
        raw.send(&masked(CLOSE, &closing(1000, b"")));
        assert_eq!(raw.close_code(), Some(1000));
    });
}
