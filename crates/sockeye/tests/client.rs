//! The opening handshake as a client leads it (RFC 6455 sections 3 and 4.1): URI, offer, and the server's answer.

mod common;

use common::Counted;
use common::http::*;
use data_encoding::BASE64;
use rand::{SeedableRng, rngs::StdRng};
use sockeye::handshake::{AnswerHead, OfferError, Uri, UriError, WriteError};
use sockeye::{Offer, Request, Response};

// Section 3: URIs

#[test]
fn a_uri_names_scheme_host_port_and_target() {
    for (uri, secure, host, port, host_header, target) in [
        ("ws://example.com", false, "example.com", 80, "example.com", "/"),
        ("wss://example.com", true, "example.com", 443, "example.com", "/"),
        ("WS://Example.COM/", false, "Example.COM", 80, "Example.COM", "/"),
        ("wSs://a/b", true, "a", 443, "a", "/b"),
        ("ws://a:80/", false, "a", 80, "a", "/"),
        ("ws://a:443/", false, "a", 443, "a:443", "/"),
        ("wss://a:443/", true, "a", 443, "a", "/"),
        ("wss://a:80/", true, "a", 80, "a:80", "/"),
        ("ws://a:1/", false, "a", 1, "a:1", "/"),
        ("ws://a:65535", false, "a", 65535, "a:65535", "/"),
        ("ws://a:00080", false, "a", 80, "a", "/"),
        ("ws://a:/x", false, "a", 80, "a", "/x"),
        ("ws://127.0.0.1:9001/echo?x=1&y=2", false, "127.0.0.1", 9001, "127.0.0.1:9001", "/echo?x=1&y=2"),
        ("ws://a?q", false, "a", 80, "a", "/?q"),
        ("ws://a?q=/r", false, "a", 80, "a", "/?q=/r"),
        ("ws://a/?", false, "a", 80, "a", "/?"),
        ("ws://a//b", false, "a", 80, "a", "//b"),
        ("ws://a/b:c@d", false, "a", 80, "a", "/b:c@d"),
        ("ws://a/%23%20", false, "a", 80, "a", "/%23%20"),
        ("ws://[::1]", false, "::1", 80, "[::1]", "/"),
        ("wss://[2001:db8::1]:8443/x", true, "2001:db8::1", 8443, "[2001:db8::1]:8443", "/x"),
        ("ws://xn--bcher-kva.example/", false, "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"),
    ] {
        let parsed = Uri::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert_eq!((parsed.is_secure(), parsed.host(), parsed.port()), (secure, host, port), "{uri}");
        let request = written(&Offer::new(parsed, &mut Counted::new(1)));
        let start = format!("GET {target} HTTP/1.1\r\nHost: {host_header}\r\n");
        assert!(request.starts_with(&start), "{uri}: {request}");
    }
}

#[test]
fn what_is_no_websocket_uri_is_refused() {
    for (uri, error) in [
        ("", UriError::Scheme),
        ("example.com", UriError::Scheme),
        ("//example.com", UriError::Scheme),
        ("://a", UriError::Scheme),
        ("http://a", UriError::Scheme),
        ("https://a", UriError::Scheme),
        ("wsss://a", UriError::Scheme),
        (" ws://a", UriError::Scheme),
        ("localhost:9001", UriError::Scheme),
        ("ws:", UriError::Host),
        ("ws:a", UriError::Host),
        ("ws:/a", UriError::Host),
        ("ws://", UriError::Host),
        ("ws:///x", UriError::Host),
        ("ws://?x", UriError::Host),
        ("ws://:80", UriError::Host),
        ("ws://a b/", UriError::Host),
        ("ws://a\\b/", UriError::Host),
        ("ws://a\r\nX: b/", UriError::Port),
        ("ws://a\r\n/", UriError::Host),
        ("ws://a\0/", UriError::Host),
        ("ws://bücher.example/", UriError::Host),
        ("ws://[::1", UriError::Port),
        ("ws://[]", UriError::Host),
        ("ws://[1]", UriError::Host),
        ("ws://[::g]", UriError::Host),
        ("ws://[::1]x", UriError::Host),
        ("ws://::1/", UriError::Port),
        ("ws://a:0", UriError::Port),
        ("ws://a:65536", UriError::Port),
        ("ws://a:99999", UriError::Port),
        ("ws://a:000080", UriError::Port),
        ("ws://a:4294967376", UriError::Port),
        ("ws://a:x", UriError::Port),
        ("ws://a:-1", UriError::Port),
        ("ws://a:+80", UriError::Port),
        ("ws://a:80:80", UriError::Port),
        ("ws://a#", UriError::Fragment),
        ("ws://a/#", UriError::Fragment),
        ("ws://a/b?c#d", UriError::Fragment),
        ("ws://user@a", UriError::UserInfo),
        ("ws://user:secret@a/", UriError::UserInfo),
        ("ws://@a/", UriError::UserInfo),
        ("ws://a/b c", UriError::Path),
        ("ws://a/é", UriError::Path),
        ("ws://a/\r\nX: b", UriError::Path),
        ("ws://a/?\n", UriError::Path),
        ("ws://a/\0", UriError::Path),
        ("ws://a/\t", UriError::Path),
        ("ws://a/\u{7f}", UriError::Path),
    ] {
        assert_eq!(Uri::parse(uri), Err(error), "{uri:?}");
        assert!(error.to_string().len() > 15, "{error}");
    }
}

