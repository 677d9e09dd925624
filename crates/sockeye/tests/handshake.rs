//! The opening handshake as a server reads it (RFC 6455 sections 4.2.1, 9.1, 11.3; RFC 9112): heads and their verdict.

mod common;

use common::http::*;
use sockeye::handshake::{MAX_HEADERS, head_end};
use sockeye::{Reject, Request};

#[test]
fn the_request_of_the_rfc_is_an_upgrade() {
    check_request(&upgrade(), Ok(Is::Upgrade));
    let head = upgrade_with("GET", &["GET /a/b%20c?x=1&y=/?z HTTP/1.1"]);
    let request = request(&head);
    assert_eq!((request.method(), request.path(), request.query()), ("GET", "/a/b%20c", Some("x=1&y=/?z")));
    assert_eq!((request.host(), request.origin()), ("server.example.com", None));
    assert_eq!(request.header("sec-websocket-VERSION"), Some("13"));
    assert_eq!(request.header("X-Other"), None);
    assert_eq!(request.headers().count(), 5);
    assert_eq!(request.headers().next(), Some(("Host", "server.example.com")));
}

#[test]
fn upgrade_and_connection_are_case_insensitive_token_lists() {
    for lines in [
        &["Upgrade: WebSocket"][..],
        &["UPGRADE: WEBSOCKET"],
        &["upgrade:websocket"],
        &["Upgrade: h2c, websocket"],
        &["Upgrade: websocket , h2c"],
        &["Upgrade: h2c", "Upgrade: websocket"],
        &["Upgrade: ,websocket,"],
    ] {
        check_request(&upgrade_with("Upgrade", lines), Ok(Is::Upgrade));
    }
    for lines in [
        &["Connection: upgrade"][..],
        &["CONNECTION: UPGRADE"],
        &["Connection: keep-alive, Upgrade"],
        &["Connection: Upgrade,keep-alive"],
        &["Connection: keep-alive \t ,\t Upgrade \t"],
        &["Connection: keep-alive", "Connection: Upgrade"],
        &["Connection: Upgrade", "Connection: close"],
        &["Connection: , ,Upgrade, ,"],
    ] {
        check_request(&upgrade_with("Connection", lines), Ok(Is::Upgrade));
    }
}

#[test]
fn an_upgrade_without_the_connection_token_fails() {
    for lines in [
        &[][..],
        &["Connection:"],
        &["Connection: ,"],
        &["Connection: , ,"],
        &["Connection: keep-alive"],
        &["Connection: Upgrades"],
        &["Connection: keep-alive Upgrade"],
        &["Connection: \"Upgrade\""],
        &["Connection: up-grade, xupgrade"],
    ] {
        check_request(&upgrade_with("Connection", lines), Err(Reject::Connection));
    }
}

#[test]
fn a_request_without_the_upgrade_token_is_plain_http() {
    for lines in [&[][..], &["Upgrade:"], &["Upgrade: ,"], &["Upgrade: h2c"], &["Upgrade: websockets, web socket"]] {
        check_request(&upgrade_with("Upgrade", lines), Ok(Is::Plain));
    }
    let plain = head(["GET / HTTP/1.1", "Host: a"]);
    check_request(&plain, Ok(Is::Plain));
    assert!(!request(&plain).is_upgrade());
    check_request(&head(["POST /form HTTP/1.1", "Host: a", "Content-Length: 3"]), Ok(Is::Plain));
    check_request(&head(["HEAD / HTTP/1.1", "Host: a"]), Ok(Is::Plain));
}

#[test]
fn an_upgrade_is_a_get() {
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "get", "Get", "GETS", "CONNECT"] {
        check_request(&upgrade_with("GET", &[format!("{method} / HTTP/1.1")]), Err(Reject::Method));
    }
    assert_eq!(Reject::Method.status(), 405);
}

#[test]
fn an_upgrade_has_no_body() {
    for line in [
        "Content-Length: 5",
        "Content-Length: 0",
        "content-length:",
        "Transfer-Encoding: chunked",
        "transfer-encoding: identity",
    ] {
        check_request(&upgrade_with("", &[line]), Err(Reject::Body));
    }
    assert_eq!(Reject::Body.status(), 400);
}

