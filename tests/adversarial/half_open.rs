//! Peers that are there only by half: each is let go in bounded time.

use std::time::Duration;

use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, MASK, PING, PONG, TEXT, masked};
use sockeye_tests::{Bystander, Hostile, Library, Raw, beside_a_bystander as client_test, short};
use sockeye_tokio::{Config, Error, connect};

use crate::beside_a_bystander;

const SHORT: Duration = Duration::from_millis(200);

fn keepalive() -> Config {
    Config { ping_interval: Some(SHORT), pong_timeout: SHORT, ..Config::default() }
}

#[test]
fn silence_is_noticed_by_the_keepalive() {
    let library = Library::echo(keepalive());
    let bystander = Bystander::on(library.address());
    let silent: Vec<_> = (0..50).map(|_| Raw::open(library.address(), "/")).collect();
    assert_eq!(library.end_of(silent[0].address()), Err(Error::PongTimeout));
    for mut raw in silent {
        assert_eq!(raw.frame().expect("a ping").first, PING);
        assert_eq!(raw.rest(), b"", "then the end");
    }
    bystander.assert_undisturbed();
}

#[test]
fn who_answers_the_pings_stays() {
    let library = Library::echo(keepalive());
    let mut raw = Raw::open(library.address(), "/");
    for _ in 0..5 {
        let ping = raw.frame().expect("a ping");
        assert_eq!((ping.first, ping.mask), (PING, None));
        raw.send(&masked(PONG, &ping.payload));
    }
    raw.send(&masked(TEXT, b"still here"));
    assert_eq!(raw.text(), "still here");
}

#[test]
fn an_end_without_a_close_is_noticed_at_once() {
    let library = Library::echo(Config::default());
    let bystander = Bystander::on(library.address());
    let states: [&[u8]; 4] = [b"", &[BINARY], &frame::head(BINARY, 5, Some(MASK)), &masked(BINARY_BEGINS, b"a")];
    for state in states {
        let mut raw = Raw::open(library.address(), "/");
        raw.send(state);
        raw.shut();
        assert_eq!(library.end_of(raw.address()), Err(Error::Lost));
        assert_eq!(raw.rest(), b"");

        let mut raw = Raw::open(library.address(), "/");
        raw.send(state);
        let address = raw.address();
        raw.reset();
        let end = library.end_of(address).expect_err("it was reset");
        assert!(matches!(end, Error::Io(_) | Error::Lost), "{end}");
    }
    bystander.assert_undisturbed();
}

#[test]
fn half_a_frame_then_silence() {
    let library = Library::echo(short());
    let bystander = Bystander::on(library.address());
    let halves: [(&str, Vec<u8>); 5] = [
        ("a payload", masked(BINARY, b"hello")[..8].to_vec()),
        ("a long payload", [frame::head(BINARY, 100_000, Some(MASK)), vec![0; 50_000]].concat()),
        ("no byte of a payload", frame::head(BINARY, 100_000, Some(MASK))),
        ("a message", masked(BINARY_BEGINS, b"hello")),
        ("an empty fragment", masked(BINARY_BEGINS, b"")),
    ];
    for (name, bytes) in halves {
        let mut raw = Raw::open(library.address(), "/");
        raw.send(&bytes);
        assert_eq!(library.end_of(raw.address()), Err(Error::MessageTimeout), "{name}");
        assert_eq!(raw.close_code(), Some(1008), "{name}");
    }
    bystander.assert_undisturbed();
}

#[test]
fn half_a_header_then_silence() {
    let library = Library::echo(keepalive());
    let bystander = Bystander::on(library.address());
    for bytes in [&[BINARY][..], &[BINARY, 0xff, 0], &[BINARY, 0x85, 1, 2], &[PING], &masked(PING, b"abc")[..7]] {
        let mut raw = Raw::open(library.address(), "/");
        raw.send(bytes);
        let end = library.end_of(raw.address()).expect_err("it says nothing more");
        assert!(matches!(end, Error::PongTimeout | Error::MessageTimeout), "{end}");
    }
    bystander.assert_undisturbed();
}

