//! The client's side of the opening handshake, over the transport in memory and over TCP.

mod common;

use std::time::Duration;

use common::raw::{self, Raw, frame};
use common::run;
use common::wire::pipe;
use sockeye_tokio::proto::handshake::{OfferError, UriError};
use sockeye_tokio::proto::{Request, Response};
use sockeye_tokio::{CloseCode, Config, ConnectError, accept, connect, connect_over};
use tokio::net::TcpListener;

/// What a client makes of an answer. `{accept}` in it becomes the right `Sec-WebSocket-Accept`.
async fn result_of(answer: &str, config: Config) -> Result<Option<Box<str>>, ConnectError> {
    let (client, server, ..) = pipe(0, 64 * 1024);
    let serve = async {
        let mut raw = Raw::new(server);
        let request = raw.head().await;
        let (request, _) = Request::parse(request.as_bytes()).expect("a request").expect("a whole one");
        let mut out = [0; 512];
        let len = Response::accept(&request, None).expect("an upgrade").write(&mut out).expect("room");
        let right = str::from_utf8(&out[..len]).expect("text");
        let accept = right.split_once("Sec-WebSocket-Accept: ").expect("it is there").1;
        raw.send(answer.replace("{accept}", &accept[..28]).as_bytes()).await;
    };
    let connect = async { connect_over(client, "ws://localhost/", config).await.map(|ws| ws.subprotocol) };
    tokio::join!(connect, serve).0
}

const RIGHT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: {accept}\r\n\r\n";

fn with(header: &str) -> String {
    RIGHT.replace("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"))
}

#[test]
fn an_answer_is_trusted_only_if_it_is_right_in_everything() {
    let cases = [
        (RIGHT.replace("{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), OfferError::Accept),
        (RIGHT.replace("{accept}\r\n", "{accept}x\r\n"), OfferError::Accept),
        (RIGHT.replace("{accept}", ""), OfferError::Accept),
        (RIGHT.replace("Sec-WebSocket-Accept: {accept}\r\n", ""), OfferError::AcceptMissing),
        (with("Sec-WebSocket-Accept: {accept}"), OfferError::Repeated("Sec-WebSocket-Accept")),
        (RIGHT.replace("Upgrade: websocket", "Upgrade: h2c"), OfferError::Upgrade),
        (RIGHT.replace("Connection: Upgrade", "Connection: close"), OfferError::Connection),
        (with("Sec-WebSocket-Protocol: chat"), OfferError::Subprotocol),
        (with("Sec-WebSocket-Extensions: permessage-deflate"), OfferError::Extension),
        (RIGHT.replace("HTTP/1.1", "HTTP/1.0"), OfferError::Malformed),
        (RIGHT.replace(": websocket", " websocket"), OfferError::Malformed),
    ];
    for (answer, expected) in cases {
        run(async {
            let error = result_of(&answer, Config::default()).await.expect_err(&answer);
            assert!(matches!(&error, ConnectError::Answer(error) if *error == expected), "{answer}: {error:?}");
            assert_eq!(error.to_string(), expected.to_string());
        });
    }
    run(async { assert_eq!(result_of(RIGHT, Config::default()).await.unwrap(), None) });
}

#[test]
fn a_refusal_is_reported_with_what_it_says() {
    let cases = [
        ("404 Not Found\r\nContent-Length: 0", 404, None, None),
        ("302 Found\r\nLocation: wss://elsewhere.example/", 302, Some("wss://elsewhere.example/"), None),
        ("503 Service Unavailable\r\nRetry-After: 30", 503, None, Some(30)),
        ("503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 2027 23:59:59 GMT", 503, None, None),
        ("200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}", 200, None, None),
    ];
    for (answer, expected, to, after) in cases {
        run(async {
            let error = result_of(&format!("HTTP/1.1 {answer}\r\n\r\n"), Config::default()).await.unwrap_err();
            let ConnectError::Refused { status, location, retry_after } = &error else { panic!("{error:?}") };
            assert_eq!((*status, location.as_deref()), (expected, to));
            assert_eq!(*retry_after, after.map(Duration::from_secs));
            assert!(error.to_string().contains(&expected.to_string()), "{error}");
            assert!(to.is_none_or(|to| error.to_string().contains(to)), "{error}");
        });
    }
}

#[test]
fn an_answer_that_is_too_long_or_does_not_end_is_refused() {
    run(async {
        let config = || Config { head: 1000, ..Config::default() };
        let error = result_of(&with(&format!("X: {}", "x".repeat(1000))), config()).await.unwrap_err();
        assert!(matches!(error, ConnectError::HeadTooBig), "{error:?}");
        for cut in [0, 1, RIGHT.len() - 1] {
            let error = result_of(&RIGHT[..cut], config()).await.unwrap_err();
            assert!(matches!(error, ConnectError::Lost), "{cut}: {error:?}");
        }
    });
}

#[test]
fn frames_in_the_segment_of_the_answer_are_kept() {
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let early = [frame(raw::TEXT, b"early"), frame(raw::TEXT, b"bird")].concat();
        let (ws, _raw) =
            tokio::join!(connect_over(client, "ws://h/", Config::default()), Raw::server_with(server, &early[..9]));
        let mut ws = ws.unwrap();
        assert_eq!(ws.receiver.message().await.unwrap().unwrap().text(), Some("early"));
        let mut raw = _raw;
        raw.send(&early[9..]).await;
        assert_eq!(ws.receiver.message().await.unwrap().unwrap().text(), Some("bird"));
    });
}

