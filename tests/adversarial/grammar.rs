//! The grammar of a request, case by case.

use sockeye_tests::{KEY, Raw, Upgrade};

use crate::{answer_to, assert_statuses, beside_a_bystander};

#[test]
fn heads_that_break_http() {
    beside_a_bystander(|server| {
        let rest = "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let cases: &[(&str, String)] = &[
            ("an empty line first", format!("\r\nGET /echo HTTP/1.1\r\n{rest}\r\n")),
            ("no version", format!("GET /echo\r\n{rest}\r\n")),
            ("HTTP/0.9", format!("GET /echo HTTP/0.9\r\n{rest}\r\n")),
            ("HTTP/1.0", format!("GET /echo HTTP/1.0\r\n{rest}\r\n")),
            ("HTTP/2.0", format!("GET /echo HTTP/2.0\r\n{rest}\r\n")),
            ("HTTP/1.10", format!("GET /echo HTTP/1.10\r\n{rest}\r\n")),
            ("a version in small letters", format!("GET /echo http/1.1\r\n{rest}\r\n")),
            ("two spaces", format!("GET  /echo HTTP/1.1\r\n{rest}\r\n")),
            ("a tab between", format!("GET\t/echo HTTP/1.1\r\n{rest}\r\n")),
            ("a space in the path", format!("GET /ec ho HTTP/1.1\r\n{rest}\r\n")),
            ("a space at the end", format!("GET /echo HTTP/1.1 \r\n{rest}\r\n")),
            ("no path", format!("GET HTTP/1.1\r\n{rest}\r\n")),
            ("a path without a slash", format!("GET echo HTTP/1.1\r\n{rest}\r\n")),
            ("a fragment", format!("GET /echo#x HTTP/1.1\r\n{rest}\r\n")),
            ("a control character in the path", format!("GET /echo\x01 HTTP/1.1\r\n{rest}\r\n")),
            ("a character beyond ASCII in the path", format!("GET /é HTTP/1.1\r\n{rest}\r\n")),
            ("a method that is no token", format!("G(T /echo HTTP/1.1\r\n{rest}\r\n")),
            ("no colon", format!("GET /echo HTTP/1.1\r\n{rest}nothing\r\n\r\n")),
            ("no name", format!("GET /echo HTTP/1.1\r\n{rest}: value\r\n\r\n")),
            ("a space before the colon", format!("GET /echo HTTP/1.1\r\n{rest}Name : value\r\n\r\n")),
            ("a space before the name", format!("GET /echo HTTP/1.1\r\n{rest} Name: value\r\n\r\n")),
            ("a folded line", format!("GET /echo HTTP/1.1\r\n{rest}Name: a\r\n b\r\n\r\n")),
            ("a name that is no token", format!("GET /echo HTTP/1.1\r\n{rest}Na(me: value\r\n\r\n")),
            ("NUL in a value", format!("GET /echo HTTP/1.1\r\n{rest}Name: a\0b\r\n\r\n")),
            ("NUL in a name", format!("GET /echo HTTP/1.1\r\n{rest}Na\0me: b\r\n\r\n")),
            ("DEL in a value", format!("GET /echo HTTP/1.1\r\n{rest}Name: a\x7fb\r\n\r\n")),
            ("CR alone in a value", format!("GET /echo HTTP/1.1\r\n{rest}Name: a\rb\r\n\r\n")),
            ("LF alone in a value", format!("GET /echo HTTP/1.1\r\n{rest}Name: a\nb\r\n\r\n")),
            ("LF as the line's end", format!("GET /echo HTTP/1.1\n{rest}\r\n")),
            ("no Host", format!("GET /echo HTTP/1.1\r\n{}\r\n", rest.replace("Host: 127.0.0.1\r\n", ""))),
            ("two Hosts", format!("GET /echo HTTP/1.1\r\n{rest}Host: 127.0.0.1\r\n\r\n")),
            ("two Hosts, one in capitals", format!("GET /echo HTTP/1.1\r\n{rest}HOST: localhost\r\n\r\n")),
            ("an empty Host", format!("GET /echo HTTP/1.1\r\n{}\r\n", rest.replace("127.0.0.1", ""))),
        ];
        for (name, request) in cases {
            assert_eq!(answer_to(server, request.as_bytes()).status, 400, "{name}");
        }
        assert_eq!(answer_to(server, b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nName: \xff\xfe\r\n\r\n").status, 400);
    });
}

#[test]
fn tls_to_a_plain_port_ends() {
    beside_a_bystander(|server| {
        // The begin of a ClientHello: it has no end that a head could have.
        let mut raw = Raw::dial(server.address());
        raw.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x00, 0xff]);
        raw.shut();
        assert_eq!(raw.rest(), b"");
        // HTTP/2 with prior knowledge.
        assert_eq!(answer_to(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 400);
    });
}