// The key and the version

#[test]
fn the_key_is_16_bytes_in_base64() {
    for key in [KEY, "AAAAAAAAAAAAAAAAAAAAAA==", "/+/+/+/+/+/+/+/+/+/+/w=="] {
        check_request(&upgrade_with("Sec-WebSocket-Key", &[format!("Sec-WebSocket-Key: \t{key} ")]), Ok(Is::Upgrade));
    }
    for key in [
        "",
        "=",
        "====",
        "AAAAAAAAAAAAAAAAAAAAAA",      // not padded
        "AAAAAAAAAAAAAAAAAAAAAA=",     // half padded
        "AAAAAAAAAAAAAAAAAAAAAA===",   // padded too much
        "AAAAAAAAAAAAAAAAAAAA",        // 15 bytes
        "AAAAAAAAAAAAAAAAAAAAAAA=",    // 17 bytes
        "AAAAAAAAAAAAAAAAAAAAAAAA",    // 18 bytes
        "AAAAAAAAAAAAAAAAAAAAAAAAA==", // 19 bytes, and a bit
        "dGhlIHNhbXBsZSBub25jZR==",    // bits that count for nothing are set
        "dGhlIHNhbXBsZSBub25jZf==",
        "dGhlIHNhbXBsZSBub2-jZQ==", // the alphabet of URLs
        "dGhlIHNhbXBsZSBub2_jZQ==",
        "dGhlIHNhbXBs SBub25jZQ==",
        "dGhlIHNhbXBs=SBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        "\"dGhlIHNhbXBsZSBub25jZQ==\"",
        "the sample nonce",
    ] {
        check_request(&upgrade_with("Sec-WebSocket-Key", &[format!("Sec-WebSocket-Key: {key}")]), Err(Reject::Key));
    }
    check_request(&upgrade_with::<&str>("Sec-WebSocket-Key", &[]), Err(Reject::Key));
    let long = format!("Sec-WebSocket-Key: {}==", "A".repeat(5000));
    check_request(&upgrade_with("Sec-WebSocket-Key", &[long]), Err(Reject::Key));
}

#[test]
fn headers_that_come_once_do_not_come_twice() {
    for line in [
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        "sec-websocket-version: 8",
        "Host: server.example.com",
        "HOST: evil.example.com",
    ] {
        let once = ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Host"];
        let name = once.into_iter().find(|name| line.to_lowercase().starts_with(&name.to_lowercase())).unwrap();
        check_request(&upgrade_with("", &[line]), Err(Reject::Repeated(name)));
        assert_eq!(Reject::Repeated(name).status(), 400);
    }
    let origins = ["Origin: http://server.example.com", "Origin: http://evil.example.com"];
    check_request(&upgrade_with("", &origins), Err(Reject::Repeated("Origin")));
}

#[test]
fn another_version_than_13_is_answered_with_426() {
    for version in ["", "8", "7", "0", "12", "14", "25", "255", "013", "13, 8", "8, 13", "13,13", "13;", "+13", "1 3"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        check_request(&upgrade_with("Sec-WebSocket-Version", &[line]), Err(Reject::Version));
    }
    check_request(&upgrade_with::<&str>("Sec-WebSocket-Version", &[]), Err(Reject::Version));
    check_request(&upgrade_with("Sec-WebSocket-Version", &["sec-websocket-version: \t13\t "]), Ok(Is::Upgrade));
    assert_eq!(Reject::Version.status(), 426);
    // The oldest drafts have two keys and none of these headers (draft-hixie-76).
    let hixie = ["GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key1: 1 2"];
    check_request(&head(hixie), Err(Reject::Version));
}

// Subprotocols and extensions