// Section 4.1: the request

fn uri() -> Uri<'static> {
    Uri::parse("ws://server.example.com:8080/chat?room=1").expect("a URI")
}

/// Writes into every size from 0 to one more than enough: only what is enough succeeds.
#[track_caller]
fn written(offer: &Offer<'_>) -> String {
    let mut big = vec![0; 4096];
    let len = offer.write(&mut big).expect("a valid offer");
    for size in 0..=len + 1 {
        let mut out = vec![b'?'; size];
        let result = offer.write(&mut out);
        if size < len {
            assert_eq!(result, Err(WriteError::TooSmall), "{size} of {len} bytes");
        } else {
            assert_eq!((result, &out[..len]), (Ok(len), &big[..len]));
        }
    }
    big.truncate(len);
    String::from_utf8(big).expect("UTF-8")
}

#[test]
fn an_offer_is_a_request_that_a_server_reads_back() {
    let offer = Offer::new(uri(), &mut Counted::new(1))
        .subprotocols(&["chat", "v2"])
        .headers(&[("Origin", "http://server.example.com:8080"), ("Authorization", "Bearer é")]);
    let text = written(&offer);
    check_request(text.as_bytes(), Ok(Is::Upgrade));
    let request = request(text.as_bytes());
    assert_eq!((request.method(), request.path(), request.query()), ("GET", "/chat", Some("room=1")));
    assert_eq!((request.host(), request.header("Sec-WebSocket-Version")), ("server.example.com:8080", Some("13")));
    assert_eq!((request.header("Upgrade"), request.header("Connection")), (Some("websocket"), Some("Upgrade")));
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "v2"]);
    assert_eq!(request.extensions().count(), 0);
    assert_eq!(request.origin(), Some("http://server.example.com:8080"));
    assert_eq!(request.header("Authorization"), Some("Bearer é"));
    assert_eq!(request.headers().count(), 8);
    let plain = written(&Offer::new(uri(), &mut Counted::new(1)));
    assert!(!plain.contains("Protocol") && !plain.contains("Origin") && !plain.contains("Extensions"));
}

#[test]
fn the_key_is_16_fresh_bytes_of_the_generator() {
    let mut rng = Counted::new(9);
    let mut keys = Vec::new();
    for _ in 0..20 {
        let text = written(&Offer::new(uri(), &mut rng));
        keys.push(request(text.as_bytes()).header("Sec-WebSocket-Key").unwrap().to_owned());
    }
    let expect: Vec<String> = rng.given.chunks(16).map(|nonce| BASE64.encode(nonce)).collect();
    assert_eq!(keys, expect);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 20);
    // The same offer keeps its key, whatever it is written to.
    let offer = Offer::new(uri(), &mut StdRng::seed_from_u64(1));
    assert_eq!(written(&offer), written(&offer));
    assert_ne!(written(&offer), written(&Offer::new(uri(), &mut rand::rng())));
}

