//! The server's side of the opening handshake: requests, what is answered to them, and what follows on the wire.

mod common;

use common::raw::{self, REQUEST, Raw, masked};
use common::wire::{End, pipe};
use common::{run, settle};
use sockeye_tokio::proto::{Limits, Reject, Response};
use sockeye_tokio::{Accept, AcceptError, Config, Connection, Error, Host, Incoming, Origin, accept};

/// Sends a head and reads all that is answered, until the server closes.
async fn answer_to(head: &str, config: Config) -> (Result<Connection<End>, AcceptError>, String) {
    let (client, server, ..) = pipe(0, 64 * 1024);
    let mut raw = Raw::new(client);
    raw.send(head.as_bytes()).await;
    let served = async {
        let served = accept(server, config).await;
        // What was accepted stays open; its answer is read below.
        served
    };
    let read = async {
        let head = raw.head().await;
        if head.starts_with("HTTP/1.1 101") { head } else { head + &String::from_utf8(raw.rest().await).expect("text") }
    };
    tokio::join!(served, read)
}

fn with(header: &str) -> String {
    REQUEST.replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

async fn incoming(request: &str) -> (Raw<End>, Incoming<End>) {
    let (client, server, ..) = pipe(0, 64 * 1024);
    let mut raw = Raw::new(client);
    raw.send(request.as_bytes()).await;
    (raw, Incoming::read(server, Config::default()).await.expect("a request"))
}

#[test]
fn a_request_is_read_before_it_is_answered() {
    run(async {
        let request = with("Origin: http://localhost\r\nSec-WebSocket-Protocol: b, a\r\nX-Token: secret")
            .replace("GET / ", "GET /chat/room%20one?name=x HTTP/1.1\r\nX-First: ")
            .replacen("X-First:  HTTP/1.1", "X-First: 1", 1);
        let (mut raw, incoming) = incoming(&request.replace("X-First: HTTP/1.1", "X-First: 1")).await;
        let read = incoming.request();
        assert_eq!((read.method(), read.path(), read.query()), ("GET", "/chat/room%20one", Some("name=x")));
        assert_eq!((read.host(), read.origin()), ("localhost", Some("http://localhost")));
        assert_eq!(read.header("x-token"), Some("secret"));
        assert_eq!(read.subprotocols().collect::<Vec<_>>(), ["b", "a"]);
        assert!(read.is_upgrade());
        assert!(!format!("{incoming:?}").contains("secret"));

        let accept = Accept { subprotocol: Some("a"), headers: &[("X-Server", "here")], ..Accept::default() };
        let ws = incoming.accept(accept).await.unwrap();
        assert_eq!(ws.subprotocol.as_deref(), Some("a"));
        assert!(!format!("{ws:?}").contains("secret"));
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Protocol: a\r\n"), "{head}");
        assert!(head.contains("\r\nX-Server: here\r\n"), "{head}");
    });
}

#[test]
fn the_clients_first_choice_that_is_spoken_is_taken() {
    let config = || Config { subprotocols: vec!["a".into(), "b".into()], ..Config::default() };
    for (offer, chosen) in [("b, a", Some("b")), ("x, a", Some("a")), ("x", None)] {
        run(async {
            let (ws, head) = answer_to(&with(&format!("Sec-WebSocket-Protocol: {offer}")), config()).await;
            assert_eq!(ws.unwrap().subprotocol.as_deref(), chosen);
            assert_eq!(head.contains("Sec-WebSocket-Protocol"), chosen.is_some(), "{head}");
        });
    }
}

#[test]
fn limits_of_its_own_go_before_those_of_the_configuration() {
    run(async {
        let (mut raw, incoming) = incoming(REQUEST).await;
        let accept = Accept { limits: Some(Limits::message(3)), ..Accept::default() };
        let mut ws = incoming.accept(accept).await.unwrap();
        raw.head().await;
        raw.send(&masked(raw::TEXT, b"four")).await;
        let close = async {
            let close = raw.frame().await.unwrap();
            drop(raw);
            close.close().unwrap().0
        };
        let (result, told) = tokio::join!(ws.receiver.drain(), close);
        assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
        assert_eq!(told, 1009);
    });
}

/// A mistake on this side is an error, and nothing is written.
#[test]
fn what_cannot_be_accepted_so_is_found_before_it_is_written() {
    for accept in [
        Accept { subprotocol: Some("not offered"), ..Accept::default() },
        Accept { headers: &[("X-Bad", "a\r\nb")], ..Accept::default() },
        Accept { headers: &[("Bad name", "a")], ..Accept::default() },
        Accept { headers: &[("Sec-WebSocket-Accept", "a")], ..Accept::default() },
    ] {
        run(async {
            let (mut raw, incoming) = incoming(REQUEST).await;
            let error = incoming.accept(accept).await.unwrap_err();
            assert!(matches!(error, AcceptError::Accept(_) | AcceptError::Write(_)), "{error:?}");
            assert_eq!(raw.rest().await, b"");
        });
    }
}

#[test]
fn a_refusal_says_why_and_closes() {
    let foreign = Host::Named(vec!["example.com".into()]);
    let rebound = REQUEST.replace("Host: localhost", "Host: evil.example");
    let cases: [(String, u16, &str); 9] = [
        (rebound, 421, "this Host is not served here"),
        (with("Origin: http://evil.example"), 403, "pages of this Origin may not connect"),
        (with("Origin: null"), 403, "pages of this Origin may not connect"),
        (with("Origin: http://localhost.evil.example"), 403, "pages of this Origin may not connect"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), 426, "this path is for WebSockets only"),
        (REQUEST.replace("Version: 13", "Version: 8"), 426, ""),
        (REQUEST.replace("GET", "POST"), 405, ""),
        (REQUEST.replace("HTTP/1.1", "HTTP/1.0"), 400, ""),
        (with("Content-Length: 4"), 400, ""),
    ];
    for (head, status, reason) in cases {
        run(async {
            let config = Config { hosts: foreign.clone(), ..Config::default() };
            let (result, answer) = answer_to(&head, config).await;
            let error = result.expect_err("a refusal");
            let AcceptError::Rejected(reject) = error else { panic!("{error:?}") };
            assert_eq!(reject.status(), status);
            assert!(error.to_string().ends_with(&format!("({status})")), "{error}");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(reason), "{answer}");
            assert!(answer.to_lowercase().contains("connection: ") && answer.contains("close\r\n"), "{answer}");
            assert_eq!(answer.contains("Sec-WebSocket-Version: 13"), status == 426, "{answer}");
            assert_eq!(answer.contains("Allow: GET"), status == 405, "{answer}");
        });
    }
}

