//! Long heads and slow ones: work is linear, memory bounded, and the deadline is over all of it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use sockeye_tests::{
    Bystander, Hostile, Library, PATIENCE, Raw, Upgrade, accepting, beside_a_bystander as client_test, short,
};
use sockeye_tokio::{AcceptError, Config, ConnectError, connect};

use crate::{answer_to, beside_a_bystander};

/// The server's limit.
const HEAD: usize = 8 * 1024;

#[test]
fn a_head_byte_by_byte_up_to_the_limit_is_taken() {
    beside_a_bystander(|server| {
        let mut raw = Raw::dial(server.address());
        for byte in Upgrade::to("/echo").padded(HEAD).bytes() {
            raw.send(&[byte]);
        }
        assert_eq!(raw.response().expect("an answer").status, 101);
        raw.round_trip(b"here");
    });
}

#[test]
fn a_head_byte_by_byte_past_the_limit_is_431() {
    beside_a_bystander(|server| {
        let mut raw = Raw::dial(server.address());
        for byte in Upgrade::to("/echo").padded(4 * HEAD).bytes() {
            if !raw.try_send(&[byte]) {
                break;
            }
        }
        assert_eq!(raw.response().expect("an answer").status, 431);
    });
}

#[test]
fn heads_around_the_limit() {
    beside_a_bystander(|server| {
        for (len, status) in [(HEAD - 1, 101), (HEAD, 101), (HEAD + 1, 431), (2 * HEAD, 431)] {
            let head = Upgrade::to("/echo").padded(len).bytes();
            assert_eq!(head.len(), len);
            assert_eq!(answer_to(server.address(), &head).status, status, "a head of {len} bytes at once");

            // What comes behind a head does not count.
            let mut raw = Raw::dial(server.address());
            raw.try_send(&[&head[..], &[0; 100]].concat());
            assert_eq!(raw.response().expect("an answer").status, status, "a head of {len} bytes, and more");

            // Its end comes by itself.
            let mut raw = Raw::dial(server.address());
            raw.try_send(&head[..len - 1]);
            raw.try_send(&head[len - 1..]);
            assert_eq!(raw.response().expect("an answer").status, status, "a head of {len} bytes in two pieces");
        }
    });
}

#[test]
fn a_long_request_line_is_431() {
    beside_a_bystander(|server| {
        let long = format!("/{}", "a".repeat(100_000));
        assert_eq!(answer_to(server.address(), &Upgrade::to(&long).bytes()).status, 431);
    });
}

#[test]
fn a_head_without_an_end_is_431_however_much_is_sent() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::dial(server.address());
        raw.flood(&[b'a'; 64 * 1024], 1000);
        let grown = server.peak_memory() - before;
        assert!(grown < 8 << 20, "64 MiB without a line's end took {grown} bytes");
    });
}

#[test]
fn many_headers_are_431() {
    beside_a_bystander(|server| {
        let with = |count: usize| (5..count).fold(Upgrade::to("/echo"), |upgrade, _| upgrade.with("a", "b"));
        for (count, status) in [(63, 101), (64, 101), (65, 431), (2000, 431)] {
            assert_eq!(answer_to(server.address(), &with(count).bytes()).status, status, "{count} headers");
        }
    });
}

#[test]
fn a_slow_handshake_ends_at_a_total_deadline() {
    beside_a_bystander(|server| {
        let begun = Instant::now();
        let slow: Vec<_> = (0..20).map(|_| Raw::dial(server.address())).collect();
        let head = Upgrade::to("/echo").padded(1000).bytes();
        // Each byte would start a deadline anew that was one per read.
        let trickle = |raw: &Raw| {
            let mut stream = raw.stream();
            move |byte: u8| stream.write_all(&[byte]).is_ok()
        };
        let mut peers: Vec<_> = slow.iter().map(trickle).collect();
        let (_never, pace) = std::sync::mpsc::channel::<()>();
        for byte in head {
            peers.retain_mut(|send| send(byte));
            if peers.is_empty() || begun.elapsed() > PATIENCE {
                break;
            }
            let _ = pace.recv_timeout(Duration::from_millis(100));
        }
        assert!(peers.is_empty(), "{} connections outlived their head's deadline", peers.len());
        assert!(begun.elapsed() >= Duration::from_millis(4900), "the deadline is 5 s, not {:?}", begun.elapsed());
        for mut raw in slow {
            assert_eq!(raw.rest(), b"", "nothing was answered");
        }
        server.log_with("the handshake took too long");
    });
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let library = Library::echo(short());
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::dial(library.address());
    assert_eq!(raw.rest(), b"");
    assert!(matches!(library.refusal_of(raw.address()), AcceptError::Timeout));
    bystander.assert_undisturbed();
}

#[test]
fn a_servers_answer_byte_by_byte_past_the_limit_fails_the_client() {
    client_test(async {
        let hostile = Hostile::answering(|raw, key| {
            let answer = accepting(key, &format!("Padding: {}\r\n", "x".repeat(HEAD)));
            answer.bytes().take_while(|byte| raw.try_send(&[*byte])).count()
        });
        let error = connect(&hostile.url(), Config::default()).await.expect_err("it is too long");
        assert!(matches!(error, ConnectError::HeadTooBig), "{error}");
        assert!(hostile.join() >= HEAD);
    });
}

#[test]
fn a_servers_answer_with_many_headers_fails_the_client() {
    client_test(async {
        let hostile = Hostile::answering(|raw, key| raw.try_send(accepting(key, &"a: b\r\n".repeat(62)).as_bytes()));
        let error = connect(&hostile.url(), Config::default()).await.expect_err("there are 65");
        assert!(matches!(error, ConnectError::Answer(_)), "{error}");
        assert!(hostile.join());
    });
}

#[test]
fn a_slow_answer_ends_the_client_at_a_total_deadline() {
    client_test(async {
        let hostile = Hostile::answering(|raw, key| {
            let (_never, pace) = std::sync::mpsc::channel::<()>();
            let answer = accepting(key, &format!("Padding: {}\r\n", "x".repeat(1000)));
            let slowly = answer.bytes().take_while(|byte| {
                let _ = pace.recv_timeout(Duration::from_millis(20));
                raw.try_send(&[*byte])
            });
            slowly.count()
        });
        let error = connect(&hostile.url(), short()).await.expect_err("it never comes to its end");
        assert!(matches!(error, ConnectError::Timeout), "{error}");
        assert!(hostile.join() < 1000, "the client hung up");
    });
}

#[test]
fn a_server_that_says_nothing_ends_the_client() {
    client_test(async {
        let hostile = Hostile::answering(|raw, _| raw.rest());
        let error = connect(&hostile.url(), short()).await.expect_err("there is no answer");
        assert!(matches!(error, ConnectError::Timeout), "{error}");
        assert_eq!(hostile.join(), b"", "no frame before the answer");
    });
}