#[test]
fn subprotocols_of_several_headers_are_one_list() {
    for (lines, expect) in [
        (&["Sec-WebSocket-Protocol: chat"][..], &["chat"][..]),
        (&["Sec-WebSocket-Protocol: chat, superchat"], &["chat", "superchat"]),
        (&["Sec-WebSocket-Protocol: b,a", "sec-websocket-protocol: C , d"], &["b", "a", "C", "d"]),
        (&["Sec-WebSocket-Protocol: ,a,, b ,"], &["a", "b"]),
        (&["Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: a"], &["a"]),
        (&["Sec-WebSocket-Protocol: a, A"], &["a", "A"]),
        (&["Sec-WebSocket-Protocol: v1.room!#$%&'*+-.^_`|~"], &["v1.room!#$%&'*+-.^_`|~"]),
        (&[], &[]),
    ] {
        let head = upgrade_with("", lines);
        check_request(&head, Ok(Is::Upgrade));
        assert_eq!(request(&head).subprotocols().collect::<Vec<_>>(), expect);
    }
}

#[test]
fn a_subprotocol_list_that_is_empty_repeats_or_has_no_tokens_fails() {
    for lines in [
        &["Sec-WebSocket-Protocol:"][..],
        &["Sec-WebSocket-Protocol: ,"],
        &["Sec-WebSocket-Protocol: , ,", "Sec-WebSocket-Protocol:"],
        &["Sec-WebSocket-Protocol: a, b, a"],
        &["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"],
        &["Sec-WebSocket-Protocol: a b"],
        &["Sec-WebSocket-Protocol: a/b"],
        &["Sec-WebSocket-Protocol: \"a\""],
        &["Sec-WebSocket-Protocol: a;b"],
        &["Sec-WebSocket-Protocol: é"],
    ] {
        check_request(&upgrade_with("", lines), Err(Reject::Subprotocols));
    }
}

#[test]
fn extension_offers_are_parsed_into_names_and_values() {
    let list = |head: &[u8]| -> Vec<String> {
        let of = |extension: sockeye::handshake::Extension<'_>| {
            let params = extension.params().map(|param| match param.value {
                Some(value) => format!(" {}={}", param.name, String::from_utf8(value.bytes().collect()).unwrap()),
                None => format!(" {}", param.name),
            });
            format!("{}{}", extension.name, params.collect::<String>())
        };
        request(head).extensions().map(of).collect()
    };
    for (lines, expect) in [
        (&["Sec-WebSocket-Extensions: foo"][..], &["foo"][..]),
        (&["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar; baz=2"], &["foo", "bar baz=2"]),
        (&["Sec-WebSocket-Extensions: foo, bar; baz=2"], &["foo", "bar baz=2"]),
        (&["Sec-WebSocket-Extensions: deflate-stream"], &["deflate-stream"]),
        (
            &["sec-websocket-extensions: mux; max-channels=4; flow-control, x"],
            &["mux max-channels=4 flow-control", "x"],
        ),
        (&["Sec-WebSocket-Extensions: a; b=\"10\"; c"], &["a b=10 c"]),
        (&["Sec-WebSocket-Extensions: a; b=\"1\\0\""], &["a b=10"]),
        (&["Sec-WebSocket-Extensions: ,a ,, b\t;c = d ,"], &["a", "b c=d"]),
        (&["Sec-WebSocket-Extensions: a, a"], &["a", "a"]),
        (&[], &[]),
    ] {
        let head = upgrade_with("", lines);
        check_request(&head, Ok(Is::Upgrade));
        assert_eq!(list(&head), expect);
    }
}

#[test]
fn an_extensions_header_that_breaks_its_grammar_fails() {
    for value in [
        "",
        ",",
        ", ,",
        "a;",
        "a; ",
        "a;;b",
        "; a",
        "a; =1",
        "a; b=",
        "a; b=,c",
        "a b",
        "a=1",
        "a/b",
        "a; b=1 2",
        "a; b=1=2",
        "a; b=\"\"",
        "a; b=\"",
        "a; b=\"1",
        "a; b=\"1\\\"",
        "a; b=\"1 2\"",
        "a; b=\"1,2\"",
        "a; b=\"1;2\"",
        "a; b=\"1\\\"2\"",
        "a; b=\"1\"2",
        "\"a\"",
        "a; b='1 '",
        "é",
        "a; b=\"é\"",
    ] {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        check_request(&upgrade_with("", &[line.as_str()]), Err(Reject::Extensions));
        let after_a_good_one = ["Sec-WebSocket-Extensions: good", &line];
        check_request(&upgrade_with("", &after_a_good_one), Err(Reject::Extensions));
    }
}

