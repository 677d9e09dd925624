//! What the operator sees, and how the server goes down.

use std::time::{Duration, Instant};

use sockeye_tests::frame::{BINARY, CLOSE, TEXT, closing, masked};
use sockeye_tests::{Bystander, Http, Raw, Server, Upgrade, eventually};

use crate::{answer_to, beside_a_bystander};

#[test]
fn the_operator_has_a_listener_of_its_own() {
    beside_a_bystander(|server| {
        for path in ["/healthz", "/readyz"] {
            let (response, body) = Http::get(path).ask(server.ops());
            assert_eq!((response.status, &*body), (200, "ok\n"));
        }
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(Http::get(path).ask(server.address()).0.status, 404, "{path} is not for strangers");
            assert_eq!(Http::post(path, b"").ask(server.ops()).0.status, 405);
            assert_eq!(Http::method("HEAD", path).ask(server.ops()).1, "");
        }
        for path in ["/", "/rooms/a", "/metrics/", "/echo"] {
            assert_eq!(Http::get(path).ask(server.ops()).0.status, 404, "{path}");
        }
        // A page of a name that was rebound, or of elsewhere, learns nothing.
        let mut raw = Raw::dial(server.ops());
        raw.send(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!(raw.response().expect("an answer").status, 421);
        assert_eq!(Http::get("/metrics").with("Origin", "http://evil.example").ask(server.ops()).0.status, 403);
    });
}

#[test]
fn what_is_counted() {
    let server = Server::start();
    assert_eq!(server.metric("sockeye_connections"), 0.0);
    let mut echo = Raw::open(server.address(), "/echo");
    let mut room = [(); 3].map(|()| Raw::open(server.address(), "/rooms/counted"));
    for size in [10, 20, 30] {
        echo.send(&masked(BINARY, &vec![b'x'; size]));
        echo.frame().expect("an echo");
    }
    room[0].send(&masked(TEXT, b"seven b"));
    assert_eq!((room[1].text(), room[2].text()), ("seven b".into(), "seven b".into()));
    assert_eq!(answer_to(server.address(), &Upgrade::to("/nothing").bytes()).status, 404);
    let expected = [
        ("sockeye_connections", 4.0),
        ("sockeye_rooms", 1.0),
        ("sockeye_messages_total{direction=\"in\"}", 4.0),
        ("sockeye_messages_total{direction=\"out\"}", 5.0),
        ("sockeye_payload_bytes_total{direction=\"in\"}", 67.0),
        ("sockeye_payload_bytes_total{direction=\"out\"}", 74.0),
        ("sockeye_refusals_total{reason=\"not-found\"}", 1.0),
        ("sockeye_handshake_seconds_count", 4.0),
    ];
    for (name, value) in expected {
        let counted = eventually(|| server.metric(name) == value);
        assert!(counted, "{name} is {}, not {value}:\n{}", server.metric(name), server.metrics());
    }
    drop((echo, room));
    assert!(eventually(|| server.metric("sockeye_connections") == 0.0), "{}", server.metrics());
    let metrics = server.metrics();
    assert!(metrics.ends_with("# EOF\n"), "the end that OpenMetrics wants");
}

#[test]
fn newcomers_come_back_later_while_the_rest_is_closed_one_after_the_other() {
    const COUNT: usize = 40;
    let spread = Duration::from_secs(2);
    let server = Server::start_with(&["--drain-spread", "2", "--drain-deadline", "8"]);
    let mut peers: Vec<_> = (0..COUNT).map(|_| Raw::open(server.address(), "/echo")).collect();
    peers.iter_mut().for_each(|raw| raw.round_trip(b"open"));
    let begun = Instant::now();
    let closing: Vec<_> = peers
        .into_iter()
        .map(|mut raw| {
            std::thread::spawn(move || {
                let code = raw.close_frame_code();
                let closed = begun.elapsed();
                raw.try_send(&masked(CLOSE, &closing(1001, b"")));
                (code, closed, raw.rest())
            })
        })
        .collect();
    server.terminate();
    server.log_with("closing 40 connections");
    assert_eq!(Http::get("/readyz").ask(server.ops()).0.status, 503);
    assert_eq!(Http::get("/healthz").ask(server.ops()).0.status, 200);
    for request in [Upgrade::to("/echo").bytes(), Upgrade::to("/rooms/a").bytes(), Http::get("/").bytes()] {
        let response = answer_to(server.address(), &request);
        assert_eq!(response.status, 503);
        assert!(
            response.header("Retry-After").is_some_and(|seconds| seconds.parse::<u32>().is_ok()),
            "{}",
            response.head
        );
    }
    let mut times: Vec<Duration> = Vec::new();
    for closing in closing {
        let (code, closed, rest) = closing.join().expect("it ends");
        assert_eq!((code, rest), (Some(1001), Vec::new()));
        times.push(closed);
    }
    times.sort();
    // Forty random times in 2 s: that a quarter of the time is empty at an end happens once in 100,000 runs.
    assert!(times[0] < spread / 4 + Duration::from_secs(1), "the first closed after {:?}", times[0]);
    assert!(times[COUNT - 1] - times[0] > spread / 2, "all closed within {:?}", times[COUNT - 1] - times[0]);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn the_deadline_ends_it_and_tells_who_is_left() {
    let server = Server::start_with(&["--drain-deadline", "1"]);
    // Once it is answered it is where it reads frames; then it answers no close.
    let mut silent = Raw::open(server.address(), "/echo");
    silent.round_trip(b"open");
    let begun = Instant::now();
    server.terminate();
    let (status, log) = server.ended();
    assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("1 connections are left"), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::start_with(&["--drain-spread", "60", "--drain-deadline", "60"]);
    let mut silent = Raw::open(server.address(), "/echo");
    silent.round_trip(b"open");
    server.terminate();
    server.log_with("closing 1 connections");
    server.terminate();
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("1 connections are left"), "{log}");
}

#[test]
fn a_flood_of_refusals_is_one_line_and_a_count() {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    for _ in 0..100 {
        assert_eq!(answer_to(server.address(), &Upgrade::to("/nothing").bytes()).status, 404);
    }
    assert_eq!(server.metric("sockeye_refusals_total{reason=\"not-found\"}"), 100.0);
    let log = server.log_with("(404)");
    // Another line every 10 s at most, however slow the machine.
    let lines = log.lines().filter(|line| line.contains("(404)")).count();
    assert!(lines <= 3, "{lines} lines:\n{log}");
    bystander.assert_undisturbed();
}

#[test]
fn the_log_can_be_json() {
    let server = Server::start_with(&["--log-format", "json"]);
    let mut raw = Raw::dial(server.address());
    raw.send(&Upgrade::to("/nothing").set("Host", "evil.example").with("Origin", "http://\"evil\"").bytes());
    raw.response().expect("an answer");
    server.log_with("refused");
    server.interrupt();
    let (_, log) = server.ended();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string() && line["message"].is_string(), "{line}");
    }
    assert!(log.lines().count() >= 2, "{log}");
}