#[test]
fn connection_lists() {
    beside_a_bystander(|server| {
        let with = |value: &str| Upgrade::to("/echo").set("Connection", value);
        let spaces = " ".repeat(1000);
        assert_statuses(
            server,
            [
                ("as browsers have it", with("keep-alive, Upgrade"), 101),
                ("in capitals", with("UPGRADE"), 101),
                ("empty elements", with(", ,Upgrade, ,"), 101),
                ("tabs", with("\tkeep-alive\t,\tUpgrade\t"), 101),
                ("1000 spaces before", with(&format!("{spaces}Upgrade")), 101),
                ("1000 spaces behind", with(&format!("Upgrade{spaces}")), 101),
                ("1000 spaces between", with(&format!("keep-alive,{spaces}Upgrade")), 101),
                ("1000 spaces inside", with(&format!("Upgrade{spaces}x")), 400),
                ("1000 commas", with(&",".repeat(1000)), 400),
                ("a comma", with(","), 400),
                ("commas", with(", ,"), 400),
                ("empty", with(""), 400),
                ("a longer token", with("Upgraded"), 400),
                ("a token cut", with("Upgrad"), 400),
                ("quoted", with("\"Upgrade\""), 400),
                ("twice", with("keep-alive").with("Connection", "Upgrade"), 101),
                ("twice, the other way round", with("Upgrade").with("Connection", "close"), 101),
                ("twice without", with("keep-alive").with("Connection", "close"), 400),
                ("none", Upgrade::to("/echo").without("Connection"), 400),
            ],
        );
    });
}

#[test]
fn upgrade_lists() {
    beside_a_bystander(|server| {
        let with = |value: &str| Upgrade::to("/echo").set("Upgrade", value);
        assert_statuses(
            server,
            [
                ("in capitals", with("WEBSOCKET"), 101),
                ("among others", with("h2c, websocket"), 101),
                ("in two headers", with("h2c").with("Upgrade", "websocket"), 101),
                ("another", with("h2c"), 426),
                ("a longer token", with("websockets"), 426),
                ("empty", with(""), 426),
                ("none", Upgrade::to("/echo").without("Upgrade"), 426),
            ],
        );
    });
}

#[test]
fn keys() {
    beside_a_bystander(|server| {
        let with = |value: &str| Upgrade::to("/echo").set("Sec-WebSocket-Key", value);
        assert_statuses(
            server,
            [
                ("16 bytes", with(KEY), 101),
                ("16 other bytes", with("//////////////////////=="), 400),
                ("16 bytes of ones", with("/////////////////////w=="), 101),
                ("no padding", with("dGhlIHNhbXBsZSBub25jZQ"), 400),
                ("half a padding", with("dGhlIHNhbXBsZSBub25jZQ="), 400),
                ("more padding", with("dGhlIHNhbXBsZSBub25jZQ==="), 400),
                ("15 bytes", with("MTIzNDU2Nzg5MDEyMzQ1"), 400),
                ("17 bytes", with("MTIzNDU2Nzg5MDEyMzQ1Njc="), 400),
                ("the alphabet for URLs", with("-_-_-_-_-_-_-_-_-_-_-w=="), 400),
                ("a space inside", with("dGhlIHNhbXBs ZSBub25jZQ=="), 400),
                ("empty", with(""), 400),
                ("none", Upgrade::to("/echo").without("Sec-WebSocket-Key"), 400),
                ("twice the same", with(KEY).with("Sec-WebSocket-Key", KEY), 400),
                ("6000 bytes long", with(&"A".repeat(6000)), 400),
            ],
        );
    });
}

