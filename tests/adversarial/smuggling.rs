//! The bytes around the upgrade: what one side takes for a body and the other for a request.

use sockeye_tests::{Hostile, Raw, Upgrade, accepting, beside_a_bystander as client_test, frame, rows};
use sockeye_tokio::proto::handshake::WriteError;
use sockeye_tokio::{Config, ConnectError, connect};

use crate::{answer_to, assert_early_frames_are_kept, assert_statuses, beside_a_bystander};

#[test]
fn an_upgrade_with_a_body_is_400() {
    beside_a_bystander(|server| assert_statuses(server.address(), rows::bodies()));
}

#[test]
fn nothing_behind_a_refusal_is_answered() {
    beside_a_bystander(|server| {
        let second = Upgrade::to("/echo").bytes();
        let refusals = [
            (Upgrade::to("/echo").with("Content-Length", "5"), 400),
            (Upgrade::to("/echo").with("Transfer-Encoding", "chunked"), 400),
            (Upgrade::to("/echo").set("Sec-WebSocket-Version", "8"), 426),
            (Upgrade::to("/nothing"), 404),
            (Upgrade::to("/echo").with("Origin", "http://evil.example"), 403),
            (Upgrade::to("/echo").set("Host", "evil.example"), 421),
            (Upgrade::to("/").without("Upgrade"), 200),
            (Upgrade::to("/").without("Upgrade").with("Content-Length", "600"), 200),
        ];
        for (first, status) in refusals {
            let mut raw = Raw::dial(server.address());
            raw.send(&[first.bytes(), second.clone(), frame::masked(frame::TEXT, b"tunnel")].concat());
            let response = raw.response().expect("an answer");
            assert_eq!(response.status, status);
            let body: usize = response.header("Content-Length").and_then(|len| len.parse().ok()).expect("a length");
            let rest = raw.rest();
            assert_eq!(rest.len(), body, "{status}, then {}", String::from_utf8_lossy(&rest));
            assert!(response.has_token("Connection", "close"), "{}", response.head);
        }
    });
}

#[test]
fn a_request_behind_the_upgrade_is_no_request() {
    beside_a_bystander(|server| {
        let mut raw = Raw::dial(server.address());
        raw.send(&[Upgrade::to("/echo").bytes(), b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".to_vec()].concat());
        assert_eq!(raw.response().expect("an answer").status, 101);
        assert_eq!(raw.close_code(), Some(1002), "its bytes are a frame that breaks the rules");
    });
}

#[test]
fn frames_in_the_segment_of_the_request_are_kept() {
    beside_a_bystander(|server| assert_early_frames_are_kept(server.address()));
}

#[test]
fn frames_in_the_segment_of_the_answer_are_kept() {
    client_test(async {
        let hostile = Hostile::answering(|raw, key| {
            let frames = [frame::unmasked(frame::TEXT, b"early"), frame::unmasked(frame::PING, b"bird")].concat();
            raw.send(&[accepting(key, "").as_bytes(), &frames].concat());
            raw.frame()
        });
        let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
        let message = ws.receiver.message().await.expect("it holds").expect("a message");
        assert_eq!(message.text(), Some("early"));
        let (_, pong) = tokio::join!(ws.receiver.message(), async { hostile.join() });
        assert_eq!(pong.expect("a pong").payload, b"bird");
    });
}

#[test]
fn an_answer_other_than_101_is_no_tunnel() {
    client_test(async {
        for status in ["200 OK", "204 No Content", "100 Continue", "102 Processing", "301 Moved", "407 Proxy", "999 x"]
        {
            let hostile = Hostile::answering(move |raw, key| {
                let answer = accepting(key, "").replace("101 Switching Protocols", status);
                raw.try_send(answer.as_bytes());
                raw.try_send(&frame::unmasked(frame::TEXT, b"tunnel"));
                raw.rest()
            });
            let error = connect(&hostile.url(), Config::default()).await.expect_err("it was refused");
            assert!(matches!(error, ConnectError::Refused { .. }), "{status}: {error}");
            assert_eq!(hostile.join(), b"", "{status}: the client sends nothing more");
        }
    });
}

#[test]
fn line_ends_are_never_written_into_a_request() {
    client_test(async {
        for bad in ["a\r\nInjected: b", "a\nb", "a\rb", "a\0b", "\r\n", "\x7f"] {
            let config = Config { headers: vec![("Name".into(), bad.into())], ..Config::default() };
            assert_write_fails(config, bad).await;
            let config = Config { headers: vec![(format!("N{bad}"), "value".into())], ..Config::default() };
            assert_write_fails(config, bad).await;
            let config = Config { subprotocols: vec![bad.into()], ..Config::default() };
            assert_write_fails(config, bad).await;
            let uri = format!("ws://127.0.0.1/{bad}");
            let error = connect(&uri, Config::default()).await.expect_err("it is no URI");
            assert!(matches!(error, ConnectError::Uri(_)), "{bad:?}: {error}");
        }
        for own in ["Host", "sec-websocket-key", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding"] {
            let config = Config { headers: vec![(own.into(), "x".into())], ..Config::default() };
            assert_write_fails(config, own).await;
        }
    });
}

async fn assert_write_fails(config: Config, bad: &str) {
    let (io, mut peer) = tokio::io::duplex(4096);
    let connected = sockeye_tokio::connect_over(io, "ws://127.0.0.1/", config).await;
    let error = connected.expect_err("it cannot be written");
    assert!(matches!(error, ConnectError::Write(_)), "{bad:?}: {error}");
    let mut written = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut peer, &mut written).await.expect("a pipe can be read");
    assert_eq!(written, b"", "{bad:?}: nothing was written");
}

#[test]
fn line_ends_are_never_written_into_an_answer() {
    use sockeye_tokio::proto::{Request, Response};
    let bytes = Upgrade::to("/echo").bytes();
    let (request, _) = Request::parse(&bytes).expect("it is right").expect("it is whole");
    for bad in ["a\r\nInjected: b", "a\nb", "a\rb", "a\0b"] {
        for headers in [[("Name", bad)], [(bad, "value")]] {
            let mut out = [0; 1024];
            let accepted =
                Response::accept(&request, None).expect("it is an upgrade").headers(&headers).write(&mut out);
            assert!(matches!(accepted, Err(WriteError::Value | WriteError::Name)), "{bad:?}: {accepted:?}");
            let page = Response::new(200).headers(&headers).write(&mut out);
            assert!(matches!(page, Err(WriteError::Value | WriteError::Name)), "{bad:?}: {page:?}");
        }
        assert!(Response::accept(&request, Some(bad)).is_err(), "it was not offered");
    }
}

#[test]
fn what_a_client_sends_never_splits_an_answer() {
    beside_a_bystander(|server| {
        // Percent-encoded line ends in what is echoed nowhere, and a subprotocol that is answered only if it is ours.
        let response = answer_to(server.address(), &Upgrade::to("/nothing%0d%0aInjected:%20x").bytes());
        assert_eq!(response.status, 404);
        assert_eq!(response.header("Injected"), None);
        let upgrade = Upgrade::to("/rooms/x").with("Sec-WebSocket-Protocol", "a%0d%0aInjected, sockeye.rooms.v1");
        let response = answer_to(server.address(), &upgrade.bytes());
        assert_eq!(response.header("Sec-WebSocket-Protocol"), Some("sockeye.rooms.v1"));
    });
}