// The grammar of HTTP

#[test]
fn a_head_that_is_not_utf8_fails() {
    for line in [&b"X: \xff"[..], b"X: \xc3", b"X: \xed\xa0\x80", b"\xc0\xafX: a", b"Origin: http://\xe9.example"] {
        check_request(&upgrade_with("", &[line]), Err(Reject::NotUtf8));
    }
    check_request(&upgrade_with("GET", &[b"GET /\xff HTTP/1.1"]), Err(Reject::NotUtf8));
    check_request(&upgrade_with("", &["X: é €"]), Ok(Is::Upgrade));
    assert_eq!(Reject::NotUtf8.status(), 400);
}

#[test]
fn a_request_line_that_breaks_the_grammar_fails() {
    for line in [
        "",
        " ",
        "GET",
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/\tHTTP/1.1",
        "GET / a HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/1.1.1",
        "GET / HTTP/11",
        "GET / HTTP/x.1",
        "GET / HTTPS/1.1",
        "GET / WS/1.1",
        "GET /é HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\r HTTP/1.1",
        "GET /\n HTTP/1.1",
        "GET /#top HTTP/1.1",
        "GET chat HTTP/1.1",
        "GET ?x HTTP/1.1",
        "GET * HTTP/1.1",
        "GET server.example.com:80 HTTP/1.1",
        "GET ftp://server.example.com/ HTTP/1.1",
        "GET / HTTP/1.1\nX: a",
    ] {
        check_request(&upgrade_with("GET", &[line]), Err(Reject::Malformed));
    }
    assert_eq!(Reject::Malformed.status(), 400);
}

#[test]
fn another_http_version_fails() {
    for version in ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/9.9"] {
        check_request(&upgrade_with("GET", &[format!("GET / {version}")]), Err(Reject::HttpVersion));
    }
    assert_eq!(Reject::HttpVersion.status(), 400);
}