#[test]
fn a_byte_now_and_then_does_not_put_the_messages_deadline_off() {
    let library = Library::echo(short());
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::open(library.address(), "/");
    raw.send(&frame::head(BINARY, 100_000, Some(MASK)));
    let (_never, pace) = std::sync::mpsc::channel::<()>();
    let mut sent = 0;
    while raw.try_send(&[0]) && sent < 1000 {
        sent += 1;
        let _ = pace.recv_timeout(Duration::from_millis(20));
    }
    assert!(sent < 1000, "the server hung up");
    assert_eq!(library.end_of(raw.address()), Err(Error::MessageTimeout));
    bystander.assert_undisturbed();
}

#[test]
fn pings_inside_a_message_do_not_put_its_deadline_off() {
    let library = Library::echo(short());
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::open(library.address(), "/");
    raw.send(&masked(BINARY_BEGINS, b"begun"));
    let (_never, pace) = std::sync::mpsc::channel::<()>();
    let sent = (0..1000).take_while(|_| {
        let _ = pace.recv_timeout(Duration::from_millis(20));
        raw.try_send(&masked(PING, b""))
    });
    assert!(sent.count() < 1000, "the server hung up");
    assert_eq!(library.end_of(raw.address()), Err(Error::MessageTimeout));
    bystander.assert_undisturbed();
}

#[test]
fn idle_peers_are_closed_where_that_is_set() {
    let library = Library::echo(Config { idle_timeout: Some(SHORT), ..Config::default() });
    let mut raw = Raw::open(library.address(), "/");
    let (_never, pace) = std::sync::mpsc::channel::<()>();
    // Pings are no messages.
    let sent = (0..1000).take_while(|_| {
        let _ = pace.recv_timeout(Duration::from_millis(20));
        raw.try_send(&masked(PING, b""))
    });
    assert!(sent.count() < 1000, "the server hung up");
    assert_eq!(library.end_of(raw.address()), Err(Error::IdleTimeout));
}

#[test]
fn a_peer_that_does_not_answer_a_close() {
    let library = Library::serve(short(), async |ws| ws.close(sockeye_tokio::CloseCode::GOING_AWAY, "").await);
    let mut raw = Raw::open(library.address(), "/");
    assert_eq!(library.end_of(raw.address()), Err(Error::CloseTimeout));
    assert_eq!(raw.close_code(), Some(1001));
}

#[test]
fn a_peer_that_does_not_close_after_the_close() {
    beside_a_bystander(|server| {
        // The server closes TCP by itself, and does not wait for the peer to do it.
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(frame::CLOSE, &frame::closing(1000, b"")));
        assert_eq!(raw.close_code(), Some(1000));
    });
}

#[test]
fn a_server_that_falls_silent_is_noticed_by_the_client() {
    client_test(async {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hostile = Hostile::after_handshake(move |_| wait.recv().is_err());
        let mut ws = connect(&hostile.url(), keepalive()).await.expect("it accepts");
        assert_eq!(ws.receiver.message().await, Err(Error::PongTimeout));
        drop(done);
        assert!(hostile.join());
    });
}

#[test]
fn a_server_that_ends_without_a_close() {
    client_test(async {
        for reset in [false, true] {
            let hostile = Hostile::after_handshake(move |raw| {
                if reset {
                    raw.reset_at_end();
                }
            });
            let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
            let error = ws.receiver.message().await.expect_err("it is gone");
            assert!(matches!(error, Error::Lost | Error::Io(_)), "{error}");
            hostile.join();
        }
    });
}

#[test]
fn a_server_that_stops_inside_a_message() {
    client_test(async {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hostile = Hostile::after_handshake(move |raw| {
            raw.send(&frame::unmasked(BINARY, b"hello")[..4]);
            let code = raw.close_frame_code();
            assert!(wait.recv().is_err());
            code
        });
        let mut ws = connect(&hostile.url(), short()).await.expect("it accepts");
        assert_eq!(ws.receiver.message().await, Err(Error::MessageTimeout));
        drop(done);
        assert_eq!(hostile.join(), Some(1008));
    });
}

#[test]
fn a_server_that_does_not_answer_a_close() {
    client_test(async {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hostile = Hostile::after_handshake(move |_| wait.recv().is_err());
        let ws = connect(&hostile.url(), short()).await.expect("it accepts");
        assert_eq!(ws.close(sockeye_tokio::CloseCode::NORMAL, "").await, Err(Error::CloseTimeout));
        drop(done);
        assert!(hostile.join());
    });
}
