//! The server's side of the opening handshake: requests in any pieces, what is answered to them, and what follows.

mod common;

use common::exec::{Tasks, run};
use common::patient;
use common::raw::{self, REQUEST, masked, request_with};
use common::setup::leak;
use common::wire::{Reader, Wire, Writer, pipe};
use embedded_io_async::ErrorKind;
use sockeye_embassy::proto::handshake::{AcceptError as Unacceptable, WriteError};
use sockeye_embassy::proto::{Limits, ProtocolError, Reject, Response};
use sockeye_embassy::{Accept, AcceptError, Config, Connection, Error, Host, Incoming, Origin, Resources, accept};

type Accepted = Result<Connection<'static, Reader, Writer>, AcceptError<ErrorKind>>;

/// What becomes of a request, and what is answered.
fn answer_to<const RX: usize, const TX: usize>(head: &[u8], config: Config<'static>) -> (Accepted, String) {
    let (_, end, up, down) = pipe(0, 1 << 16);
    up.put(head);
    let resources = leak(Resources::<_, RX, TX>::new());
    let accepted = run(accept(end.reader, end.writer, resources, leak(config)));
    (accepted, String::from_utf8(down.take_all()).expect("text"))
}

fn answer(head: &str, config: Config<'static>) -> (Accepted, String) {
    answer_to::<1024, 256>(head.as_bytes(), config)
}

fn incoming(head: &str, config: Config<'static>) -> (Incoming<'static, Reader, Writer>, Wire, Wire) {
    let (_, end, up, down) = pipe(0, 1 << 16);
    up.put(head.as_bytes());
    let resources = leak(Resources::<_, 1024, 256>::new());
    (run(Incoming::read(end.reader, end.writer, resources, leak(config))).expect("a request"), up, down)
}

#[track_caller]
fn check_refused(head: &[u8], config: Config<'static>, reject: Reject, status: u16) {
    check_answer(head, answer_to::<1024, 256>(head, config.clone()), reject, status);
    // The least write buffer that there can be.
    check_answer(head, answer_to::<1024, 131>(head, config), reject, status);
}

#[track_caller]
fn check_answer(head: &[u8], (result, answer): (Accepted, String), reject: Reject, status: u16) {
    let shown = String::from_utf8_lossy(&head[..head.len().min(300)]);
    assert_eq!(result.err(), Some(AcceptError::Rejected(reject)), "{shown}");
    assert_eq!(reject.status(), status);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}, to {shown}");
    assert!(answer.ends_with("Content-Length: 0\r\n\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(answer.contains("Sec-WebSocket-Version: 13"), status == 426, "{answer}");
    assert_eq!(answer.contains("Allow: GET"), status == 405, "{answer}");
}

#[test]
fn each_refusal_has_its_status() {
    let without = |line: &str| REQUEST.replace(line, "");
    let headers = |count| request_with(&vec!["X: y"; count].join("\r\n"));
    let cases: [(String, Reject, u16); 22] = [
        (request_with(&format!("X: {}", "x".repeat(1024))), Reject::HeadTooBig, 431),
        (headers(28), Reject::TooManyHeaders, 431),
        (headers(80), Reject::TooManyHeaders, 431),
        ("\r\n\r\n".into(), Reject::Malformed, 400),
        (request_with("no colon"), Reject::Malformed, 400),
        (request_with("X: a\nY: b"), Reject::Malformed, 400),
        (REQUEST.replace("HTTP/1.1", "HTTP/1.0"), Reject::HttpVersion, 400),
        (request_with("Host: localhost"), Reject::Repeated("Host"), 400),
        (request_with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), Reject::Repeated("Sec-WebSocket-Key"), 400),
        (without("Host: localhost\r\n"), Reject::Host, 400),
        (REQUEST.replace("localhost", "local host"), Reject::Host, 400),
        (request_with("Content-Length: 4"), Reject::Body, 400),
        (request_with("Transfer-Encoding: chunked"), Reject::Body, 400),
        (REQUEST.replace("GET", "POST"), Reject::Method, 405),
        (without("Connection: Upgrade\r\n"), Reject::Connection, 400),
        (without("Sec-WebSocket-Version: 13\r\n"), Reject::Version, 426),
        (REQUEST.replace("Version: 13", "Version: 8"), Reject::Version, 426),
        (without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), Reject::Key, 400),
        (REQUEST.replace("ZQ==", "Z==="), Reject::Key, 400),
        (request_with("Sec-WebSocket-Protocol: a, a"), Reject::Subprotocols, 400),
        (request_with("Sec-WebSocket-Extensions: ;"), Reject::Extensions, 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".into(), Reject::UpgradeRequired, 426),
    ];
    for (head, reject, status) in cases {
        check_refused(head.as_bytes(), Config::new(), reject, status);
    }
    let latin = [request_with("X: ").trim_end().as_bytes(), b" \xe9\r\n\r\n"].concat();
    check_refused(&latin, Config::new(), Reject::NotUtf8, 400);
}