#[test]
fn subprotocols_are_offered_as_unique_tokens() {
    let refused: [&[&str]; 9] =
        [&[""], &["a b"], &["a,b"], &["é"], &["a", ""], &["a", "b", "a"], &["a\r\nX: b"], &["a\0"], &["\"a\""]];
    for subprotocols in refused {
        let offer = Offer::new(uri(), &mut Counted::new(1)).subprotocols(subprotocols);
        assert_eq!(offer.write(&mut [0; 1024]), Err(WriteError::Value), "{subprotocols:?}");
    }
    let text = written(&Offer::new(uri(), &mut Counted::new(1)).subprotocols(&["a", "A", "a.b!"]));
    assert!(text.contains("\r\nSec-WebSocket-Protocol: a, A, a.b!\r\n"), "{text}");
}

#[test]
fn headers_that_could_smuggle_or_are_the_handshakes_own_are_refused() {
    let own = ["Host", "UPGRADE", "connection", "Content-Length", "Transfer-Encoding"];
    let own = own.into_iter().chain(["Sec-WebSocket-Key", "sec-websocket-version", "Sec-WebSocket-Extensions"]);
    for name in own.chain(["", "X Y", "X:", "X\r\nY", "\0", "é"]) {
        let headers = [(name, "1")];
        let offer = Offer::new(uri(), &mut Counted::new(1)).headers(&headers);
        assert_eq!(offer.write(&mut [0; 1024]), Err(WriteError::Name), "{name:?}");
    }
    for value in ["\r", "\n", "\0", "a\r\nX: b", "a\r\n\r\nGET / HTTP/1.1", "a\u{7f}", "\u{1b}[2J"] {
        let headers = [("X", value)];
        let offer = Offer::new(uri(), &mut Counted::new(1)).headers(&headers);
        assert_eq!(offer.write(&mut [0; 1024]), Err(WriteError::Value), "{value:?}");
    }
}

// Section 4.1: the answer

/// A generator that gives the nonce of the RFC, so that the key and its answer are those of the RFC.
struct Sample;

impl rand::TryRng for Sample {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(NONCE);
        Ok(())
    }
}

impl rand::TryCryptoRng for Sample {}

/// The answer, cut at every point and with frames after it: the subprotocol, or what is wrong.
#[track_caller]
fn check_answer(answer: &[u8], expect: Result<Option<&str>, OfferError>) {
    let offer = Offer::new(uri(), &mut Sample).subprotocols(&["chat", "v2"]);
    assert!(written(&offer).contains(KEY));
    let check = |bytes: &[u8]| {
        let checked = offer.check(bytes)?;
        Ok(checked.map(|(answer, len)| (answer.subprotocol().map(str::to_owned), len)))
    };
    let shown = String::from_utf8_lossy(answer);
    let expect = expect.map(|subprotocol| Some((subprotocol.map(str::to_owned), answer.len())));
    assert_eq!(check(answer), expect, "{shown}");
    for cut in 0..answer.len() {
        assert_eq!(check(&answer[..cut]), Ok(None), "cut at {cut}: {shown}");
    }
    for after in [&b"\x81\x05Hello"[..], b"\r\n\r\n", b"\xff"] {
        assert_eq!(check(&[answer, after].concat()), expect, "with bytes after it: {shown}");
    }
}

/// A valid answer, but the line that starts with `name` replaced by these; with an empty name they are added.
fn answer_with<L: AsRef<[u8]>>(name: &str, lines: &[L]) -> Vec<u8> {
    let accept = format!("Sec-WebSocket-Accept: {ACCEPT}");
    let mut all: Vec<&[u8]> = Vec::new();
    for line in ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", &accept] {
        if !name.is_empty() && line.starts_with(name) {
            all.extend(lines.iter().map(AsRef::as_ref));
        } else {
            all.push(line.as_bytes());
        }
    }
    if name.is_empty() {
        all.extend(lines.iter().map(AsRef::as_ref));
    }
    head(all)
}

#[test]
fn the_answer_of_the_rfc_is_taken() {
    check_answer(&answer_with::<&str>("", &[]), Ok(None));
    let accept = format!("sec-websocket-ACCEPT: \t {ACCEPT} \t");
    check_answer(&answer_with("Sec-WebSocket-Accept", &[accept]), Ok(None));
    for line in ["HTTP/1.1 101 ", "HTTP/1.1 101", "HTTP/1.1 101 Web Socket Protocol Handshake"] {
        check_answer(&answer_with("HTTP", &[line]), Ok(None));
    }
    check_answer(&answer_with("", &["Server: x", "Set-Cookie: a=b", "Set-Cookie: c=d"]), Ok(None));
}

