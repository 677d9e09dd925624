//! `sockeye connect`, in a pipe and at a terminal, with servers that mean well and others.

use std::process::Command;

use sockeye_tests::frame::{self, BINARY, CLOSE, PING, TEXT, closing, unmasked};
use sockeye_tests::{Hostile, Server, accepting, run_connect, run_sockeye, sockeye};

use crate::beside_a_bystander;

fn said(stderr: &[u8]) -> String {
    String::from_utf8(stderr.to_vec()).expect("it is UTF-8")
}

#[test]
fn lines_go_out_and_come_back() {
    beside_a_bystander(|server| {
        let lines = |count: usize| (0..count).map(|at| format!("line {at}\n")).collect::<String>();
        let inputs = ["hi\n".to_owned(), "hi".into(), String::new(), "\n\n".into(), "é\r\n".into(), lines(10_000)];
        for input in inputs {
            let output = run_connect(&server.url("/echo"), input.as_bytes());
            assert_eq!(output.status.code(), Some(0), "{}", said(&output.stderr));
            let expected: String = input.lines().map(|line| format!("{line}\n")).collect();
            assert!(output.stdout == expected.as_bytes(), "{} bytes came of {}", output.stdout.len(), expected.len());
            assert_eq!(output.stderr, b"");
        }
        let output = run_sockeye(&["connect", "--binary", &server.url("/echo")], b"\xff\xfe\n\0\n");
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"\xff\xfe\n\0\n"[..]));
    });
}

#[test]
fn input_that_is_not_utf8() {
    beside_a_bystander(|server| {
        let output = run_connect(&server.url("/echo"), b"good\n\xff\xfe\n");
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output.stderr).contains("line 2"), "{}", said(&output.stderr));
        assert_eq!(said(&output.stderr).lines().count(), 1);
    });
}

#[test]
fn a_close_with_another_code_is_exit_code_3() {
    for (code, expected) in [(1000, 0), (1001, 0), (1008, 3), (1011, 3), (4000, 3)] {
        let hostile = Hostile::after_handshake(move |raw| raw.send(&unmasked(CLOSE, &closing(code, b"because"))));
        let output = run_connect(&hostile.url(), b"");
        assert_eq!(output.status.code(), Some(expected), "{code}: {}", said(&output.stderr));
        if expected == 3 {
            let said = said(&output.stderr);
            assert!(said.contains(&code.to_string()) && said.contains("because"), "{said}");
        }
        hostile.join();
    }
}

#[test]
fn a_refusal_is_exit_code_1_and_names_the_status() {
    beside_a_bystander(|server| {
        for (arguments, status) in [
            (vec![server.url("/nothing")], "404"),
            (vec![server.url("/echo"), "--header".into(), "Origin: http://evil.example".into()], "403"),
        ] {
            let arguments: Vec<_> = ["connect".to_owned()].into_iter().chain(arguments).collect();
            let output = run_sockeye(&arguments, b"hi\n");
            assert_eq!(output.status.code(), Some(1));
            let said = said(&output.stderr);
            assert!(said.contains(status) && said.lines().count() == 1, "{said}");
        }
    });
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let output = run_connect(&format!("ws://{nobody}/"), b"");
    assert_eq!((output.status.code(), said(&output.stderr).lines().count()), (Some(1), 1));
}