#[test]
fn a_request_says_what_is_configured() {
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let config = Config {
            subprotocols: vec!["one".into(), "two".into()],
            headers: vec![("Authorization".into(), "Bearer x".into())],
            ..Config::default()
        };
        let serve = async {
            let incoming = sockeye_tokio::Incoming::read(server, Config::default()).await.unwrap();
            let request = incoming.request();
            assert_eq!((request.path(), request.query()), ("/a/b", Some("c=d")));
            assert_eq!((request.host(), request.header("authorization")), ("[::1]:8080", Some("Bearer x")));
            assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["one", "two"]);
            let accept = sockeye_tokio::Accept { subprotocol: Some("two"), ..Default::default() };
            incoming.accept(accept).await.unwrap()
        };
        let (ws, _server) = tokio::join!(connect_over(client, "ws://[::1]:8080/a/b?c=d", config), serve);
        assert_eq!(ws.unwrap().subprotocol.as_deref(), Some("two"));
    });
}

/// A mistake on this side is an error, and nothing is written.
#[test]
fn what_cannot_be_asked_so_is_found_before_it_is_written() {
    for (name, value) in [("X-Bad", "a\r\nb"), ("Bad name", "a"), ("Sec-WebSocket-Key", "a"), ("X", "nul\0")] {
        run(async {
            let (client, server, ..) = pipe(0, 64 * 1024);
            let config = Config { headers: vec![(name.into(), value.into())], ..Config::default() };
            let error = connect_over(client, "ws://h/", config).await.unwrap_err();
            assert!(matches!(error, ConnectError::Write(_)), "{error:?}");
            assert_eq!(Raw::new(server).rest().await, b"");
        });
    }
}

#[test]
fn uris_that_are_none_are_refused() {
    let cases = [
        ("http://h/", UriError::Scheme),
        ("h:80", UriError::Scheme),
        ("", UriError::Scheme),
        ("ws:h", UriError::Host),
        ("ws:///path", UriError::Host),
        ("ws://user@h/", UriError::UserInfo),
        ("ws://h:0/", UriError::Port),
        ("ws://h:99999/", UriError::Port),
        ("ws://h/#fragment", UriError::Fragment),
        ("ws://h/a b", UriError::Path),
        ("ws://h/\r\nX: y", UriError::Path),
    ];
    for (uri, expected) in cases {
        run(async {
            let error = connect(uri, Config::default()).await.unwrap_err();
            assert!(matches!(error, ConnectError::Uri(error) if error == expected), "{uri}: {error:?}");
        });
    }
    #[cfg(not(feature = "tls"))]
    run(async {
        let error = connect("wss://localhost/", Config::default()).await.unwrap_err();
        assert!(matches!(error, ConnectError::NoTls), "{error:?}");
    });
}

/// Over TCP: by name, by IPv4 and by IPv6 address, whatever of them this machine has.
#[tokio::test]
async fn hosts_are_reached_by_name_and_by_address() {
    for (bind, host) in [("127.0.0.1:0", "127.0.0.1"), ("127.0.0.1:0", "localhost"), ("[::1]:0", "[::1]")] {
        let listener = match TcpListener::bind(bind).await {
            Ok(listener) => listener,
            Err(error) if bind.starts_with('[') => {
                println!("no IPv6 here: {error}");
                continue;
            }
            Err(error) => panic!("{bind}: {error}"),
        };
        let port = listener.local_addr().unwrap().port();
        let serve = async {
            let (socket, _) = listener.accept().await.unwrap();
            let mut ws = accept(socket, Config::default()).await.unwrap();
            while let Some(message) = ws.receiver.message().await.unwrap() {
                ws.sender.send(message.kind, message.payload).await.unwrap();
            }
        };
        let talk = async {
            let mut ws = connect(&format!("ws://{host}:{port}/"), Config::default()).await.unwrap();
            ws.sender.text("over TCP").await.unwrap();
            assert_eq!(ws.receiver.message().await.unwrap().unwrap().text(), Some("over TCP"));
            ws.close(CloseCode::NORMAL, "").await.unwrap();
        };
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(serve, talk) }).await.unwrap();
    }
}

#[tokio::test]
async fn a_port_that_nobody_listens_at_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = connect(&format!("ws://{address}/"), Config::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
}