#[test]
fn an_accept_that_is_wrong_cut_missing_or_doubled_fails() {
    for accept in [
        "",
        "=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",   // without its padding
        "s3pPLMBiTxaQ9kYGzzhZRbK+xO",    // cut
        "s3pPLMBiTxaQ",                  // a prefix
        "s",                             //
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo==", // longer
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=x",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=", // another bit
        "S3PPLMBITXAQ9KYGZZHZRBK+XOO=", // another case
        "dGhlIHNhbXBsZSBub25jZQ==",     // our own key
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"",
    ] {
        let line = format!("Sec-WebSocket-Accept: {accept}");
        check_answer(&answer_with("Sec-WebSocket-Accept", &[line]), Err(OfferError::Accept));
    }
    check_answer(&answer_with::<&str>("Sec-WebSocket-Accept", &[]), Err(OfferError::AcceptMissing));
    let again = format!("sec-websocket-accept: {ACCEPT}");
    check_answer(&answer_with("", &[again.as_str()]), Err(OfferError::Repeated("Sec-WebSocket-Accept")));
    let other = "Sec-WebSocket-Accept: x";
    check_answer(&answer_with("", &[other]), Err(OfferError::Repeated("Sec-WebSocket-Accept")));
}

#[test]
fn the_upgrade_of_an_answer_is_websocket_in_any_case() {
    for line in ["Upgrade: websocket", "UPGRADE:WebSocket", "upgrade: \tWEBSOCKET "] {
        check_answer(&answer_with("Upgrade", &[line]), Ok(None));
    }
    for lines in [
        &[][..],
        &["Upgrade:"],
        &["Upgrade: ,"],
        &["Upgrade: h2c"],
        &["Upgrade: websockets"],
        &["Upgrade: web"],
        &["Upgrade: websocket/13"],
        &["Upgrade: websocket, h2c"],
        &["Upgrade: h2c, websocket"],
        &["Upgrade: websocket", "Upgrade: h2c"],
    ] {
        check_answer(&answer_with("Upgrade", lines), Err(OfferError::Upgrade));
    }
}

#[test]
fn the_connection_of_an_answer_has_the_upgrade_token() {
    for lines in [
        &["connection: upgrade"][..],
        &["Connection: UPGRADE"],
        &["Connection: keep-alive, Upgrade"],
        &["Connection: ,Upgrade, ,"],
        &["Connection: keep-alive", "Connection: Upgrade"],
    ] {
        check_answer(&answer_with("Connection", lines), Ok(None));
    }
    for lines in [&[][..], &["Connection:"], &["Connection: ,"], &["Connection: close"], &["Connection: Upgraded"]] {
        check_answer(&answer_with("Connection", lines), Err(OfferError::Connection));
    }
}

#[test]
fn an_extension_that_was_not_offered_fails() {
    for value in ["permessage-deflate", "permessage-deflate; server_max_window_bits=15", "x", ","] {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        check_answer(&answer_with("", &[line]), Err(OfferError::Extension));
    }
    let twice = ["Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: x"];
    check_answer(&answer_with("", &twice), Err(OfferError::Repeated("Sec-WebSocket-Extensions")));
}

#[test]
fn a_subprotocol_that_was_not_offered_fails() {
    for chosen in ["chat", "v2"] {
        let line = format!("Sec-WebSocket-Protocol: {chosen}");
        check_answer(&answer_with("", &[line]), Ok(Some(chosen)));
    }
    for value in ["", "Chat", "v1", "chat, v2", "chat,", "\"chat\""] {
        let line = format!("Sec-WebSocket-Protocol: {value}");
        check_answer(&answer_with("", &[line]), Err(OfferError::Subprotocol));
    }
    let twice = ["Sec-WebSocket-Protocol: chat", "sec-websocket-protocol: chat"];
    check_answer(&answer_with("", &twice), Err(OfferError::Repeated("Sec-WebSocket-Protocol")));
    // Nothing was offered, so nothing may be chosen.
    let answer = answer_with("", &["Sec-WebSocket-Protocol: chat"]);
    let error = Offer::new(uri(), &mut Sample).check(&answer).unwrap_err();
    assert_eq!(error, OfferError::Subprotocol);
}

