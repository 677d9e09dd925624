//! What clients ask.

use std::net::SocketAddr;

use crate::{KEY, Upgrade};

/// A request, told by a name, and the status of its answer.
pub type Asked = (&'static str, Upgrade, u16);

/// Request heads that get a 400.
pub fn heads_that_break_http() -> Vec<(&'static str, Vec<u8>)> {
    let rest = "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let cases = [
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
        // HTTP/2 with prior knowledge.
        ("a preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
    ];
    let mut cases = cases.map(|(name, head)| (name, head.into_bytes())).to_vec();
    let not_utf8 = b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nName: \xff\xfe\r\n\r\n";
    cases.push(("a value that is not UTF-8", not_utf8.to_vec()));
    cases
}

/// `Connection` in all its forms; the longest has `long` bytes.
pub fn connections(long: usize) -> Vec<Asked> {
    let with = |value: &str| Upgrade::to("/echo").set("Connection", value);
    let spaces = " ".repeat(long);
    vec![
        ("as browsers have it", with("keep-alive, Upgrade"), 101),
        ("in capitals", with("UPGRADE"), 101),
        ("empty elements", with(", ,Upgrade, ,"), 101),
        ("tabs", with("\tkeep-alive\t,\tUpgrade\t"), 101),
        ("spaces before", with(&format!("{spaces}Upgrade")), 101),
        ("spaces behind", with(&format!("Upgrade{spaces}")), 101),
        ("spaces between", with(&format!("keep-alive,{spaces}Upgrade")), 101),
        ("spaces inside", with(&format!("Upgrade{spaces}x")), 400),
        ("nothing but commas", with(&",".repeat(long)), 400),
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
    ]
}

/// `Upgrade` in all its forms; a request for none gets the status `plain`.
pub fn upgrades(plain: u16) -> Vec<Asked> {
    let with = |value: &str| Upgrade::to("/echo").set("Upgrade", value);
    vec![
        ("in capitals", with("WEBSOCKET"), 101),
        ("among others", with("h2c, websocket"), 101),
        ("in two headers", with("h2c").with("Upgrade", "websocket"), 101),
        ("another", with("h2c"), plain),
        ("a longer token", with("websockets"), plain),
        ("empty", with(""), plain),
        ("none", Upgrade::to("/echo").without("Upgrade"), plain),
    ]
}

/// Keys; the longest has `long` bytes.
pub fn keys(long: usize) -> Vec<Asked> {
    let with = |value: &str| Upgrade::to("/echo").set("Sec-WebSocket-Key", value);
    vec![
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
        ("a long one", with(&"A".repeat(long)), 400),
    ]
}

/// Subprotocols and extensions, of which none is spoken on this path; the longest has `long` bytes.
pub fn offers(path: &str, long: usize) -> Vec<Asked> {
    let protocols = |value: &str| Upgrade::to(path).with("Sec-WebSocket-Protocol", value);
    let extensions = |value: &str| Upgrade::to(path).with("Sec-WebSocket-Extensions", value);
    vec![
        ("a long subprotocol", protocols(&"x".repeat(long)), 101),
        ("an empty list", protocols(", ,"), 400),
        ("an empty value", protocols(""), 400),
        ("twice the same", protocols("a, a"), 400),
        ("twice the same, in two headers", protocols("a").with("Sec-WebSocket-Protocol", "a"), 400),
        ("no token", protocols("a b"), 400),
        ("quoted", protocols("\"a\""), 400),
        ("empty elements", protocols(",a, ,b,"), 101),
        ("none that is known", protocols("a, b"), 101),
        ("an extension", extensions("permessage-deflate; client_max_window_bits"), 101),
        ("an extension with a wrong value", extensions("permessage-deflate; client_max_window_bits=99"), 101),
        ("an unknown extension", extensions("x; a=\"b\""), 101),
        ("a broken extension", extensions("permessage-deflate; ="), 400),
        ("an open quote", extensions("x; a=\"b"), 400),
    ]
}

/// What is not `Sec-WebSocket-Version: 13`, and gets a 426.
pub const VERSIONS: [&str; 16] =
    ["0", "4", "7", "8", "12", "14", "013", "+13", "13.0", "13, 8", "8, 13", "13 ;x", "", "255", "x", "13 13"];

/// Drafts 75 and 76: two keys, and eight bytes behind the head.
pub const HIXIE: &str = "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8\r\n\
    Sec-WebSocket-Key2: 1_ tx7X d  <  nw  334J702) 7]o}` 0\r\n\r\nTm[K T2u";

/// Upgrades with a body, which may hide a request.
pub fn bodies() -> Vec<Asked> {
    let with = |name: &str, value: &str| Upgrade::to("/echo").with(name, value);
    vec![
        ("a length", with("Content-Length", "5"), 400),
        ("no length", with("Content-Length", "0"), 400),
        ("a length in small letters", with("content-length", "5"), 400),
        ("a negative length", with("Content-Length", "-1"), 400),
        ("chunks", with("Transfer-Encoding", "chunked"), 400),
        ("chunks in disguise", with("Transfer-Encoding", "xchunked"), 400),
        ("identity", with("Transfer-Encoding", "identity"), 400),
        ("both", with("Content-Length", "5").with("Transfer-Encoding", "chunked"), 400),
    ]
}

/// Origins that are not those of a page of this server, 127.0.0.1 and a port, and get a 403.
pub fn foreign_origins(own: SocketAddr) -> Vec<String> {
    let port = own.port();
    vec![
        "null".to_owned(),
        String::new(),
        "*".into(),
        "http://evil.example".into(),
        format!("http://evil.example:{port}"),
        // Another port, or none.
        "http://127.0.0.1".into(),
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://127.0.0.1:0{port}"),
        format!("http://{own}0"),
        // Other names of this machine are other origins.
        format!("http://localhost:{port}"),
        format!("http://127.0.0.2:{port}"),
        format!("http://[::1]:{port}"),
        // The right one as prefix or suffix of another.
        format!("http://{own}.evil.example"),
        format!("http://127.0.0.1.evil.example:{port}"),
        format!("http://evil{own}"),
        format!("http://evil.example/{own}"),
        format!("http://evil.example?{own}"),
        format!("http://evil.example#{own}"),
        format!("http://evil.example@{own}"),
        format!("http://{own}@evil.example"),
        format!("http://{own}:80@evil.example"),
        format!("http://{own}/"),
        format!("http://{own}\\@evil.example"),
        format!("http://{own} http://evil.example"),
        format!("http://evil.example http://{own}"),
        format!("http://{own},http://evil.example"),
        // No origin at all.
        own.to_string(),
        format!("//{own}"),
        format!("http:{own}"),
        format!("http:/{own}"),
        format!("http//{own}"),
        format!("file://{own}"),
        format!("chrome-extension://{own}"),
    ]
}

/// Hosts that cannot be rebound, and are served.
pub const HOSTS: [&str; 7] =
    ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:80", "192.168.1.7", "[::1]", "[::1]:80"];

/// Hosts that could be, and get a 421.
pub const REBOUND_HOSTS: [&str; 17] = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "evil-localhost",
    "localhost.",
    "xlocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1.",
    "127.0.0.256",
    "127.0.0.0001",
    // Other ways to write an address, which a resolver may take for a name.
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0x7f000001",
    // More digits than a number has room for.
    "99999999999.1.1.1",
    "4294967423.0.0.1",
    "averyveryverylonglabel.b.c.d",
];

/// Hosts that are none, and get a 400.
pub const NO_HOSTS: [&str; 9] =
    ["evil@127.0.0.1", "127.0.0.1/", "127.0.0.1:x", "127.0.0.1:-1", "a b", "[evil]", "[::1", "::1", ":80"];