#[test]
fn the_absolute_form_of_a_target_is_understood() {
    for (target, path, query) in [
        ("http://server.example.com/chat", "/chat", None),
        ("https://server.example.com:8443/chat?room=1", "/chat", Some("room=1")),
        ("http://server.example.com", "/", None),
        ("http://server.example.com/", "/", None),
        ("http://server.example.com?room=1", "/", Some("room=1")),
        ("http://server.example.com?next=/admin", "/", Some("next=/admin")),
        ("/chat?", "/chat", Some("")),
        ("//server.example.com/chat", "//server.example.com/chat", None),
    ] {
        let head = upgrade_with("GET", &[format!("GET {target} HTTP/1.1")]);
        check_request(&head, Ok(Is::Upgrade));
        let request = request(&head);
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

#[test]
fn a_header_line_that_breaks_the_grammar_fails() {
    for line in [
        "X",
        ": a",
        " : a",
        "X : a",
        "X\t: a",
        " X: a",
        "\tX: a",
        "X Y: a",
        "X(: a",
        "é: a",
        "X\0: a",
        "X: a\0b",
        "X: \0",
        "X: a\rb",
        "X: a\r",
        "X: a\nb",
        "X: a\nSec-Evil: b",
        "X: a\u{1}",
        "X: \u{7f}",
        "X: \u{b}",
    ] {
        check_request(&upgrade_with("", &[line]), Err(Reject::Malformed));
    }
    // A line that is folded (RFC 9112 section 5.2).
    for fold in [" b", "\tb", " ", "\t"] {
        check_request(&upgrade_with("", &["X: a", fold]), Err(Reject::Malformed));
    }
    for (line, value) in [("X:", ""), ("X: \t ", ""), ("X:a", "a"), ("X: \ta b\t ", "a b"), ("X: a:b", "a:b")] {
        let head = upgrade_with("", &[line]);
        check_request(&head, Ok(Is::Upgrade));
        assert_eq!(request(&head).header("x"), Some(value));
    }
}

#[test]
fn a_bare_line_feed_ends_no_line() {
    let head = String::from_utf8(upgrade()).unwrap();
    for bare in [head.replace("\r\n", "\n"), head.replace("\r\n\r\n", "\n\n"), head.replace('\n', "")] {
        // What ends no line ends no head: the reader's limit is what ends it.
        assert!(matches!(Request::parse(bare.as_bytes()), Ok(None)));
    }
    for (from, to) in
        [("HTTP/1.1\r\n", "HTTP/1.1\n"), ("websocket\r\n", "websocket\n"), ("websocket\r\n", "websocket\r")]
    {
        check_request(head.replace(from, to).as_bytes(), Err(Reject::Malformed));
    }
}

#[test]
fn sixty_four_headers_are_read_and_no_more() {
    let more =
        |count: usize| -> Vec<u8> { upgrade_with("", &(5..count).map(|i| format!("X-{i}: {i}")).collect::<Vec<_>>()) };
    assert_eq!(MAX_HEADERS, 64);
    check_request(&more(64), Ok(Is::Upgrade));
    assert_eq!(request(&more(64)).headers().count(), 64);
    for count in [65, 66, 128, 2000] {
        check_request(&more(count), Err(Reject::TooManyHeaders));
    }
    assert_eq!((Reject::TooManyHeaders.status(), Reject::HeadTooBig.status()), (431, 431));
}

#[test]
fn a_thousand_spaces_are_only_spaces() {
    let spaces = " ".repeat(1000);
    for line in
        [format!("X:{spaces}"), format!("X:{spaces}a"), format!("X: a{spaces}"), format!("X: {spaces},{spaces}")]
    {
        check_request(&upgrade_with("", &[line]), Ok(Is::Upgrade));
    }
    let lists = upgrade_with("Connection", &[format!("Connection:{spaces},{spaces}Upgrade{spaces}")]);
    check_request(&lists, Ok(Is::Upgrade));
    check_request(&upgrade_with("", &[format!("X{spaces}: a")]), Err(Reject::Malformed));
    check_request(&upgrade_with("", &[format!("{spaces}X: a")]), Err(Reject::Malformed));
    check_request(&upgrade_with("GET", &[format!("GET{spaces}/ HTTP/1.1")]), Err(Reject::Malformed));
}

#[test]
fn a_host_is_there_once_and_is_a_host() {
    check_request(&upgrade_with::<&str>("Host", &[]), Err(Reject::Host));
    check_request(&head(["GET / HTTP/1.1", "X: plain HTTP too"]), Err(Reject::Host));
    for host in ["a", "a.b", "A-1.example", "127.0.0.1", "127.0.0.1:80", "a:65535", "a:", "[::1]", "[::1]:9001"] {
        check_request(&upgrade_with("Host", &[format!("Host: {host}")]), Ok(Is::Upgrade));
    }
    for host in [
        "", ":80", "a:x", "a:-1", "a:123456", "a:80:80", "a b", "a/b", "a@b", "[::1", "::1", "[]", "[a]", "[::1]x",
        "a,b", "é",
    ] {
        check_request(&upgrade_with("Host", &[format!("Host: {host}")]), Err(Reject::Host));
    }
}

// Where the head ends

#[test]
fn the_bytes_after_the_head_belong_to_the_frames() {
    let head = upgrade();
    let bytes = [&head[..], b"\x81\x80abcd"].concat();
    let Ok(Some((_, len))) = Request::parse(&bytes) else { panic!("an upgrade") };
    assert_eq!(&bytes[len..], b"\x81\x80abcd");
}

#[test]
fn the_search_for_the_end_does_not_start_over() {
    assert_eq!(head_end(b"", 0), None);
    assert_eq!(head_end(b"a\r\n\r\nb\r\n\r\n", 0), Some(5));
    for scanned in 0..=4 {
        assert_eq!(head_end(b"a\r\n\r\n", scanned), Some(5), "an end that lies over the border at {scanned}");
    }
    // What was scanned is not looked at again.
    assert_eq!(head_end(b"a\r\n\r\nbcdef", 9), None);
    assert_eq!(head_end(b"ab", 3), None, "more scanned than there is");
    assert_eq!(head_end(b"ab", usize::MAX), None);
    // Byte by byte over a megabyte: this would not end if each byte had the search start over.
    let long = vec![b'a'; 1 << 20];
    for len in 1..=long.len() {
        assert_eq!(head_end(&long[..len], len - 1), None);
    }
}
