//! Rooms: their names, and envelopes that are none.

use sockeye_tests::frame::{self, BINARY, CLOSE, PONG, TEXT, closing, masked};
use sockeye_tests::{Raw, Server, Upgrade};

use crate::{answer_to, beside_a_bystander};

const SUBPROTOCOL: &str = "sockeye.rooms.v1";

fn enter(server: &Server, room: &str) -> Raw {
    let upgrade = Upgrade::to(&format!("/rooms/{room}")).with("Sec-WebSocket-Protocol", SUBPROTOCOL);
    Raw::dial(server.address()).opened(&upgrade)
}

fn join(server: &Server, room: &str, name: &str) -> Raw {
    let mut raw = enter(server, room);
    raw.send(&masked(TEXT, serde_json::json!({"kind": "join", "name": name}).to_string().as_bytes()));
    assert!(raw.text().contains(r#""kind":"welcome""#));
    raw
}

#[test]
fn names() {
    beside_a_bystander(|server| {
        let long = "a".repeat(64);
        for name in ["a", "A9._-z", ".", "..", "-", "0", &long, "x?token=y", "x?/rooms/y"] {
            let upgrade = Upgrade::to(&format!("/rooms/{name}"));
            assert_eq!(answer_to(server.address(), &upgrade.bytes()).status, 101, "{name}");
            // It is there for a while after its last member left.
            assert_eq!(answer_to(server.address(), &upgrade.without("Upgrade").bytes()).status, 200, "{name}");
        }
        let too_long = "a".repeat(65);
        for name in
            ["", &too_long, "a/b", "/", "../echo", "%41", "a%20b", "a%00", "a+b", "a:b", "a~b", "a\\b", "?x", "a;b"]
        {
            let upgrade = Upgrade::to(&format!("/rooms/{name}"));
            assert_eq!(answer_to(server.address(), &upgrade.bytes()).status, 404, "{name}");
            assert_eq!(answer_to(server.address(), &upgrade.without("Upgrade").bytes()).status, 404, "{name}");
        }
        for path in ["/rooms", "/Rooms/a", "//rooms/a", "/rooms//a", "/room/a", "/echo/", "/echo/../rooms/a", "/chat/"]
        {
            assert_eq!(answer_to(server.address(), &Upgrade::to(path).bytes()).status, 404, "{path}");
        }
    });
}

#[test]
fn rooms_hear_nothing_of_each_other() {
    beside_a_bystander(|server| {
        let mut one = Raw::open(server.address(), "/rooms/one");
        let mut other = Raw::open(server.address(), "/rooms/One");
        let mut same = Raw::open(server.address(), "/rooms/one?token=x");
        one.send(&masked(TEXT, b"for one"));
        assert_eq!(same.text(), "for one");
        one.round_trip(b"done");
        other.send(&masked(frame::PING, b""));
        assert_eq!(other.frame().expect("a pong").first, PONG, "names are taken as they are");
    });
}

/// Asserts that what is said after these envelopes is an error, and the end with 1008.
fn assert_refused(server: &Server, name: &str, said: &[&[u8]], first: u8, envelope: &[u8]) {
    let mut raw = enter(server, "envelopes");
    for said in said {
        raw.send(&masked(TEXT, said));
    }
    raw.send(&masked(first, envelope));
    let mut last = String::new();
    let code = loop {
        let frame = raw.frame().unwrap_or_else(|| panic!("{name}: no close"));
        match frame.close_code() {
            Some(code) => break code,
            None => last = frame.text().to_owned(),
        }
    };
    assert_eq!(code, 1008, "{name}");
    raw.try_send(&masked(CLOSE, &closing(1008, b"")));
    let error: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(error["kind"], "error", "{name}: {last}");
    assert!(error["text"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {last}");
    assert_eq!(raw.rest(), b"", "{name}");
}

#[test]
fn envelopes_that_are_none() {
    beside_a_bystander(|server| {
        let mut witness = join(server, "envelopes", "witness");
        let long_name = format!(r#"{{"kind":"join","name":"{}"}}"#, "n".repeat(65));
        let nested = format!(r#"{{"kind":"join","name":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
        let open = "[".repeat(60_000);
        let spaces = " ".repeat(60_000);
        let cases: &[(&str, &[u8])] = &[
            ("nothing", b""),
            ("spaces", spaces.as_bytes()),
            ("no JSON", b"hello"),
            ("JSON that is cut", br#"{"kind":"join","name":"x""#),
            ("JSON and more", br#"{"kind":"join","name":"x"} {"kind":"join","name":"y"}"#),
            ("a number", b"1"),
            ("null", b"null"),
            ("a string", br#""join""#),
            ("an object of nothing", b"{}"),
            ("no kind", br#"{"name":"x"}"#),
            ("another kind", br#"{"kind":"leave","name":"x"}"#),
            ("a kind of the server", br#"{"kind":"welcome","seq":"1:1","id":1,"members":[],"history":[]}"#),
            ("a kind in capitals", br#"{"kind":"Join","name":"x"}"#),
            ("a kind that is a number", br#"{"kind":1,"name":"x"}"#),
            ("two kinds", br#"{"kind":"message","kind":"join","name":"x","text":"y"}"#),
            ("no name", br#"{"kind":"join"}"#),
            ("an empty name", br#"{"kind":"join","name":""}"#),
            ("a name that is a number", br#"{"kind":"join","name":1}"#),
            ("a name that is null", br#"{"kind":"join","name":null}"#),
            ("a long name", long_name.as_bytes()),
            ("a line's end in a name", br#"{"kind":"join","name":"a\nb"}"#),
            ("an escape in a name", br#"{"kind":"join","name":"\u001b[31m"}"#),
            ("NUL in a name", br#"{"kind":"join","name":"\u0000"}"#),
            ("half a pair in a name", br#"{"kind":"join","name":"\ud800"}"#),
            ("deep arrays", nested.as_bytes()),
            ("deep arrays without an end", open.as_bytes()),
            ("a message before the join", br#"{"kind":"message","text":"hi"}"#),
        ];
        for (name, envelope) in cases {
            assert_refused(server, name, &[], TEXT, envelope);
        }
        assert_refused(server, "an envelope in binary", &[], BINARY, br#"{"kind":"join","name":"x"}"#);
        assert_refused(server, "bytes", &[], BINARY, &[0xff; 100]);

        let joined: &[u8] = br#"{"kind":"join","name":"guest"}"#;
        let long_text = format!(r#"{{"kind":"message","text":"{}"}}"#, "t".repeat(4097));
        let after: &[(&str, &[u8])] = &[
            ("a second join", joined),
            ("no text", br#"{"kind":"message"}"#),
            ("an empty text", br#"{"kind":"message","text":""}"#),
            ("a text that is an object", br#"{"kind":"message","text":{}}"#),
            ("a long text", long_text.as_bytes()),
        ];
        for (name, envelope) in after {
            assert_refused(server, name, &[joined], TEXT, envelope);
            assert!(witness.text().contains(r#""kind":"join""#), "{name}");
            assert!(witness.text().contains(r#""kind":"leave""#), "{name}");
        }
        witness.round_trip(b"nothing else was heard");
    });
}

#[test]
fn an_envelope_over_the_limit_is_1009() {
    beside_a_bystander(|server| {
        let mut raw = enter(server, "long");
        let long = format!(r#"{{"kind":"join","name":"{}"}}"#, "n".repeat(64 * 1024));
        raw.try_send(&masked(TEXT, long.as_bytes()));
        assert_eq!(raw.close_code(), Some(1009));
    });
}

#[test]
fn what_is_said_arrives_as_it_was_said() {
    beside_a_bystander(|server| {
        let long = "é".repeat(4096);
        let texts = ["<img src=x onerror=window.pwned=1>", "\u{1b}[31m", "\"}{\"", "\u{202e}", "\0", "\n", &long];
        let name = "<b>\"\\&'</b>";
        let mut speaker = join(server, "texts", name);
        let mut plain = Raw::open(server.address(), "/rooms/texts");
        let mut other = join(server, "texts", "other");
        speaker.text();
        for text in texts {
            speaker.send(&masked(
                TEXT,
                serde_json::json!({"kind": "message", "text": text, "id": 77}).to_string().as_bytes(),
            ));
            assert_eq!(plain.text(), text);
            for raw in [&mut other, &mut speaker] {
                let heard: serde_json::Value = serde_json::from_str(&raw.text()).expect("JSON");
                assert_eq!((&heard["text"], &heard["name"]), (&text.into(), &name.into()));
                assert_ne!(heard["id"], 77, "nobody speaks as another");
            }
        }
        // Without an envelope, a text that looks like one is a text.
        plain.send(&masked(TEXT, br#"{"kind":"leave","id":1,"name":"other","seq":"x"}"#));
        let heard: serde_json::Value = serde_json::from_str(&other.text()).expect("JSON");
        assert_eq!((&heard["kind"], &heard["name"], &heard["id"]), (&"message".into(), &"".into(), &0.into()));
    });
}