#[test]
fn the_applications_own_refusals_have_their_status() {
    let own = [(Reject::NotFound, 404), (Reject::Unavailable { retry_after: 7 }, 503), (Reject::OriginNotAllowed, 403)];
    for (reject, status) in own {
        let (incoming, _up, down) = incoming(REQUEST, Config::new());
        assert_eq!(run(incoming.reject::<()>(reject)), Err(AcceptError::Rejected(reject)));
        let answer = String::from_utf8(down.take_all()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(answer.contains("\r\nRetry-After: 7\r\n"), status == 503, "{answer}");
    }
}

#[test]
fn who_is_meant_and_who_asks_is_checked() {
    const NAMES: &[&str] = &["sensor.local"];
    const PAGES: &[&str] = &["https://app.example"];
    let named = || Config { hosts: Host::Named(NAMES), ..Config::new() };
    let listed = || Config { origins: Origin::Listed(PAGES), ..Config::new() };
    let to = |host: &str| REQUEST.replace("Host: localhost", &format!("Host: {host}"));
    let of = |origin: &str| request_with(&format!("Origin: {origin}"));
    for (head, config) in [
        (to("192.168.4.1"), Config::new()),
        (to("[fe80::1]:8080"), Config::new()),
        (to("SENSOR.local:80"), named()),
        (to("evil.example"), Config { hosts: Host::Any, ..Config::new() }),
        (of("http://localhost"), Config::new()),
        (of("https://app.example"), listed()),
        (of("https://evil.example"), Config { origins: Origin::Any, ..Config::new() }),
    ] {
        assert!(answer(&head, config).0.is_ok(), "{head}");
    }
    for (head, config) in [
        (to("evil.example"), Config::new()),
        (to("sensor.local.evil.example"), named()),
        (to("sensor.local"), Config { origins: Origin::Any, ..Config::new() }),
    ] {
        check_refused(head.as_bytes(), config, Reject::HostNotAllowed, 421);
    }
    for (head, config) in [
        (of("https://evil.example"), Config::new()),
        (of("null"), Config::new()),
        (of("http://localhost:81"), Config::new()),
        (of("http://app.example"), listed()),
    ] {
        check_refused(head.as_bytes(), config, Reject::OriginNotAllowed, 403);
    }
}

/// A head of this many bytes, in a filler of its own.
fn head_of(len: usize) -> String {
    let head = request_with(&format!("X: {}", "x".repeat(len - REQUEST.len() - "X: \r\n".len())));
    assert_eq!(head.len(), len);
    head
}

#[test]
fn a_head_may_be_as_long_as_the_read_buffer() {
    fn check<const RX: usize>() {
        for (over, frames) in [(-1, true), (-1, false), (0, true), (0, false), (1, false), (2, true), (5000, true)] {
            let head = head_of((RX as i64 + over) as usize);
            let frames = if frames { masked(raw::TEXT, b"early") } else { vec![] };
            for rough in [false, true] {
                let (_, end, up, down) = pipe(over as u64, 1 << 16);
                if rough {
                    up.rough();
                }
                up.put(&[head.as_bytes(), &frames].concat());
                let resources = leak(Resources::<_, RX, 256>::new());
                run(async {
                    let accepted = accept(end.reader, end.writer, resources, leak(patient())).await;
                    let answer = String::from_utf8(down.take_all()).expect("text");
                    if over > 0 {
                        assert_eq!(accepted.err(), Some(AcceptError::Rejected(Reject::HeadTooBig)), "{over}");
                        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
                    } else {
                        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
                        let mut ws = accepted.expect("it fits");
                        if !frames.is_empty() {
                            let mut buffer = [0; 8];
                            let early = ws.receiver.message(&mut buffer).await.unwrap().unwrap();
                            assert_eq!(early.text(), Some("early"));
                        }
                    }
                });
            }
        }
    }
    check::<256>();
    check::<257>();
    check::<1024>();
}

#[test]
fn there_may_be_32_headers() {
    for (count, accepted) in [(27, true), (28, false), (59, false), (60, false)] {
        let head = request_with(&vec!["X: y"; count].join("\r\n"));
        let (result, answer) = answer(&head, Config::new());
        assert_eq!(result.is_ok(), accepted, "{} headers", count + 5);
        assert!(answer.starts_with(if accepted { "HTTP/1.1 101 " } else { "HTTP/1.1 431 " }), "{answer}");
    }
}

/// A request and the frames behind it, cut at every byte, and byte by byte.
#[test]
fn a_request_comes_in_any_pieces() {
    let frames = [masked(raw::TEXT, b"early"), masked(raw::PING, b"!"), masked(raw::TEXT, b"bird")].concat();
    let all = [request_with("Sec-WebSocket-Protocol: b, a").as_bytes(), &frames].concat();
    let config = Config { subprotocols: &["a", "b"], ..patient() };
    let cuts = (0..=all.len()).map(|cut| vec![cut, all.len()]);
    for cuts in cuts.chain([(0..=all.len()).collect()]) {
        let (_, end, up, down) = pipe(0, 1 << 16);
        let mut resources: Resources<'_, _, 256, 160> = Resources::new();
        let mut tasks = Tasks::new(0);
        let served = tasks.spawn(async {
            let mut ws = accept(end.reader, end.writer, &mut resources, &config).await.expect("it accepts");
            assert_eq!(ws.subprotocol, Some("b"), "the client's first choice");
            let mut buffer = [0; 8];
            for text in ["early", "bird"] {
                assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some(text));
            }
        });
        let mut start = 0;
        for cut in cuts {
            up.put(&all[start..cut]);
            start = cut;
            tasks.settle();
        }
        assert!(served.is_there());
        drop(tasks);
        let bytes = down.take_all();
        let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        assert!(bytes.starts_with(b"HTTP/1.1 101 "));
        assert_eq!(raw::frames(&bytes[at..])[0].parts(), (raw::PONG, &b"!"[..]));
    }
}

