//! `sockeye bench`: a load that people put on their own servers.

use std::time::Instant;

use rustix::process::{Signal, kill_process};
use sockeye_tests::{Authority, Server, eventually, run_sockeye, run_sockeye_while};

/// What it says, with these arguments, and its exit code.
fn bench(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run_sockeye(&[&["bench", url, "--seconds", "1"], arguments].concat(), b"");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("it is text"))
}

/// A number in its line of the summary.
fn number(said: &str, line: &str) -> u64 {
    let line = said.lines().find_map(|found| found.trim().strip_prefix(line));
    let word = line.and_then(|line| line.split_whitespace().next()).unwrap_or_else(|| panic!("no number in {said}"));
    word.replace(',', "").parse().unwrap_or_else(|_| panic!("no number in {said}"))
}

fn a_second(said: &str) -> f64 {
    let line = said.lines().find_map(|line| line.strip_suffix(" a second"));
    line.and_then(|line| line.trim().replace(',', "").parse().ok()).unwrap_or_else(|| panic!("no rate in {said}"))
}

#[test]
fn it_counts_what_the_server_counts() {
    let server = Server::start();
    for arguments in [
        &["--connections", "20"][..],
        &["--connections", "3", "--in-flight", "16", "--text"],
        &["--connections", "2", "--bytes", "0"],
        &["--connections", "2", "--bytes", "3000000", "--in-flight", "4"],
    ] {
        let before = server.metric("sockeye_messages_total{direction=\"in\"}");
        let (code, said) = bench(&server.url("/echo"), arguments);
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("failures"), "{said}");
        assert_eq!(number(&said, "connections"), arguments[1].parse::<u64>().expect("a number"), "{said}");
        // Those that came back when it was over count for the server alone.
        let counted = number(&said, "messages") as f64;
        let more = server.metric("sockeye_messages_total{direction=\"in\"}") - before - counted;
        assert!(counted > 0.0 && (0.0..=48.0).contains(&more), "{more} more than in {said}");
    }
}

#[test]
fn it_goes_by_tls() {
    let authority = Authority::default();
    let server = Server::start_with(&authority.issue(&["localhost"]).flags());
    let url = format!("wss://localhost:{}/echo", server.address().port());
    let file = authority.file();
    let (code, said) = bench(&url, &["--ca", file.to_str().expect("text"), "--connections", "2"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = bench(&url, &["--connections", "2"]);
    assert_eq!(code, Some(1), "nobody knows this authority: {said}");
    assert!(said.contains("2 x TLS"), "{said}");
}

#[test]
fn what_goes_wrong_is_told() {
    let server = Server::start_with(&["--limit-messages", "50"]);
    let closed = bench(&server.url("/echo"), &["--connections", "2", "--in-flight", "200"]);
    let refused = bench(&server.url("/nothing?token=secret"), &["--connections", "2"]);
    let no_echo = bench(&server.url("/rooms/x"), &["--connections", "2", "--in-flight", "2"]);
    for ((code, said), why) in [
        (closed, "2 x the server closed with 1008 more messages than limit.messages"),
        (refused, "2 x the server refused with status 404"),
        (no_echo, "is this an echo?"),
        (bench("ws://127.0.0.1:1/", &[]), "50 x "),
    ] {
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why) && !said.contains("secret"), "{said}");
    }
    for (url, arguments) in [
        ("http://127.0.0.1/", &[][..]),
        ("ws://127.0.0.1/", &["--connections", "0"]),
        ("ws://127.0.0.1/", &["--bytes", "67108865"]),
        ("ws://127.0.0.1/", &["--header", "none"]),
        ("ws://127.0.0.1/", &["--header", "Host: x"]),
        ("ws://127.0.0.1/", &["--subprotocol", "a b"]),
        ("ws://127.0.0.1/", &["--ca", "/nothing"]),
    ] {
        let (code, said) = bench(url, arguments);
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn it_ends_before_its_time() {
    let mut server = Some(Server::start());
    let url = server.as_ref().map(|server| server.url("/echo")).expect("it runs");
    let arguments = ["bench", &url, "--seconds", "600", "--connections", "2"];
    for (how, ends) in [("by Ctrl-C", 0), ("with the server", 1)] {
        let before = Instant::now();
        let output = run_sockeye_while(&arguments, b"", |process| {
            let running = server.as_ref().expect("it runs");
            let start = running.metric("sockeye_messages_total{direction=\"in\"}");
            let sends = || running.metric("sockeye_messages_total{direction=\"in\"}") > start + 100.0;
            assert!(eventually(sends), "it sends");
            match how {
                "by Ctrl-C" => kill_process(process, Signal::INT).expect("it runs"),
                _ => drop(server.take()),
            }
        });
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("it is text");
        assert_eq!(output.status.code(), Some(ends), "{how}: {said}");
        let (count, rate) = (number(&said, "messages"), a_second(&said));
        // What it says a second is of the time that it sent.
        assert!(count > 0 && rate >= count as f64 / before.elapsed().as_secs_f64(), "{how}: {said}");
        assert_eq!(said.contains("failures"), ends == 1, "{how}: {said}");
    }
}
