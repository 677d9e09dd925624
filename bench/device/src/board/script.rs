//! What the client does: heads as browsers send them, then messages, a ping and a close.

/// Something sent, and what it is called where its cost is printed.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) what: What,
    /// Whether the server asks for it before it is there, and has to be woken.
    pub(super) late: bool,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// A request.
    Head(&'static [u8]),
    /// A frame with this opcode and so many bytes of payload.
    Frame(u8, usize),
}

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// The steps of each connection.
pub(super) const CONNECTIONS: &[&[Step]] = &[
    &[
        now("handshake", What::Head(CHROME)),
        now("ping", What::Frame(PING, 4)),
        now("binary-16", What::Frame(BINARY, 16)),
        now("binary-125", What::Frame(BINARY, 125)),
        now("binary-1024", What::Frame(BINARY, 1024)),
        now("text-16", What::Frame(TEXT, 16)),
        now("text-1024", What::Frame(TEXT, 1024)),
        Step { name: "late-16", what: What::Frame(BINARY, 16), late: true },
        now("close", What::Frame(CLOSE, 2)),
    ],
    &[now("firefox", What::Head(FIREFOX))],
];

const fn now(name: &'static str, what: What) -> Step {
    Step { name, what, late: false }
}

/// Belongs to the key in both heads.
pub(super) const ACCEPT: &[u8] = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// Chrome's request for `new WebSocket("ws://192.168.1.20/")` from the device's own page.
pub const CHROME: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: 192.168.1.20\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://192.168.1.20\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    \r\n";

/// Firefox's.
const FIREFOX: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: 192.168.1.20\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\
    Accept: */*\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Origin: http://192.168.1.20\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    DNT: 1\r\n\
    Sec-GPC: 1\r\n\
    Connection: keep-alive, Upgrade\r\n\
    Sec-Fetch-Dest: empty\r\n\
    Sec-Fetch-Mode: websocket\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    Upgrade: websocket\r\n\
    \r\n";
