//! The client's side of the opening handshake.

mod common;

use common::exec::{Tasks, run};
use common::patient;
use common::raw::{self, frame};
use common::setup::{answer_to, leak};
use common::wire::pipe;
use embassy_futures::join::join;
use embedded_io_async::ErrorKind;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::Request;
use sockeye_embassy::proto::handshake::{OfferError, WriteError};
use sockeye_embassy::{Config, ConnectError, Error, Resources, Uri, connect};

type Connected = Result<Option<&'static str>, ConnectError<ErrorKind>>;

/// What a client makes of an answer, in which `{accept}` becomes the right `Sec-WebSocket-Accept`. Then the server's
/// side ends.
fn result_of(answer: &str, config: Config<'static>) -> Connected {
    let (client, _, up, down) = pipe(0, 1 << 16);
    let resources = leak(Resources::<_, 512, 256, _>::new());
    let connecting = async {
        let uri = Uri::parse("ws://localhost/").expect("a URI");
        let rng = StdRng::seed_from_u64(1);
        connect(client.reader, client.writer, resources, leak(config), uri, rng).await.map(|ws| ws.subprotocol)
    };
    let serving = async {
        let right = String::from_utf8(answer_to(&up.take_all())).expect("text");
        let accept = right.split_once("Sec-WebSocket-Accept: ").expect("it is there").1;
        down.put(answer.replace("{accept}", &accept[..28]).as_bytes());
        down.end();
    };
    let result = run(join(connecting, serving)).0;
    assert_eq!(up.len(), 0, "no frame is sent to a server that did not consent");
    result
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
        (
            with("Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: one"),
            OfferError::Repeated("Sec-WebSocket-Protocol"),
        ),
        (with("Sec-WebSocket-Extensions: permessage-deflate"), OfferError::Extension),
        (RIGHT.replace("HTTP/1.1", "HTTP/1.0"), OfferError::Malformed),
        (RIGHT.replace(": websocket", " websocket"), OfferError::Malformed),
        (with(&vec!["X: y"; 62].join("\r\n")), OfferError::TooManyHeaders),
    ];
    for (answer, error) in cases {
        let result = result_of(&answer, Config { subprotocols: &["one"], ..patient() });
        assert_eq!(result, Err(ConnectError::Refused(error)), "{answer}");
    }
    let statuses = [
        ("302 Found\r\nLocation: ws://elsewhere.example/", 302, None),
        ("401 Unauthorized\r\nContent-Length: 4\r\n\r\nbody", 401, None),
        ("503 Service Unavailable\r\nRetry-After: 5", 503, Some(5)),
        ("503 Service Unavailable\r\nRetry-After: Fri, 27 Nov 2026 00:00:00 GMT", 503, None),
        ("200 OK\r\nUpgrade: websocket", 200, None),
    ];
    for (answer, status, retry_after) in statuses {
        let result = result_of(&format!("HTTP/1.1 {answer}\r\n\r\n"), patient());
        assert_eq!(result, Err(ConnectError::Status { status, retry_after }), "{answer}");
    }
    assert_eq!(result_of(RIGHT, patient()), Ok(None));
    let config = Config { subprotocols: &["one", "two"], ..patient() };
    assert_eq!(result_of(&with("Sec-WebSocket-Protocol: two"), config), Ok(Some("two")));
}

#[test]
fn an_answer_that_is_cut_is_lost() {
    for cut in [0, 1, 40, RIGHT.len() - 1] {
        assert_eq!(result_of(&RIGHT[..cut], patient()), Err(ConnectError::Connection(Error::Lost)), "{cut}");
    }
}

#[test]
fn an_answer_may_be_as_long_as_the_read_buffer() {
    let filled = |len: usize| {
        let fixed = RIGHT.len() - "{accept}".len() + 28 + "X: \r\n".len();
        with(&format!("X: {}", "x".repeat(len - fixed)))
    };
    for (len, fits) in [(511, true), (512, true), (513, false), (5000, false)] {
        let expected = if fits { Ok(None) } else { Err(ConnectError::HeadTooBig) };
        assert_eq!(result_of(&filled(len), patient()), expected, "{len} bytes");
    }
}