#[test]
fn another_status_is_a_plain_response_that_can_be_read() {
    for (line, status) in [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.1 302 Found", 302),
        ("HTTP/1.1 401 Unauthorized", 401),
        ("HTTP/1.1 426 ", 426),
        ("HTTP/1.1 503", 503),
        ("HTTP/1.1 100 Continue", 100),
        ("HTTP/1.1 111 x", 111),
    ] {
        // Also with all the other headers of an acceptance.
        check_answer(&answer_with("HTTP", &[line]), Err(OfferError::Status(status)));
        let head = answer_with("HTTP", &[line, "Location: ws://b/", "WWW-Authenticate: Basic", "Retry-After: 7"]);
        let bytes = [&head[..], b"body"].concat();
        let (answer, len) = AnswerHead::parse(&bytes).unwrap().unwrap();
        assert_eq!((answer.status(), &bytes[len..]), (status, &b"body"[..]));
        assert_eq!(answer.header("location"), Some("ws://b/"));
        assert_eq!(answer.header("www-authenticate"), Some("Basic"));
        assert_eq!((answer.header("Retry-After"), answer.header("Server")), (Some("7"), None));
    }
}

#[test]
fn a_malformed_answer_fails() {
    for line in [
        "",
        "HTTP",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 10",
        "HTTP/1.1 1011",
        "HTTP/1.1 101x",
        "HTTP/1.1  101 a",
        "HTTP/1.1\t101 a",
        "HTTP/1.1 +10 a",
        "HTTP/1.1 x01 a",
        " HTTP/1.1 101 a",
        "http/1.1 101 a",
        "HTTP/2 101 a",
        "HTTP/2.0 101 a",
        "HTTP/1.0 101 a",
        "GET / HTTP/1.1",
        "220 smtp.example.com ready",
    ] {
        check_answer(&answer_with("HTTP", &[line]), Err(OfferError::Malformed));
    }
    for line in [&b"X"[..], b": a", b"X : a", b" X: a", b"X: a\0", b"X: a\nb", b"X: a\rb", b"X: \xff", b"X Y: a"] {
        check_answer(&answer_with("", &[line]), Err(OfferError::Malformed));
    }
    let many: Vec<String> = (0..62).map(|i| format!("X-{i}: a")).collect();
    check_answer(&answer_with("", &many[..61]), Ok(None));
    check_answer(&answer_with("", &many), Err(OfferError::TooManyHeaders));
}

#[test]
fn a_control_character_in_the_status_line_fails() {
    for line in
        ["HTTP/1.1 101 a\nb", "HTTP/1.1 101 a\rb", "HTTP/1.1 101 a\0", "HTTP/1.1 101 \u{7f}", "HTTP/1.1 101 \u{1b}"]
    {
        check_answer(&answer_with("HTTP", &[line]), Err(OfferError::Malformed));
    }
}

#[test]
fn what_the_server_writes_the_client_takes() {
    for chosen in [None, Some("chat"), Some("v2")] {
        let offer = Offer::new(uri(), &mut StdRng::seed_from_u64(7)).subprotocols(&["chat", "v2"]);
        let (mut request, mut response) = ([0; 1024], [0; 1024]);
        let len = offer.write(&mut request).unwrap();
        let (parsed, end) = Request::parse(&request[..len]).unwrap().unwrap();
        assert_eq!(end, len);
        let headers = [("X-Session", "1")];
        let written = Response::accept(&parsed, chosen).unwrap().headers(&headers).write(&mut response).unwrap();
        let (answer, end) = offer.check(&response[..written]).unwrap().unwrap();
        assert_eq!((end, answer.subprotocol(), answer.header("x-session")), (written, chosen, Some("1")));
        // It answers this key only.
        let other = Offer::new(uri(), &mut StdRng::seed_from_u64(8)).subprotocols(&["chat", "v2"]);
        assert_eq!(other.check(&response[..written]).unwrap_err(), OfferError::Accept);
    }
}

#[test]
fn every_refusal_of_an_answer_says_why() {
    for error in [
        OfferError::Malformed,
        OfferError::TooManyHeaders,
        OfferError::Status(404),
        OfferError::Upgrade,
        OfferError::Connection,
        OfferError::AcceptMissing,
        OfferError::Accept,
        OfferError::Repeated("Sec-WebSocket-Accept"),
        OfferError::Extension,
        OfferError::Subprotocol,
    ] {
        assert!(error.to_string().starts_with("the server"), "{error}");
    }
    assert_eq!(OfferError::Status(404).to_string(), "the server answered with status 404, not 101");
}