#[test]
fn hosts_and_origins_that_are_configured_may_connect() {
    let listed = Origin::Listed(vec!["https://app.example".into()]);
    let named = Host::Named(vec!["ws.example".into()]);
    let by_name = REQUEST.replace("Host: localhost", "Host: WS.example:9001");
    let cases = [
        (by_name.clone(), named, Origin::Listed(vec![]), true),
        (by_name.clone(), Host::Any, Origin::Listed(vec![]), true),
        (by_name, Host::Named(vec![]), Origin::Any, false),
        (with("Origin: https://app.example"), Host::Named(vec![]), listed.clone(), true),
        (with("Origin: http://app.example"), Host::Named(vec![]), listed, false),
        (with("Origin: https://any.example"), Host::Named(vec![]), Origin::Any, true),
    ];
    for (head, hosts, origins, welcome) in cases {
        run(async {
            let (result, _) = answer_to(&head, Config { hosts, origins, ..Config::default() }).await;
            assert_eq!(result.is_ok(), welcome, "{head}");
        });
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    for (over, accepted) in [(-1, true), (0, true), (1, false), (5000, false)] {
        for at_once in [true, false] {
            run(async {
                let limit = REQUEST.len() + 200;
                let fill = "x".repeat((limit as i64 + over - REQUEST.len() as i64 - "X: \r\n".len() as i64) as usize);
                let head = with(&format!("X: {fill}"));
                assert_eq!(head.len() as i64, limit as i64 + over);
                let (client, server, up, _down) = pipe(0, 64 * 1024);
                if !at_once {
                    up.narrow(1);
                }
                let mut raw = Raw::new(client);
                let send = async {
                    raw.send(head.as_bytes()).await;
                    raw.head().await
                };
                let serve = accept(server, Config { head: limit, ..Config::default() });
                let (answer, result) = tokio::join!(send, serve);
                if accepted {
                    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
                    assert!(result.is_ok());
                } else {
                    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
                    assert!(matches!(result, Err(AcceptError::Rejected(Reject::HeadTooBig))));
                }
            });
        }
    }
}

/// It never ends: it is answered when the limit is reached, and what is read on is bounded.
#[test]
fn a_head_without_end_is_answered_at_the_limit() {
    run(async {
        let (client, server, up, _down) = pipe(0, 1024);
        let serve = tokio::spawn(async move { accept(server, Config::default()).await.err() });
        let mut raw = Raw::new(client);
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            while raw.io.write_all(b"X: and so on\r\n").await.is_ok() {}
        });
        assert!(matches!(serve.await.unwrap(), Some(AcceptError::Rejected(Reject::Malformed | Reject::HeadTooBig))));
        assert!(up.written() <= (8 + 64 + 8) * 1024, "{}", up.written());
    });
}

