//! Rooms by HTTP: what is published reaches the members, and a request that is none is answered and forgotten.

use serde_json::Value;
use sockeye_tests::frame::{BINARY, TEXT, masked};
use sockeye_tests::{Http, Raw, Server, Upgrade};

use crate::beside_a_bystander;

fn join(server: &Server, room: &str, name: &str) -> Raw {
    let upgrade = Upgrade::to(&format!("/rooms/{room}")).with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
    let mut raw = Raw::dial(server.address()).opened(&upgrade);
    raw.send(&masked(TEXT, serde_json::json!({"kind": "join", "name": name}).to_string().as_bytes()));
    assert!(raw.text().contains(r#""kind":"welcome""#));
    raw
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_is_published_reaches_the_members() {
    beside_a_bystander(|server| {
        let mut joined = join(server, "api", "ann");
        let mut plain = Raw::open(server.address(), "/rooms/api");
        let (response, body) = Http::post("/rooms/api", "héllo".as_bytes()).ask(server.address());
        assert_eq!(response.status, 200, "{body}");
        assert_eq!(response.header("Content-Type"), Some("application/json"));
        assert_eq!(plain.text(), "héllo");
        let heard = json(&joined.text());
        assert_eq!(
            (&heard["kind"], &heard["text"], &heard["id"], &heard["name"]),
            (&"message".into(), &"héllo".into(), &0.into(), &"".into())
        );
        assert_eq!(heard["seq"], json(&body)["seq"], "the sequence that was answered");

        let bytes = Http::post("/rooms/api", &[0, 255]).with("Content-Type", "application/octet-stream");
        assert_eq!(bytes.ask(server.address()).0.status, 200);
        let frame = plain.frame().expect("a message");
        assert_eq!((frame.first, &frame.payload[..]), (BINARY, &[0, 255][..]));
        joined.round_trip(b"bytes are for raw members");

        let (response, body) = Http::get("/rooms/api").ask(server.address());
        assert_eq!(response.status, 200);
        let look = json(&body);
        assert_eq!((&look["count"], &look["members"][0]["name"]), (&2.into(), &"ann".into()), "{body}");
        assert!(look["seq"].as_str().is_some_and(|seq| seq.contains(':')), "{body}");
    });
}

#[test]
fn who_comes_later_gets_it_too() {
    beside_a_bystander(|server| {
        assert_eq!(Http::get("/rooms/later").ask(server.address()).0.status, 404, "to look makes no room");
        assert_eq!(Http::post("/rooms/later", b"before anybody came").ask(server.address()).0.status, 200);
        let upgrade = Upgrade::to("/rooms/later").with("Sec-WebSocket-Protocol", "sockeye.rooms.v1");
        let mut raw = Raw::dial(server.address()).opened(&upgrade);
        raw.send(&masked(TEXT, br#"{"kind":"join","name":"late"}"#));
        assert_eq!(json(&raw.text())["history"][0]["text"], "before anybody came");
    });
}

#[test]
fn bodies_that_are_none() {
    beside_a_bystander(|server| {
        let mut member = Raw::open(server.address(), "/rooms/bodies");
        let post = || Http::method("POST", "/rooms/bodies");
        let longest = vec![b'x'; 65536];
        let cases = [
            ("no length", post().body(b"x"), 411),
            ("chunked", post().with("Transfer-Encoding", "chunked").body(b"1\r\nx\r\n0\r\n\r\n"), 411),
            ("a length and chunks", Http::post("/rooms/bodies", b"x").with("Transfer-Encoding", "chunked"), 400),
            ("two lengths", Http::post("/rooms/bodies", b"x").with("Content-Length", "1"), 400),
            ("other lengths", Http::post("/rooms/bodies", b"x").with("Content-Length", "2"), 400),
            ("a sign", post().with("Content-Length", "+1").body(b"x"), 400),
            ("a list", post().with("Content-Length", "1, 1").body(b"x"), 400),
            ("nothing", post().with("Content-Length", "").body(b"x"), 400),
            ("hexadecimal", post().with("Content-Length", "0x1").body(b"x"), 400),
            ("2^64", post().with("Content-Length", "18446744073709551616").body(b"x"), 413),
            ("one too many", Http::post("/rooms/bodies", &[&longest[..], b"x"].concat()), 413),
            ("not UTF-8", Http::post("/rooms/bodies", b"\xff"), 400),
            ("from another's page", Http::post("/rooms/bodies", b"x").with("Origin", "http://evil.example"), 403),
            ("another method", Http::method("PUT", "/rooms/bodies").with("Content-Length", "1").body(b"x"), 405),
            ("no name of a room", Http::post("/rooms/a%20b", b"x"), 404),
            ("a page", Http::post("/chat", b"x"), 405),
        ];
        for (name, request, status) in cases {
            let (response, body) = request.ask(server.address());
            assert_eq!(response.status, status, "{name}: {body}");
        }
        // What follows a body on its connection is not answered.
        let two =
            [Http::post("/rooms/bodies", b"first").bytes(), Http::post("/rooms/bodies", b"second").bytes()].concat();
        let mut raw = Raw::dial(server.address());
        raw.send(&two);
        assert_eq!(raw.response().expect("an answer").status, 200);
        assert!(!String::from_utf8_lossy(&raw.rest()).contains("HTTP/1.1"));
        assert_eq!(member.text(), "first", "nothing of the others");
        let (response, _) = Http::post("/rooms/bodies", &longest).ask(server.address());
        assert_eq!(response.status, 200, "the longest one");
        assert_eq!(member.text().len(), longest.len());
        // An empty one is a message, too.
        assert_eq!(Http::post("/rooms/bodies", b"").ask(server.address()).0.status, 200);
        assert_eq!(member.text(), "");
        member.round_trip(b"and nothing else");
    });
}

#[test]
fn a_body_byte_by_byte_or_never() {
    beside_a_bystander(|server| {
        let mut member = Raw::open(server.address(), "/rooms/slow");
        let mut raw = Raw::dial(server.address());
        for byte in Http::post("/rooms/slow", b"in many pieces").bytes() {
            raw.send(&[byte]);
        }
        assert_eq!(raw.response().expect("an answer").status, 200);
        assert_eq!(member.text(), "in many pieces");
        // One that ends before its end is not said.
        let bytes = Http::post("/rooms/slow", b"cut short").bytes();
        let mut raw = Raw::dial(server.address());
        raw.send(&bytes[..bytes.len() - 1]);
        raw.shut();
        assert_eq!(raw.rest(), b"");
        // One that never comes is given up with its handshake's deadline.
        let mut raw = Raw::dial(server.address());
        raw.send(&bytes[..bytes.len() - 1]);
        assert_eq!(raw.rest(), b"");
        member.round_trip(b"nothing of them was said");
    });
}

#[test]
fn a_client_that_waits_to_be_asked_for_the_body() {
    beside_a_bystander(|server| {
        let mut member = Raw::open(server.address(), "/rooms/expect");
        let bytes = Http::post("/rooms/expect", b"asked").with("Expect", "100-continue").bytes();
        let (head, body) = bytes.split_at(bytes.len() - 5);
        let mut raw = Raw::dial(server.address());
        raw.send(head);
        assert_eq!(raw.response().expect("to go on").status, 100);
        raw.send(body);
        assert_eq!(raw.response().expect("an answer").status, 200);
        assert_eq!(member.text(), "asked");
    });
}