#[test]
fn subprotocols_and_extensions() {
    beside_a_bystander(|server| {
        let protocols = |value: &str| Upgrade::to("/rooms/x").with("Sec-WebSocket-Protocol", value);
        let extensions = |value: &str| Upgrade::to("/echo").with("Sec-WebSocket-Extensions", value);
        let many: Vec<_> = (0..500).map(|at| format!("p{at}")).collect();
        assert_statuses(
            server,
            [
                ("a long subprotocol", protocols(&"x".repeat(7000)), 101),
                ("an empty list", protocols(", ,"), 400),
                ("an empty value", protocols(""), 400),
                ("twice the same", protocols("a, a"), 400),
                ("twice the same, in two headers", protocols("a").with("Sec-WebSocket-Protocol", "a"), 400),
                ("no token", protocols("a b"), 400),
                ("quoted", protocols("\"a\""), 400),
                ("empty elements", protocols(",a, ,b,"), 101),
                ("none that is known", protocols("a, b"), 101),
                ("the one that is known", protocols("a, sockeye.rooms.v1"), 101),
                ("an extension", extensions("permessage-deflate; client_max_window_bits"), 101),
                ("an extension with a wrong value", extensions("permessage-deflate; client_max_window_bits=99"), 101),
                ("an unknown extension", extensions("x; a=\"b\""), 101),
                ("a broken extension", extensions("permessage-deflate; ="), 400),
                ("an open quote", extensions("x; a=\"b"), 400),
            ],
        );
        // Many are refused or taken, but answered soon.
        let status = answer_to(server, &protocols(&many.join(",")).bytes()).status;
        assert!([101, 400, 431].contains(&status), "{status}");
        // What was not offered, and an extension that is not spoken, is not answered.
        let response =
            answer_to(server, &protocols("a, b").with("Sec-WebSocket-Extensions", "permessage-deflate").bytes());
        assert_eq!(response.header("Sec-WebSocket-Protocol"), None);
        assert_eq!(response.header("Sec-WebSocket-Extensions"), None);
    });
}

#[test]
fn methods() {
    beside_a_bystander(|server| {
        for (method, status) in [("POST", 405), ("HEAD", 405), ("OPTIONS", 405), ("CONNECT", 405), ("get", 405)] {
            let upgrade = Upgrade::to("/echo").line(&format!("{method} /echo HTTP/1.1"));
            let response = answer_to(server, &upgrade.bytes());
            assert_eq!(response.status, status, "{method}");
            assert_eq!(response.header("Allow"), Some("GET"));
        }
    });
}

#[test]
fn only_version_13_is_spoken() {
    beside_a_bystander(|server| {
        let with = |value: &str| Upgrade::to("/echo").set("Sec-WebSocket-Version", value);
        for version in ["0", "4", "7", "8", "12", "14", "013", "+13", "13.0", "13, 8", "8, 13", "13 ;x", "", "255", "x"]
        {
            let response = answer_to(server, &with(version).bytes());
            assert_eq!(response.status, 426, "version {version:?}");
            assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
            assert_eq!(response.header("Upgrade"), Some("websocket"));
        }
        let none = Upgrade::to("/echo").without("Sec-WebSocket-Version");
        assert_eq!(answer_to(server, &none.bytes()).status, 426);
        assert_eq!(answer_to(server, &with("13").with("Sec-WebSocket-Version", "8").bytes()).status, 400);

        // Drafts 75 and 76: two keys, and eight bytes behind the head.
        let hixie = "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8\r\n\
            Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0\r\n\r\nTm[K T2u";
        let response = answer_to(server, hixie.as_bytes());
        assert_eq!(response.status, 426);
        assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
    });
}
