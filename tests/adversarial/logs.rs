//! What reaches the log: whom it is about and why, and nothing that is secret or that a terminal would obey.

use sockeye_tests::frame::{self, CLOSE, TEXT, closing, masked};
use sockeye_tests::{Bystander, Raw, Server, Upgrade};

use crate::beside_a_bystander;

const SECRETS: [&str; 5] = ["query-s3cret", "bearer-s3cret", "cookie-s3cret", "custom-s3cret", "payload-s3cret"];

fn with_secrets(path: &str) -> Upgrade {
    Upgrade::to(&format!("{path}?token=query-s3cret"))
        .with("Authorization", "Bearer bearer-s3cret")
        .with("Cookie", "session=cookie-s3cret")
        .with("X-Api-Key", "custom-s3cret")
}

#[test]
fn tokens_never_reach_the_log() {
    for level in ["info", "trace"] {
        let server = Server::start_logging(level, &[]);
        let bystander = Bystander::on(server.address());
        let upgrades = [
            with_secrets("/echo"),
            with_secrets("/rooms/secret"),
            with_secrets("/nothing"),
            with_secrets("/rooms/a/b"),
            with_secrets("/chat").without("Upgrade"),
            with_secrets("/echo").without("Upgrade"),
            with_secrets("/echo").set("Sec-WebSocket-Version", "8"),
            with_secrets("/echo").set("Sec-WebSocket-Key", "custom-s3cret"),
            with_secrets("/echo").set("Host", "evil.example"),
            with_secrets("/echo").set("Host", "a b"),
            with_secrets("/echo").with("Origin", "http://evil.example"),
            with_secrets("/echo").with("Content-Length", "5"),
            with_secrets("/echo").with("Sec-WebSocket-Protocol", "custom-s3cret, custom-s3cret"),
            with_secrets("/echo").with("bearer-s3cret", "\x01"),
            with_secrets("/echo").padded(10_000),
            with_secrets("/echo").line("GET http://cookie-s3cret@evil.example/?query-s3cret HTTP/1.1"),
            with_secrets("/echo").line("GET /echo?query-s3cret HTTP/1.0"),
            with_secrets("/echo").line("query-s3cret"),
        ];
        for upgrade in upgrades {
            let mut raw = Raw::dial(server.address());
            raw.try_send(&upgrade.bytes());
            if raw.response().expect("an answer").status == 101 {
                raw.send(&masked(TEXT, b"payload-s3cret"));
                // A text that is not UTF-8 ends it.
                raw.send(&masked(TEXT, b"payload-s3cret\xff"));
                assert_eq!(raw.close_code(), Some(1007));
            }
        }
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(CLOSE, &closing(4000, b"payload-s3cret")));
        assert_eq!(raw.close_code(), Some(4000));
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(0x83, b"payload-s3cret"));
        assert_eq!(raw.close_code(), Some(1002));
        bystander.assert_undisturbed();

        server.log_with("reserved opcode 0x3 (1002)");
        server.interrupt();
        let (_, log) = server.ended();
        for secret in SECRETS {
            assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        }
    }
}

#[test]
fn control_characters_never_reach_the_log() {
    // C1 and marks that turn the writing around come as UTF-8, past the grammar of HTTP.
    let strange = ["\u{9b}31m", "\u{85}line", "\u{202e}txet", "\u{2066}x", "\u{200f}x", "\u{2028}x", "\u{feff}x"];
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    for strange in strange {
        let mut raw = Raw::dial(server.address());
        raw.send(&Upgrade::to("/echo").with("Origin", &format!("http://evil.example/{strange}")).bytes());
        assert_eq!(raw.response().expect("an answer").status, 403);
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(CLOSE, &closing(4000, strange.as_bytes())));
        assert_eq!(raw.close_code(), Some(4000));
    }
    for control in ["\x1b[31m", "\x07", "\x08", "\n", "\r", "\0"] {
        for upgrade in [
            Upgrade::to(&format!("/nothing{control}")),
            Upgrade::to("/echo").with("Origin", &format!("http://evil.example/{control}x")),
            Upgrade::to("/echo").set("Host", &format!("evil.example{control}x")),
            Upgrade::to("/echo").with(&format!("Na{control}me"), "x"),
        ] {
            let mut raw = Raw::dial(server.address());
            raw.send(&upgrade.bytes());
            assert_eq!(raw.response().expect("an answer").status, 400);
        }
        let mut raw = Raw::open(server.address(), "/echo");
        raw.send(&masked(CLOSE, &closing(4000, format!("reason{control}x").as_bytes())));
        assert_eq!(raw.close_code(), Some(4000));
    }
    // What stands for them in a path is left as it is.
    let mut raw = Raw::dial(server.address());
    raw.send(&Upgrade::to("/nothing%1b%5b31m%0a").bytes());
    assert_eq!(raw.response().expect("an answer").status, 404);
    server.log_with("/nothing%1b");
    bystander.assert_undisturbed();

    server.interrupt();
    let (_, log) = server.ended();
    let turns =
        |char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let raw = log.chars().find(|char| (char.is_control() && *char != '\n') || turns(*char));
    assert_eq!(raw, None, "in the log:\n{}", log.escape_debug());
    assert!(log.lines().all(|line| line.starts_with("20")), "each line is a line of the log's own:\n{log}");
}

#[test]
fn the_log_names_the_peer_and_the_reason() {
    beside_a_bystander(|server| {
        let refusals = [
            (Upgrade::to("/nothing"), "(404)"),
            (Upgrade::to("/echo").set("Host", "evil.example"), "--host"),
            (Upgrade::to("/echo").with("Origin", "http://evil.example"), "--origin"),
            (Upgrade::to("/echo").set("Sec-WebSocket-Key", "short"), "Sec-WebSocket-Key is not 16 bytes"),
            (Upgrade::to("/echo").padded(10_000), "(431)"),
        ];
        for (upgrade, reason) in refusals {
            let mut raw = Raw::dial(server.address());
            raw.try_send(&upgrade.bytes());
            raw.response().expect("an answer");
            assert_line(server, &raw, reason);
        }
        let mistakes = [
            (frame::unmasked(TEXT, b"x"), "without a mask (1002)"),
            (masked(TEXT, b"\xff"), "not UTF-8 (1007)"),
            (masked(0x8b, b""), "reserved opcode 0xb (1002)"),
            (frame::head_of(TEXT, 1 << 63, 8, None), "(1002)"),
        ];
        for (bytes, reason) in mistakes {
            let mut raw = Raw::open(server.address(), "/echo");
            raw.send(&bytes);
            raw.close_code();
            assert_line(server, &raw, reason);
        }
        let raw = Raw::open(server.address(), "/echo");
        raw.shut();
        assert_line(server, &raw, "(1006)");
    });
}

/// Asserts that one line of the log has both.
fn assert_line(server: &Server, raw: &Raw, reason: &str) {
    let peer = format!("peer={}", raw.address());
    let log = server.log_with(&peer);
    let line = log.lines().find(|line| line.contains(&peer)).unwrap_or_default();
    assert!(line.contains(reason), "no {reason:?} in {line}");
}
