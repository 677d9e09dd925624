//! Limits: who goes over one is told so, and nobody else notices.

use sockeye_tests::frame::{BINARY, TEXT, closing, masked};
use sockeye_tests::{Bystander, Http, Raw, Server, Upgrade, eventually};

use crate::answer_to;

/// Asserts a 503 that says when to come back.
fn assert_full(server: &Server, request: &[u8]) {
    let response = answer_to(server.address(), request);
    assert_eq!(response.status, 503, "{}", response.head);
    assert!(response.header("Retry-After").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{}", response.head);
}

#[test]
fn connections_in_all_and_from_one_address() {
    for (flag, reason) in [
        ("--limit-connections", "limit.connections"),
        ("--limit-connections-per-address", "limit.connections-per-address"),
    ] {
        let server = Server::start_with(&[flag, "3"]);
        let bystander = Bystander::on(server.address());
        let first = Raw::open(server.address(), "/echo");
        let _second = Raw::open(server.address(), "/rooms/a");
        assert_full(&server, &Upgrade::to("/echo").bytes());
        assert_full(&server, &Http::get("/").bytes());
        assert_eq!(server.metric(&format!("sockeye_refusals_total{{reason=\"{reason}\"}}")), 2.0);
        assert!(server.log_with("(503)").contains(reason));
        drop(first);
        assert!(
            eventually(|| answer_to(server.address(), &Upgrade::to("/echo").bytes()).status == 101),
            "a place came free"
        );
        bystander.assert_undisturbed();
    }
}

#[test]
fn clients_behind_a_proxy_are_told_apart() {
    let server = Server::start_with(&["--limit-connections-per-address", "1", "--proxy", "127.0.0.1"]);
    let bystander = Bystander::on(server.address());
    let from = |client: &str| Upgrade::to("/echo").with("X-Forwarded-For", client);
    let first = Raw::dial(server.address()).opened(&from("192.0.2.1"));
    let _other = Raw::dial(server.address()).opened(&from("192.0.2.2"));
    assert_full(&server, &from("192.0.2.1").bytes());
    // What the client itself wrote in front does not help.
    assert_full(&server, &from("203.0.113.9, 192.0.2.1").bytes());
    assert!(server.log_with("(503)").contains("peer=192.0.2.1:"));
    drop(first);
    assert!(
        eventually(|| answer_to(server.address(), &from("192.0.2.1").bytes()).status == 101),
        "the place came free"
    );
    bystander.assert_undisturbed();

    // Without a proxy nobody believes the header.
    let server = Server::start_with(&["--limit-connections-per-address", "1"]);
    let _first = Raw::dial(server.address()).opened(&from("192.0.2.1"));
    assert_full(&server, &from("192.0.2.2").bytes());
}

#[test]
fn handshakes_in_a_time() {
    let server = Server::start_with(&["--limit-handshakes", "5"]);
    let bystander = Bystander::on(server.address());
    let statuses: Vec<_> = (0..50).map(|_| answer_to(server.address(), &Upgrade::to("/echo").bytes()).status).collect();
    assert!(statuses.contains(&503), "{statuses:?}");
    assert!(statuses[..8].iter().all(|status| *status == 101), "a burst goes through: {statuses:?}");
    bystander.assert_undisturbed();
}

#[test]
fn messages_and_bytes_in_a_time() {
    // Two seconds' worth may come at once; what follows comes faster than it may.
    let cases = [
        (["--limit-messages", "50"], masked(TEXT, b"x"), 100, "limit.messages"),
        (["--limit-bytes", "10000"], masked(BINARY, &[0; 1000]), 20, "limit.bytes"),
    ];
    for (limit, message, burst, reason) in cases {
        for path in ["/echo", "/rooms/limited"] {
            let server = Server::start_with(&limit);
            let bystander = Raw::open(server.address(), path);
            let mut raw = Raw::open(server.address(), path);
            raw.send(&message.repeat(burst));
            raw.round_trip(b"that many may come");
            let begun = std::time::Instant::now();
            raw.try_send(&message.repeat(20 * burst));
            let close = loop {
                let frame = raw.frame().unwrap_or_else(|| panic!("{path}: no close"));
                if frame.close_code().is_some() {
                    break frame;
                }
            };
            assert!(begun.elapsed().as_secs() < 10, "it is told at once");
            assert_eq!(close.close_code(), Some(1008));
            assert!(String::from_utf8_lossy(&close.payload).contains(reason), "{path}: {close:?}");
            raw.try_send(&masked(0x88, &closing(1008, b"")));
            raw.rest();
            assert_eq!(server.metric("sockeye_closes_total{reason=\"rate\"}"), 1.0);
            let mut bystander = bystander;
            bystander.round_trip(b"undisturbed");
        }
    }
}

#[test]
fn the_longest_message_and_the_number_of_rooms() {
    let server = Server::start_with(&["--limit-message", "1000", "--room-count", "2", "--room-empty", "0"]);
    let mut hears = Raw::open(server.address(), "/rooms/one");
    let mut raw = Raw::open(server.address(), "/rooms/one");
    raw.send(&masked(TEXT, &[b'x'; 1000]));
    assert_eq!(hears.text().len(), 1000);
    raw.send(&masked(TEXT, &[b'x'; 1001]));
    assert_eq!(raw.close_code(), Some(1009));
    let two = Raw::open(server.address(), "/rooms/two");
    let mut full = Raw::dial(server.address());
    full.send(&Upgrade::to("/rooms/three").bytes());
    assert_eq!(full.response().expect("an answer").status, 503);
    assert_eq!(Http::post("/rooms/three", b"x").ask(server.address()).0.status, 503);
    assert_eq!(server.metric("sockeye_rooms"), 2.0);
    drop(two);
    assert!(
        eventually(|| answer_to(server.address(), &Upgrade::to("/rooms/three").bytes()).status == 101),
        "an empty room ends"
    );
    hears.round_trip(b"undisturbed");
}
