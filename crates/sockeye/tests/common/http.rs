//! What the tests of the opening handshake share.

use sockeye::handshake::head_end;
use sockeye::{Reject, Request};

/// The key of RFC 6455 section 1.3, the bytes that it stands for, and its answer.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const NONCE: &[u8; 16] = b"the sample nonce";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const UPGRADE: [&str; 6] = [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// Lines as a head.
pub(crate) fn head<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut head = Vec::new();
    for line in lines {
        head.extend(line.as_ref());
        head.extend(b"\r\n");
    }
    head.extend(b"\r\n");
    head
}

/// A valid upgrade.
pub(crate) fn upgrade() -> Vec<u8> {
    head(UPGRADE)
}

/// A valid upgrade, but the line that starts with `name` replaced by these; with an empty name they are added.
pub(crate) fn upgrade_with<L: AsRef<[u8]>>(name: &str, lines: &[L]) -> Vec<u8> {
    let is_replaced = |line: &&str| !name.is_empty() && line.starts_with(name);
    assert_eq!(UPGRADE.iter().filter(|line| is_replaced(line)).count(), usize::from(!name.is_empty()));
    let mut all: Vec<&[u8]> = Vec::new();
    for line in &UPGRADE {
        if is_replaced(line) {
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

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Upgrade,
    Plain,
}

/// The one check of requests: whole, cut at every point, read byte by byte, and with bytes after it.
#[track_caller]
pub(crate) fn check_request(head: &[u8], expect: Result<Is, Reject>) {
    let parse = |bytes: &[u8]| -> Result<Option<(Is, usize)>, Reject> {
        let parsed = Request::parse(bytes)?;
        Ok(parsed.map(|(request, len)| (if request.is_upgrade() { Is::Upgrade } else { Is::Plain }, len)))
    };
    let shown = String::from_utf8_lossy(&head[..head.len().min(400)]);
    let expect = expect.map(|is| Some((is, head.len())));
    assert_eq!(parse(head), expect, "{shown}");
    for cut in (0..head.len()).filter(|cut| head.len() < 2000 || cut % 101 == 0) {
        assert_eq!(parse(&head[..cut]), Ok(None), "cut at {cut}: {shown}");
    }
    for after in [&b"\x81\x80abcd"[..], b"\r\n\r\n", b"\n", b"\xff", b"GET / HTTP/1.1\r\n\r\n"] {
        assert_eq!(parse(&[head, after].concat()), expect, "with bytes after it: {shown}");
    }
    let ends: Vec<usize> = (1..=head.len()).filter(|at| head_end(&head[..*at], at - 1).is_some()).collect();
    assert_eq!(ends, [head.len()], "read byte by byte: {shown}");
}

/// The request of a head that is one.
#[track_caller]
pub(crate) fn request(head: &[u8]) -> Request<'_> {
    match Request::parse(head) {
        Ok(Some((request, _))) => request,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(head)),
    }
}
