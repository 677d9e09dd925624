//! What is typed on the command line: one clear line, and the exit code that says whose fault it was.

use std::net::TcpListener;
use std::process::Output;

use sockeye_tests::{Bystander, Server, run_sockeye};

/// Asserts the exit code, and that standard error is one line that has this in it.
fn assert_says(output: &Output, code: i32, part: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(part), "no {part:?} in {said}");
    let lines: Vec<_> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1, "one line, not {lines:#?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = run_sockeye(&["serve", "--listen", &address], b"");
    assert_says(&output, 1, &address);
    assert!(String::from_utf8_lossy(&output.stderr).contains("--listen"), "it says what to do");
    // Without a subcommand it is the same.
    assert_says(&run_sockeye(&["--listen", &address], b""), 1, &address);
}

#[test]
fn a_server_beside_another_leaves_it_alone() {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    let address = server.address().to_string();
    assert_says(&run_sockeye(&["serve", "--listen", &address], b""), 1, "taken");
    bystander.assert_undisturbed();
}

#[test]
fn an_address_that_is_not_ours() {
    // Of the range for documentation: no machine has it.
    assert_says(&run_sockeye(&["serve", "--listen", "192.0.2.1:0"], b""), 1, "192.0.2.1:0");
}

#[test]
fn a_bad_listen() {
    for bad in ["", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "localhost:0", ":9001", "::1:0"]
    {
        assert_says(&run_sockeye(&["serve", "--listen", bad], b""), 2, "--listen");
    }
}

#[test]
fn a_bad_origin_or_host() {
    for bad in
        ["", "example.com", "https://", "https://example.com/", "https://example.com/path", "https://a@b", "NULL"]
    {
        assert_says(&run_sockeye(&["serve", "--origin", bad], b""), 2, "--origin");
    }
    assert_says(&run_sockeye(&["serve", "--host", ""], b""), 2, "--host");
}

#[test]
fn unknown_flags_and_commands() {
    assert_says(&run_sockeye(&["serve", "--lisen", "127.0.0.1:0"], b""), 2, "--lisen");
    assert_says(&run_sockeye(&["serve", "more"], b""), 2, "more");
    assert_says(&run_sockeye(&["server"], b""), 2, "server");
    assert_says(&run_sockeye(&["connect"], b""), 2, "URL");
    assert_says(&run_sockeye(&["connect", "ws://127.0.0.1:1/", "more"], b""), 2, "more");
    assert_says(&run_sockeye(&["connect", "ws://127.0.0.1:1/", "--frobnicate"], b""), 2, "--frobnicate");
}

#[test]
fn a_bad_url() {
    let urls = [
        "127.0.0.1:9001",
        "http://127.0.0.1:1/",
        "ws:/127.0.0.1:1/",
        "ws://",
        "ws:///echo",
        "ws://127.0.0.1:0/",
        "ws://127.0.0.1:65536/",
        "ws://127.0.0.1:x/",
        "ws://127.0.0.1:1/#fragment",
        "ws://127.0.0.1:1/a b",
        "ws://user@127.0.0.1:1/",
        "ws://[::1/",
        "ws://a b/",
        "",
    ];
    for url in urls {
        let output = run_sockeye(&["connect", url], b"");
        assert_says(&output, 2, "sockeye: ");
    }
}

#[test]
fn a_bad_header_or_subprotocol() {
    let server = Server::start();
    let url = server.url("/echo");
    for bad in ["nothing", ": value", "na me: value", "Name: a\nb", "Name: a\x1bb", "Host: x", "Sec-WebSocket-Key: x"] {
        assert_says(&run_sockeye(&["connect", &url, "--header", bad], b""), 2, "header");
    }
    for bad in ["a b", "", "a,b", "\"a\""] {
        assert_says(&run_sockeye(&["connect", &url, "--subprotocol", bad], b""), 2, "");
    }
}

#[test]
fn the_version_names_a_commit() {
    let output = run_sockeye(&["--version"], b"");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let commit = said.trim().strip_prefix("sockeye ").and_then(|rest| rest.split_once(" (")?.1.strip_suffix(')'));
    let commit = commit.unwrap_or_else(|| panic!("no commit in {said:?}"));
    assert!(commit.len() >= 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{commit:?} is no commit");
}

#[test]
fn help_is_on_standard_output() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["connect", "--help"]] {
        let output = run_sockeye(arguments, b"");
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(!output.stdout.is_empty());
    }
}