/// An answer and the frames behind it, cut at every byte, and byte by byte.
#[test]
fn an_answer_comes_in_any_pieces() {
    let config = patient();
    let frames = [frame(raw::TEXT, b"early"), frame(raw::PING, b"!"), frame(raw::TEXT, b"bird")].concat();
    let len = 129 + frames.len();
    for cuts in (0..=len).map(|cut| vec![cut, len]).chain([(0..=len).collect()]) {
        let (client, _, up, down) = pipe(0, 1 << 16);
        let mut resources: Resources<'_, _, 256, 131, _> = Resources::new();
        let mut tasks = Tasks::new(0);
        let talked = tasks.spawn(async {
            let uri = Uri::parse("ws://localhost/").expect("a URI");
            let rng = StdRng::seed_from_u64(1);
            let ws = connect(client.reader, client.writer, &mut resources, &config, uri, rng).await;
            let mut ws = ws.expect("it connects");
            let mut buffer = [0; 8];
            for text in ["early", "bird"] {
                assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some(text));
            }
        });
        tasks.settle();
        let all = [answer_to(&up.take_all()), frames.clone()].concat();
        assert_eq!(all.len(), len);
        let mut start = 0;
        for cut in cuts {
            assert!(start >= 129 || up.len() == 0, "something is sent before the answer is whole");
            down.put(&all[start..cut]);
            start = cut;
            tasks.settle();
        }
        assert!(talked.is_there());
        drop(tasks);
        assert_eq!(raw::frames(&up.take_all())[0].parts(), (raw::PONG, &b"!"[..]));
    }
}

#[test]
fn a_request_says_what_is_configured() {
    let config = Config { subprotocols: &["one", "two"], headers: &[("Authorization", "Bearer x")], ..patient() };
    let (client, _, up, _down) = pipe(0, 1 << 16);
    // A pipe of a few bytes: the request goes out in many writes.
    up.narrow(7);
    let mut resources: Resources<'_, _, 512, 131, _> = Resources::new();
    let mut tasks = Tasks::new(0);
    let uri = Uri::parse("ws://[::1]:8080/a/b?c=d").expect("a URI");
    let rng = StdRng::seed_from_u64(1);
    let connecting = tasks.spawn(connect(client.reader, client.writer, &mut resources, &config, uri, rng));
    tasks.settle();
    let mut head = Vec::new();
    while up.len() > 0 {
        head.extend(up.take_all());
        tasks.settle();
    }
    assert!(!connecting.is_there());
    let (request, len) = Request::parse(&head).expect("a request").expect("a whole one");
    assert_eq!(len, head.len());
    assert_eq!((request.path(), request.query()), ("/a/b", Some("c=d")));
    assert_eq!((request.host(), request.header("authorization")), ("[::1]:8080", Some("Bearer x")));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["one", "two"]);
}

/// Keys are fresh: two connections of one generator do not ask the same.
#[test]
fn each_request_has_a_key_of_its_own() {
    let config = patient();
    let mut keys = Vec::new();
    for seed in 0..50 {
        let (client, _, up, _down) = pipe(0, 1 << 16);
        let mut resources: Resources<'_, _, 512, 131, _> = Resources::new();
        let mut tasks = Tasks::new(0);
        let uri = Uri::parse("ws://h/").expect("a URI");
        let rng = StdRng::seed_from_u64(seed);
        tasks.spawn(connect(client.reader, client.writer, &mut resources, &config, uri, rng));
        tasks.settle();
        let head = up.take_all();
        let (request, _) = Request::parse(&head).expect("a request").expect("a whole one");
        keys.push(request.header("Sec-WebSocket-Key").expect("a key").to_owned());
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 50);
}

/// A mistake on this side is an error, and nothing is written.
#[test]
fn what_cannot_be_asked_so_is_found_before_it_is_written() {
    const LONG: &[(&str, &str)] =
        &[("Authorization", "a value that takes more bytes than the read buffer has for it all")];
    let cases: [(&'static [(&'static str, &'static str)], WriteError); 5] = [
        (&[("X-Bad", "a\r\nb")], WriteError::Value),
        (&[("Bad name", "a")], WriteError::Name),
        (&[("Sec-WebSocket-Key", "a")], WriteError::Name),
        (&[("X", "nul\0")], WriteError::Value),
        (LONG, WriteError::TooSmall),
    ];
    for (headers, error) in cases {
        let (client, _, up, _down) = pipe(0, 1 << 16);
        let resources = leak(Resources::<_, 200, 131, _>::new());
        let uri = Uri::parse("ws://h/").expect("a URI");
        let config = leak(Config { headers, ..patient() });
        let result = run(connect(client.reader, client.writer, resources, config, uri, StdRng::seed_from_u64(1)));
        assert_eq!(result.err(), Some(ConnectError::Write(error)));
        assert_eq!(up.written(), 0);
    }
}

#[test]
fn a_transport_that_fails_says_so() {
    for (of_request, at) in [(true, 0), (true, 1), (true, 100), (false, 0), (false, 50)] {
        let (client, _, up, down) = pipe(0, 1 << 16);
        let resources = leak(Resources::<_, 512, 131, _>::new());
        let uri = Uri::parse("ws://h/").expect("a URI");
        let connecting =
            connect(client.reader, client.writer, resources, leak(patient()), uri, StdRng::seed_from_u64(1));
        if of_request {
            up.reset_at(at);
        }
        let failing = async {
            if !of_request {
                down.put(&vec![b'H'; at as usize]);
                down.reset();
            }
        };
        let result = run(join(connecting, failing)).0;
        assert_eq!(result.err(), Some(ConnectError::Connection(Error::Io(ErrorKind::ConnectionReset))));
    }
}
