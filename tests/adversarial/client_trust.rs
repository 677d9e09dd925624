//! What a client takes for a consent.

use sockeye_tests::{Hostile, accept_of, accepting, beside_a_bystander as client_test};
use sockeye_tokio::proto::handshake::OfferError;
use sockeye_tokio::{Config, ConnectError, connect};

/// Makes a wrong answer of a right one and its `Sec-WebSocket-Accept`.
type Change = fn(String, &str) -> String;

/// Asserts that each such answer fails the client, and that the client sends nothing on such a connection.
fn assert_refused(cases: &[(&str, Change, OfferError)]) {
    client_test(async {
        for (name, change, expected) in cases {
            let change = *change;
            let hostile = Hostile::answering(move |raw, key| {
                raw.send(change(accepting(key, ""), &accept_of(key)).as_bytes());
                raw.rest()
            });
            let config = Config { subprotocols: vec!["chat.v1".into(), "chat.v2".into()], ..Config::default() };
            match connect(&hostile.url(), config).await {
                Err(ConnectError::Answer(error)) => assert_eq!(error, *expected, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(hostile.join(), b"", "{name}");
        }
    });
}

const ACCEPT: &str = "Sec-WebSocket-Accept";

fn header(answer: &str, line: &str) -> String {
    answer.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"))
}

#[test]
fn the_accept_answers_the_key() {
    assert_refused(&[
        ("missing", |answer, accept| answer.replace(&format!("{ACCEPT}: {accept}\r\n"), ""), OfferError::AcceptMissing),
        ("empty", |answer, accept| answer.replace(accept, ""), OfferError::Accept),
        ("wrong", |answer, accept| answer.replace(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), OfferError::Accept),
        ("of the empty key", |answer, accept| answer.replace(accept, &accept_of("")), OfferError::Accept),
        ("its first byte", |answer, accept| answer.replace(accept, &accept[..1]), OfferError::Accept),
        ("all but its last byte", |answer, accept| answer.replace(accept, &accept[..27]), OfferError::Accept),
        ("a byte more", |answer, accept| answer.replace(accept, &format!("{accept}=")), OfferError::Accept),
        (
            "followed by another",
            |answer, accept| answer.replace(accept, &format!("{accept}, {accept}")),
            OfferError::Accept,
        ),
        ("in small letters", |answer, accept| answer.replace(accept, &accept.to_lowercase()), OfferError::Accept),
        ("quoted", |answer, accept| answer.replace(accept, &format!("\"{accept}\"")), OfferError::Accept),
        ("twice", |answer, accept| header(&answer, &format!("{ACCEPT}: {accept}")), OfferError::Repeated(ACCEPT)),
        ("twice, then wrong", |answer, _| header(&answer, "sec-websocket-accept: x"), OfferError::Repeated(ACCEPT)),
    ]);
}

#[test]
fn the_upgrade_is_to_a_websocket() {
    assert_refused(&[
        ("no Upgrade", |answer, _| answer.replace("Upgrade: websocket\r\n", ""), OfferError::Upgrade),
        ("another", |answer, _| answer.replace("websocket", "h2c"), OfferError::Upgrade),
        ("a longer one", |answer, _| answer.replace("websocket", "websockets"), OfferError::Upgrade),
        ("two", |answer, _| answer.replace("websocket", "websocket, h2c"), OfferError::Upgrade),
        ("no Connection", |answer, _| answer.replace("Connection: Upgrade\r\n", ""), OfferError::Connection),
        ("close", |answer, _| answer.replace("Connection: Upgrade", "Connection: close"), OfferError::Connection),
    ]);
}

#[test]
fn only_what_was_offered_is_chosen() {
    const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    assert_refused(&[
        ("a subprotocol", |answer, _| header(&answer, "Sec-WebSocket-Protocol: chat.v3"), OfferError::Subprotocol),
        ("a prefix of one", |answer, _| header(&answer, "Sec-WebSocket-Protocol: chat"), OfferError::Subprotocol),
        ("in capitals", |answer, _| header(&answer, "Sec-WebSocket-Protocol: CHAT.V1"), OfferError::Subprotocol),
        ("both", |answer, _| header(&answer, "Sec-WebSocket-Protocol: chat.v1, chat.v2"), OfferError::Subprotocol),
        ("none", |answer, _| header(&answer, "Sec-WebSocket-Protocol:"), OfferError::Subprotocol),
        (
            "two subprotocols",
            |answer, _| header(&header(&answer, "Sec-WebSocket-Protocol: chat.v1"), "Sec-WebSocket-Protocol: chat.v1"),
            OfferError::Repeated(PROTOCOL),
        ),
        (
            "an extension",
            |answer, _| header(&answer, "Sec-WebSocket-Extensions: permessage-deflate"),
            OfferError::Extension,
        ),
        ("an unknown one", |answer, _| header(&answer, "sec-websocket-extensions: x"), OfferError::Extension),
        (
            "two extensions",
            |answer, _| header(&header(&answer, "Sec-WebSocket-Extensions: x"), "Sec-WebSocket-Extensions: y"),
            OfferError::Repeated(EXTENSIONS),
        ),
    ]);
}

#[test]
fn the_answer_is_http() {
    assert_refused(&[
        ("HTTP/1.0", |answer, _| answer.replace("HTTP/1.1", "HTTP/1.0"), OfferError::Malformed),
        ("HTTP/2", |answer, _| answer.replace("HTTP/1.1", "HTTP/2"), OfferError::Malformed),
        ("no version", |answer, _| answer.replace("HTTP/1.1 ", ""), OfferError::Malformed),
        ("two digits", |answer, _| answer.replace("101", "10"), OfferError::Malformed),
        ("four digits", |answer, _| answer.replace("101", "1010"), OfferError::Malformed),
        ("a sign", |answer, _| answer.replace("101", "+01"), OfferError::Malformed),
        ("a control character in its reason", |answer, _| answer.replace("Switching", "\x01"), OfferError::Malformed),
        ("LF in its reason", |answer, _| answer.replace("Switching", "a\nb"), OfferError::Malformed),
        ("a space before a colon", |answer, _| answer.replace("Upgrade:", "Upgrade :"), OfferError::Malformed),
        ("a folded line", |answer, _| header(&answer, "A: b\r\n c"), OfferError::Malformed),
        ("NUL", |answer, _| header(&answer, "A: b\0"), OfferError::Malformed),
        ("no colon", |answer, _| header(&answer, "A"), OfferError::Malformed),
    ]);
}

#[test]
fn what_differs_in_form_only_is_taken() {
    client_test(async {
        let changes: [fn(String) -> String; 6] = [
            |answer| answer,
            |answer| answer.replace("Switching Protocols", ""),
            |answer| answer.replace("Upgrade: websocket", "UPGRADE:WebSocket"),
            |answer| answer.replace("Connection: Upgrade", "connection:\t keep-alive , upgrade  "),
            |answer| header(&answer, "Sec-WebSocket-Protocol: chat.v2"),
            |answer| header(&answer, "Set-Cookie: a=b\r\nSet-Cookie: c=d"),
        ];
        for change in changes {
            let hostile = Hostile::answering(move |raw, key| raw.send(change(accepting(key, "")).as_bytes()));
            let config = Config { subprotocols: vec!["chat.v1".into(), "chat.v2".into()], ..Config::default() };
            connect(&hostile.url(), config).await.expect("it is an answer");
            hostile.join();
        }
    });
}

#[test]
fn a_server_that_ends_before_its_answer() {
    client_test(async {
        for part in ["", "H", "HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 101\r\nUpgrade: websocket\r\n\r"] {
            let hostile = Hostile::answering(move |raw, _| raw.send(part.as_bytes()));
            let error = connect(&hostile.url(), Config::default()).await.expect_err("it is no answer");
            assert!(matches!(error, ConnectError::Lost | ConnectError::Io(_)), "{part:?}: {error}");
            hostile.join();
        }
    });
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    client_test(async {
        let hostile = Hostile::answering(|raw, _| {
            raw.send(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nRetry-After: 7\r\n\r\n");
        });
        match connect(&hostile.url(), Config::default()).await {
            Err(ConnectError::Refused { status, location, retry_after }) => {
                assert_eq!(status, 302);
                assert_eq!(location.as_deref(), Some("ws://127.0.0.1:1/"));
                assert_eq!(retry_after, Some(std::time::Duration::from_secs(7)));
            }
            other => panic!("{other:?}"),
        }
        hostile.join();
    });
}