/// A client that leaves, or whose transport fails, is not answered.
#[test]
fn a_client_that_leaves_during_its_request_is_lost() {
    for sent in ["", "GET / HT", &REQUEST[..REQUEST.len() - 1]] {
        for reset in [false, true] {
            let (_, end, up, down) = pipe(0, 1 << 16);
            up.put(sent.as_bytes());
            if reset {
                up.reset();
            } else {
                up.end();
            }
            let resources = leak(Resources::<_, 256, 131>::new());
            let error = run(accept(end.reader, end.writer, resources, leak(patient()))).err();
            let expected = if reset {
                AcceptError::Connection(Error::Io(ErrorKind::ConnectionReset))
            } else {
                AcceptError::Connection(Error::Lost)
            };
            assert_eq!(error, Some(expected), "{sent:?}");
            assert_eq!(down.written(), 0);
        }
    }
}

#[test]
fn a_request_is_read_before_it_is_answered() {
    let head = request_with("Origin: http://localhost\r\nSec-WebSocket-Protocol: b, a\r\nX-Token: secret")
        .replace("GET / ", "GET /chat/room%20one?name=x ");
    let config = Config { headers: &[("X-Server", "here")], subprotocols: &["b"], ..Config::new() };
    let (incoming, _up, down) = incoming(&head, config);
    let request = incoming.request();
    assert_eq!((request.method(), request.path(), request.query()), ("GET", "/chat/room%20one", Some("name=x")));
    assert_eq!((request.host(), request.origin()), ("localhost", Some("http://localhost")));
    assert_eq!(request.header("x-token"), Some("secret"));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["b", "a"]);
    assert!(request.is_upgrade());
    assert_eq!((incoming.check_host(), incoming.check_origin()), (Ok(()), Ok(())));
    assert!(!format!("{incoming:?}").contains("secret"));
    assert_eq!(down.written(), 0);
    // The application's choice goes before the configuration's.
    let ws = run(incoming.accept(Accept { subprotocol: Some("a"), ..Accept::default() })).expect("it accepts");
    assert_eq!(ws.subprotocol, Some("a"));
    let shown = format!("{ws:?}");
    assert!(shown.contains(r#"subprotocol: Some("a")"#) && !shown.contains("secret"), "{shown}");
    let answer = String::from_utf8(down.take_all()).unwrap();
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: a\r\n"), "{answer}");
    assert!(answer.contains("\r\nX-Server: here\r\n"), "{answer}");
}

#[test]
fn the_clients_first_choice_that_is_spoken_is_taken() {
    for (offer, chosen) in [("b, a", Some("b")), ("x, a", Some("a")), ("x", None), ("A", None)] {
        let config = Config { subprotocols: &["a", "b"], ..Config::new() };
        let (ws, answer) = answer(&request_with(&format!("Sec-WebSocket-Protocol: {offer}")), config);
        assert_eq!(ws.expect("it accepts").subprotocol, chosen);
        assert_eq!(answer.contains("Sec-WebSocket-Protocol"), chosen.is_some(), "{answer}");
    }
}

#[test]
fn limits_of_its_own_go_before_those_of_the_configuration() {
    let (incoming, up, _down) = incoming(REQUEST, patient());
    let accept = Accept { limits: Some(Limits::message(3)), ..Accept::default() };
    run(async {
        let mut ws = incoming.accept(accept).await.expect("it accepts");
        up.put(&masked(raw::TEXT, b"four"));
        assert_eq!(ws.receiver.drain().await, Err(Error::Protocol(ProtocolError::MessageTooBig(4))));
    });
}

/// A mistake on this side is an error, and nothing is written.
#[test]
fn what_cannot_be_accepted_so_is_found_before_it_is_written() {
    const LONG: &str = "a-subprotocol-with-a-name-of-more-bytes-than-the-rest-of-the-write-buffer-has";
    let with_headers = |headers| Config { headers, ..Config::new() };
    let cases: [(Config<'static>, Accept<'static>, AcceptError<ErrorKind>); 5] = [
        (
            Config::new(),
            Accept { subprotocol: Some("not offered"), ..Accept::default() },
            AcceptError::Accept(Unacceptable::SubprotocolNotOffered),
        ),
        (
            Config { subprotocols: &[LONG], ..Config::new() },
            Accept::default(),
            AcceptError::Write(WriteError::TooSmall),
        ),
        (with_headers(&[("X-Bad", "a\r\nb")]), Accept::default(), AcceptError::Write(WriteError::Value)),
        (with_headers(&[("Bad name", "a")]), Accept::default(), AcceptError::Write(WriteError::Name)),
        (with_headers(&[("Sec-WebSocket-Accept", "a")]), Accept::default(), AcceptError::Write(WriteError::Name)),
    ];
    for (config, accept, error) in cases {
        let (_, end, up, down) = pipe(0, 1 << 16);
        up.put(request_with(&format!("Sec-WebSocket-Protocol: {LONG}")).as_bytes());
        let resources = leak(Resources::<_, 1024, 131>::new());
        run(async {
            let incoming = Incoming::read(end.reader, end.writer, resources, leak(config)).await.expect("a request");
            assert_eq!(incoming.accept(accept).await.err(), Some(error));
        });
        assert_eq!(down.written(), 0, "{error:?}");
    }
}

#[test]
fn a_page_is_answered_and_a_head_request_gets_its_head() {
    static PAGE: [u8; 3000] = [b'p'; 3000];
    for (method, rough) in [("GET", false), ("GET", true), ("HEAD", false)] {
        let (incoming, _up, down) = incoming(&format!("{method} /page HTTP/1.1\r\nHost: localhost\r\n\r\n"), patient());
        assert!(!incoming.request().is_upgrade());
        if rough {
            down.rough();
        }
        let page = Response::new(200).headers(&[("Content-Type", "text/html")]);
        run(incoming.respond(page, &PAGE)).expect("it is written");
        let answer = String::from_utf8(down.take_all()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nContent-Length: 3000"), "{head}");
        assert_eq!(body.len(), if method == "HEAD" { 0 } else { 3000 });
    }
}

/// RFC 9110 section 8.6: a 304 says the length that the 200 would have had, or none.
#[test]
fn not_modified_does_not_say_that_the_page_is_empty() {
    let (incoming, _up, down) = incoming("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Config::new());
    run(incoming.respond(Response::new(304).headers(&[("ETag", "\"1\"")]), &[])).expect("it is written");
    let answer = String::from_utf8(down.take_all()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 304 Not Modified\r\n") && answer.contains("ETag: \"1\""), "{answer}");
    assert!(!answer.contains("Content-Length: 0"), "{answer}");
}

/// A page that nobody takes to its end; one whose transport fails.
#[test]
fn a_page_that_cannot_be_written_says_why() {
    let (incoming, _up, down) = incoming("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Config::new());
    down.reset_at(200);
    let result = run(incoming.respond(Response::new(200), &[0; 4096]));
    assert_eq!(result, Err(AcceptError::Connection(Error::Io(ErrorKind::ConnectionReset))));
}

/// What follows a request that is not upgraded is not a second request (request smuggling).
#[test]
fn a_pipelined_second_request_is_never_answered() {
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for second in [plain, REQUEST] {
        check_refused(format!("{plain}{second}").as_bytes(), Config::new(), Reject::UpgradeRequired, 426);
    }
}
