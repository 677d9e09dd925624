//! Why a request is not answered with 101, and the status it gets.

use core::fmt;

/// Why a request is refused. Each reason has its HTTP status, and [`Response::reject`](super::Response::reject)
/// adds the headers that the status owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reject {
    /// 431: the head is larger than the reader's limit.
    HeadTooBig,
    /// 431: more than [`MAX_HEADERS`](super::MAX_HEADERS) header fields.
    TooManyHeaders,
    /// 400: the head breaks the grammar of HTTP/1.1 (RFC 9112).
    Malformed,
    /// 400: the head is not UTF-8 (RFC 6455 section 8.1).
    NotUtf8,
    /// 400: not HTTP/1.1.
    HttpVersion,
    /// 400: a header that may come once came twice; this one.
    Repeated(&'static str),
    /// 400: no `Host`, or one that is no host.
    Host,
    /// 400: an upgrade with a body, `Content-Length` or `Transfer-Encoding` (request smuggling).
    Body,
    /// 405: an upgrade with another method than GET.
    Method,
    /// 400: an upgrade without `Connection: Upgrade`.
    Connection,
    /// 426: another `Sec-WebSocket-Version` than 13, or none.
    Version,
    /// 400: the `Sec-WebSocket-Key` is missing, or not 16 bytes in base64.
    Key,
    /// 400: the `Sec-WebSocket-Protocol` is no list of different tokens, or of more than 32.
    Subprotocols,
    /// 400: the `Sec-WebSocket-Extensions` breaks its grammar (section 9.1).
    Extensions,
    /// 421: the server does not answer to this `Host`.
    HostNotAllowed,
    /// 403: pages of this `Origin` may not connect (section 10.2).
    OriginNotAllowed,
    /// 404: there is nothing at this path.
    NotFound,
    /// 426: this path is only for WebSockets, and the request asks for no upgrade.
    UpgradeRequired,
    /// 503: the server has no room; come back after so many seconds.
    Unavailable {
        /// For the `Retry-After` header.
        retry_after: u32,
    },
}

impl Reject {
    /// The HTTP status: 400, 403, 404, 405, 421, 426, 431 or 503.
    pub fn status(&self) -> u16 {
        match self {
            Reject::OriginNotAllowed => 403,
            Reject::NotFound => 404,
            Reject::Method => 405,
            Reject::HostNotAllowed => 421,
            Reject::Version | Reject::UpgradeRequired => 426,
            Reject::HeadTooBig | Reject::TooManyHeaders => 431,
            Reject::Unavailable { .. } => 503,
            _ => 400,
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reject::HeadTooBig => "the request head is too big",
            Reject::TooManyHeaders => "more than 64 headers",
            Reject::Malformed => "the request head breaks the grammar of HTTP/1.1",
            Reject::NotUtf8 => "the request head is not UTF-8",
            Reject::HttpVersion => "not HTTP/1.1",
            Reject::Repeated(name) => return write!(f, "{name} came twice (400)"),
            Reject::Host => "Host is missing or no host",
            Reject::Body => "an upgrade with Content-Length or Transfer-Encoding",
            Reject::Method => "an upgrade must be a GET",
            Reject::Connection => "an upgrade without Connection: Upgrade",
            Reject::Version => "Sec-WebSocket-Version is not 13",
            Reject::Key => "Sec-WebSocket-Key is not 16 bytes in base64",
            Reject::Subprotocols => "Sec-WebSocket-Protocol is no list of different tokens",
            Reject::Extensions => "Sec-WebSocket-Extensions breaks its grammar",
            Reject::HostNotAllowed => "this Host is not served here",
            Reject::OriginNotAllowed => "pages of this Origin may not connect",
            Reject::NotFound => "nothing is at this path",
            Reject::UpgradeRequired => "this path is for WebSockets only",
            Reject::Unavailable { .. } => "no room for another connection",
        })?;
        write!(f, " ({})", self.status())
    }
}

impl core::error::Error for Reject {}

/// The phrase that goes with a status code (RFC 9110 section 15); empty for one that is not in use here.
pub fn reason_phrase(status: u16) -> &'static str {
    const PHRASES: [(u16, &str); 15] = [
        (101, "Switching Protocols"),
        (200, "OK"),
        (204, "No Content"),
        (304, "Not Modified"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (421, "Misdirected Request"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
    ];
    PHRASES.iter().find(|(of, _)| *of == status).map_or("", |(_, phrase)| phrase)
}
