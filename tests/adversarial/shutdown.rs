//! Ctrl-C: every connection hears 1001, and the end comes whatever the peers do.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockeye_tests::frame::{self, BINARY_BEGINS, CLOSE, MASK, PONG, TEXT, masked};
use sockeye_tests::{Raw, Server, Upgrade};
use sockeye_tokio::{CloseCode, Config, connect};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

/// The server's bound is 5 s; the rest is for a machine that is busy, and still less than a peer's patience.
const BOUND: Duration = Duration::from_secs(20);

#[test]
fn every_connection_is_closed_with_1001() {
    let server = Server::start();
    let mut peers: Vec<_> = ["/echo", "/rooms/a", "/", "/rooms/b"].map(|path| Raw::open(server.address(), path)).into();
    // Once the server answered, it is where it reads frames.
    peers.iter_mut().for_each(|raw| raw.round_trip(b"open"));
    let mut inside = Raw::open(server.address(), "/echo");
    inside.send(&[masked(BINARY_BEGINS, b"begun"), frame::head(0, 100, Some(MASK))].concat());
    assert_eq!(inside.frame().expect("an echo").payload, b"begun");
    peers.push(inside);
    let closing: Vec<_> = peers
        .into_iter()
        .map(|mut raw| {
            std::thread::spawn(move || {
                let code = raw.close_frame_code();
                // An answer inside a frame would be payload; the others end as they should.
                raw.try_send(&masked(CLOSE, &frame::closing(1001, b"")));
                (code, raw.rest())
            })
        })
        .collect();
    server.interrupt();
    for closing in closing {
        assert_eq!(closing.join().expect("it ends"), (Some(1001), Vec::new()));
    }
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn an_idle_server_ends_at_once() {
    for _ in 0..10 {
        let server = Server::start();
        server.interrupt();
        let (status, log) = server.ended();
        assert_eq!(status.code(), Some(0), "{status}: {log}");
    }
}

#[test]
fn peers_that_do_not_answer_do_not_hold_it_up() {
    let server = Server::start();
    let silent = Raw::open(server.address(), "/echo");
    let dialled = Raw::dial(server.address());
    let mut in_head = Raw::dial(server.address());
    in_head.send(&Upgrade::to("/echo").bytes()[..30]);
    let mut unread = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/echo"));
    unread.flood(&masked(TEXT, &[b'x'; 60_000]), 1000);
    let begun = Instant::now();
    server.interrupt();
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
    drop((silent, dialled, in_head, unread));
}

#[test]
fn a_peer_that_floods_hears_of_it_too() {
    for (name, flood) in [("texts", masked(TEXT, b"flood")), ("pongs", masked(PONG, b""))] {
        let server = Server::start();
        let mut raw = Raw::open(server.address(), "/echo");
        let (mut stream, block) = (raw.stream(), flood.repeat(10_000));
        let flooding = std::thread::spawn(move || while stream.write_all(&block).is_ok() {});
        let mut witness = Raw::open(server.address(), "/echo");
        witness.round_trip(b"the flood has begun");
        drop(witness);
        let begun = Instant::now();
        server.interrupt();
        // Its echoes come first.
        let (bytes, mut at) = (raw.rest(), 0);
        let last = std::iter::from_fn(|| frame::take(&bytes, &mut at)).last();
        let (status, log) = server.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        assert_eq!(last.and_then(|frame| frame.close_code()), Some(1001), "{name}, after {at} bytes:\n{log}");
        assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
        drop(raw);
        flooding.join().expect("it ends");
    }
}

#[test]
fn ten_thousand_are_closed_one_after_the_other() {
    const COUNT: usize = 10_000;
    let limit = getrlimit(Resource::Nofile);
    let enough = limit.maximum.is_none_or(|most| most > COUNT as u64 + 100);
    assert!(enough, "the hard limit of descriptors, {:?}, is too low for this test", limit.maximum);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("the hard limit is allowed");
    let server = Server::start_with(&["--drain-spread", "2", "--drain-deadline", "30"]);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let closings = runtime.block_on(async {
        let mut peers = JoinSet::new();
        for _ in 0..COUNT {
            let mut ws = connect(&server.url("/echo"), Config::default()).await.expect("there is room");
            ws.sender.text("here").await.expect("it is taken");
            let echo = ws.receiver.message().await.expect("it holds").expect("an echo");
            assert_eq!(echo.text(), Some("here"));
            peers.spawn(async move {
                ws.receiver.drain().await.expect("it is closed as it should be");
                (Instant::now(), ws.receiver.close().and_then(|close| close.code()))
            });
        }
        assert_eq!(server.metric("sockeye_connections"), COUNT as f64);
        server.terminate();
        peers.join_all().await
    });
    assert!(closings.iter().all(|(_, code)| *code == Some(CloseCode::GOING_AWAY)));
    let mut times: Vec<_> = closings.iter().map(|(time, _)| *time).collect();
    times.sort();
    let spread = times[COUNT * 9 / 10] - times[COUNT / 10];
    assert!(spread > Duration::from_secs(1), "eight of ten within {spread:?} of two seconds");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("closing 10000 connections") && !log.contains("are left"), "{log}");
}
