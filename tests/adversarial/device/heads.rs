//! Long heads and slow ones: a head must fit into 1 KiB and 32 headers, and be there in time.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sockeye_tests::device::{CLIENTS, SLACK, beside_an_echo, short};
use sockeye_tests::{Raw, Upgrade};

use crate::{ECHO, HEAD, answer_to, ask, byte_by_byte};

#[test]
fn a_head_byte_by_byte_up_to_the_limit_is_taken() {
    beside_an_echo(ECHO, |device| {
        let mut raw = byte_by_byte(device, &Upgrade::to("/echo").padded(HEAD).bytes());
        assert_eq!(raw.response().expect("an answer").status, 101);
        raw.round_trip(b"here");
    });
}

#[test]
fn a_head_byte_by_byte_past_the_limit_is_431() {
    beside_an_echo(ECHO, |device| {
        for len in [HEAD + 1, 4 * HEAD] {
            let mut raw = byte_by_byte(device, &Upgrade::to("/echo").padded(len).bytes());
            assert_eq!(raw.response().expect("an answer").status, 431);
            assert_eq!(raw.rest(), b"");
        }
    });
}

#[test]
fn heads_around_the_limit() {
    beside_an_echo(ECHO, |device| {
        for (len, status) in [(HEAD - 1, 101), (HEAD, 101), (HEAD + 1, 431), (2 * HEAD, 431), (4 * HEAD, 431)] {
            let head = Upgrade::to("/echo").padded(len).bytes();
            assert_eq!(head.len(), len);
            assert_eq!(answer_to(device, &head).status, status, "a head of {len} bytes at once");

            // What comes behind a head does not count.
            let (response, _) = ask(device, &[&head[..], &[0; 100]].concat());
            assert_eq!(response.status, status, "a head of {len} bytes, and more");

            // Its end comes by itself.
            let mut raw = Raw::dial(device.address());
            raw.try_send(&head[..len - 1]);
            raw.try_send(&head[len - 1..]);
            assert_eq!(raw.response().expect("an answer").status, status, "a head of {len} bytes in two pieces");
        }
    });
}

#[test]
fn a_long_request_line_is_431() {
    beside_an_echo(ECHO, |device| {
        for len in [1000, 10_000, 100_000] {
            let long = format!("/{}", "a".repeat(len));
            assert_eq!(answer_to(device, &Upgrade::to(&long).bytes()).status, 431, "{len} bytes");
        }
    });
}

#[test]
fn a_head_without_an_end_is_431_however_much_is_sent() {
    beside_an_echo(ECHO, |device| {
        let mut raw = Raw::dial(device.address());
        let sent = raw.flood(&[b'a'; 64 * 1024], 1000);
        assert!(sent < 64_000 * 1024, "the device reads on for ever");
        // It may have been reset, but the answer was first.
        assert_eq!(raw.response().expect("an answer").status, 431);
    });
}

#[test]
fn many_headers_are_431() {
    beside_an_echo(ECHO, |device| {
        let with = |count: usize| (5..count).fold(Upgrade::to("/echo"), |upgrade, _| upgrade.with("a", "b"));
        for (count, status) in [(31, 101), (32, 101), (33, 431), (64, 431), (65, 431), (2000, 431)] {
            assert_eq!(answer_to(device, &with(count).bytes()).status, status, "{count} headers");
        }
    });
}

#[test]
fn a_slow_handshake_ends_at_a_total_deadline() {
    beside_an_echo(ECHO, |device| {
        let begun = Instant::now();
        let slow: Vec<_> = (1..CLIENTS).map(|_| sockeye_tests::device::dial(device.address())).collect();
        let mut peers: Vec<TcpStream> = slow.iter().map(Raw::stream).collect();
        let (_never, pace) = std::sync::mpsc::channel::<()>();
        // Each byte would start a deadline anew that was one per read.
        for byte in Upgrade::to("/echo").padded(HEAD).bytes() {
            peers.retain_mut(|stream| stream.write_all(&[byte]).is_ok());
            let took = begun.elapsed();
            if peers.is_empty() {
                break;
            }
            assert!(took < short::HANDSHAKE + short::CLOSE + SLACK, "{} handshakes go on: {took:?}", peers.len());
            let _ = pace.recv_timeout(Duration::from_millis(50));
        }
        let took = begun.elapsed();
        assert!(peers.is_empty() && took > short::HANDSHAKE - Duration::from_millis(100), "{took:?}");
        for mut raw in slow {
            assert_eq!(raw.rest(), b"", "nothing was answered");
        }
    });
}