#[test]
fn frames_in_the_segment_of_the_request_are_kept() {
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let mut raw = Raw::new(client);
        let frames = [masked(raw::TEXT, b"early"), masked(raw::PING, b"!"), masked(raw::TEXT, b"bird")].concat();
        let (first, last) = frames.split_at(frames.len() - 3);
        raw.send(&[REQUEST.as_bytes(), first].concat()).await;
        let mut ws = accept(server, Config::default()).await.unwrap();
        raw.head().await;
        assert_eq!(ws.receiver.message().await.unwrap().unwrap().text(), Some("early"));
        let rest = async {
            settle().await;
            raw.send(last).await;
            raw.frame().await.unwrap()
        };
        let next = async { ws.receiver.message().await.unwrap().unwrap().text() == Some("bird") };
        assert_eq!(tokio::join!(rest, next), (raw::Frame { first: raw::PONG, payload: b"!".to_vec() }, true));
    });
}

/// What follows a request that is not upgraded is not a second request (request smuggling).
#[test]
fn a_pipelined_second_request_is_never_answered() {
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for second in [plain, REQUEST] {
        run(async {
            let (_, answer) = answer_to(&format!("{plain}{second}"), Config::default()).await;
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        });
    }
    // After an upgrade it is no frame: `G` has reserved bits.
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let mut raw = Raw::new(client);
        raw.send(format!("{REQUEST}{plain}").as_bytes()).await;
        let mut ws = accept(server, Config::default()).await.unwrap();
        raw.head().await;
        let peer = async {
            let told = raw.frame().await.unwrap();
            let rest = raw.rest().await;
            drop(raw);
            (told.close().map(|(code, _)| code), rest)
        };
        let (result, told) = tokio::join!(ws.receiver.drain(), peer);
        assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
        assert_eq!(told, (Some(1002), vec![]));
    });
}

#[test]
fn a_page_is_answered_and_a_head_request_gets_its_head() {
    for method in ["GET", "HEAD"] {
        run(async {
            let (mut raw, incoming) = incoming(&format!("{method} /page HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            assert!(!incoming.request().is_upgrade());
            let page = Response::new(200).headers(&[("Content-Type", "text/html")]).body(b"<p>hello");
            let read = async { String::from_utf8(raw.rest().await).unwrap() };
            let (answer, result) = tokio::join!(read, incoming.respond(page));
            result.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 8"), "{head}");
            assert_eq!(body, if method == "HEAD" { "" } else { "<p>hello" });
        });
    }
}

#[test]
fn a_reject_of_the_applications_own_is_told() {
    run(async {
        let (mut raw, incoming) = incoming(REQUEST).await;
        let read = async { String::from_utf8(raw.rest().await).unwrap() };
        let busy = incoming.reject::<()>(Reject::Unavailable { retry_after: 7 });
        let (answer, result) = tokio::join!(read, busy);
        assert!(matches!(result, Err(AcceptError::Rejected(Reject::Unavailable { .. }))));
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 7\r\n"), "{answer}");
        assert!(answer.contains("no room for another connection"), "{answer}");
    });
}

#[test]
fn a_client_that_leaves_during_its_request_is_lost() {
    for sent in ["", "GET / HT", &REQUEST[..REQUEST.len() - 1]] {
        run(async {
            let (client, server, ..) = pipe(0, 64 * 1024);
            let mut raw = Raw::new(client);
            raw.send(sent.as_bytes()).await;
            drop(raw);
            let error = accept(server, Config::default()).await.err();
            assert!(matches!(error, Some(AcceptError::Lost)), "{sent:?}: {error:?}");
        });
    }
}