#[test]
fn a_server_that_breaks_a_rule_is_exit_code_1() {
    for bytes in [vec![0x83, 0], frame::masked(TEXT, b"x"), unmasked(TEXT, b"\xff"), vec![PING, 126], vec![]] {
        let hostile = Hostile::after_handshake(move |raw| {
            raw.send(&bytes);
            raw.shut();
            raw.rest()
        });
        let output = run_connect(&hostile.url(), b"");
        let said = said(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
        hostile.join();
    }
}

#[test]
fn tokens_never_reach_an_error() {
    const SECRET: &str = "s3cret";
    let server = Server::start();
    let header = format!("Authorization: Bearer {SECRET}");
    let cases: [&[&str]; 7] = [
        &["connect", &server.url("/nothing?token=s3cret")],
        &["connect", &server.url("/nothing"), "--header", &header],
        &["connect", "ws://127.0.0.1:1/?token=s3cret"],
        &["connect", "wss://127.0.0.1:1/?token=s3cret"],
        &["connect", "ws://user:s3cret@127.0.0.1:1/"],
        &["connect", &server.url("/echo"), "--header", "Authorization Bearer s3cret"],
        &["connect", &server.url("/echo"), "--header", "Authorization: s3cret\n"],
    ];
    let told = cases.map(|arguments| said(&run_sockeye(arguments, b"").stderr));
    let with_secrets: Vec<_> = told.iter().filter(|said| said.contains(SECRET)).collect();
    assert!(with_secrets.is_empty(), "{with_secrets:#?}");
}

#[test]
fn a_servers_control_characters_never_reach_an_error() {
    let close = Hostile::after_handshake(|raw| {
        raw.send(&unmasked(CLOSE, &closing(4000, "\x1b[31m\u{9b}31m\u{202e}\r\n".as_bytes())));
        String::new()
    });
    let redirect = Hostile::answering(|raw, _| {
        raw.send("HTTP/1.1 302 Found\r\nLocation: ws://x/\u{9b}31m\u{202e}\u{85}\r\n\r\n".as_bytes());
        String::new()
    });
    let reason = Hostile::answering(|raw, _| {
        raw.send("HTTP/1.1 418 \u{9b}31m\u{202e}\r\n\r\n".as_bytes());
        String::new()
    });
    for hostile in [close, redirect, reason] {
        let output = run_connect(&hostile.url(), b"");
        let said = said(&output.stderr);
        let raw = said.trim_end_matches('\n').chars().find(|char| char.is_control() || *char == '\u{202e}');
        assert_eq!(raw, None, "{}", said.escape_debug());
        assert!(!output.status.success() && !said.is_empty());
        hostile.join();
    }
}

#[test]
fn a_terminal_is_shown_control_characters_and_does_not_obey_them() {
    const STRANGE: &str = "\x1b[31mred\x07\u{9b}2J\u{202e}";
    let show = |arguments: &str| {
        let hostile = Hostile::after_handshake(|raw| {
            raw.send(&unmasked(TEXT, STRANGE.as_bytes()));
            raw.send(&unmasked(BINARY, b"\x1b[32m"));
            raw.send(&unmasked(CLOSE, &closing(1000, b"")));
            raw.rest();
        });
        let command = format!("'{}' connect {arguments} {}", sockeye().display(), hostile.url());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(std::process::Stdio::null());
        let output = script.output().expect("`script` of util-linux runs");
        hostile.join();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = show("");
    let body = shown.trim_end();
    assert!(body.contains("\\u{1b}[31mred\\u{7}\\u{9b}2J\\u{202e}"), "{}", shown.escape_debug());
    assert!(body.contains("<5 bytes: 1b 5b 33 32 6d>"), "{}", shown.escape_debug());
    assert!(!body.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{}", shown.escape_debug());
    assert!(show("--raw").contains(STRANGE), "--raw turns that off");
}

#[test]
fn frames_behind_the_answer_are_printed_though_input_is_at_its_end() {
    let hostile = Hostile::answering(|raw, key| {
        let frames = [unmasked(TEXT, b"early"), unmasked(TEXT, b"bird")].concat();
        raw.send(&[accepting(key, "").as_bytes(), &frames].concat());
        assert_eq!(raw.close_frame_code(), Some(1000));
        raw.send(&[unmasked(TEXT, b"late"), unmasked(CLOSE, &closing(1000, b""))].concat());
    });
    let output = run_connect(&hostile.url(), b"");
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"early\nbird\nlate\n"[..]));
    hostile.join();
}
