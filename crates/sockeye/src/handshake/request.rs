//! A request head, as a server reads it (RFC 6455 section 4.2.1).

use super::door::{self, Host, Origin};
use super::extensions::{self, Extension, Extensions};
use super::head::{Elements, Head, HeadError, Headers, cut, head_end, is, is_token, text};
use super::{Reject, base64};

/// A request that keeps to HTTP/1.1 and, if it asks for an upgrade to WebSocket, to RFC 6455 section 4.2.1.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    method: &'a [u8],
    /// Path and query.
    target: &'a [u8],
    host: &'a [u8],
    origin: Option<&'a [u8]>,
    /// The key, if this is an upgrade.
    pub(super) key: Option<&'a [u8; 24]>,
    headers: Headers<'a>,
}

impl<'a> Request<'a> {
    /// Reads a head from the front of `bytes`: the request, and where the bytes after it begin. `None` when the
    /// head is not whole yet; see [`head_end`] for a reader that gets it in many pieces.
    ///
    /// # Errors
    /// The rule that the client broke, which knows its status.
    #[inline(never)]
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Reject> {
        let Some(end) = head_end(bytes, 0) else { return Ok(None) };
        let head = Head::parse(bytes.get(..end).unwrap_or_default()).map_err(|error| match error {
            HeadError::Malformed => Reject::Malformed,
            HeadError::NotUtf8 => Reject::NotUtf8,
            HeadError::TooManyHeaders => Reject::TooManyHeaders,
        })?;
        let (method, target) = request_line(head.first_line)?;
        let seen = Seen::of(head.headers.clone())?;
        let [host, origin, ..] = seen.single;
        let host = host.filter(|host| door::is_host(host)).ok_or(Reject::Host)?;
        let key = if seen.websocket { Some(seen.upgrade(method, &head.headers)?) } else { None };
        Ok(Some((Request { method, target, host, origin, key, headers: head.headers }, end)))
    }

    /// Such as `GET`.
    pub fn method(&self) -> &'a str {
        text(self.method)
    }

    /// The path as it was sent, from its first `/`, percent-encoding untouched.
    pub fn path(&self) -> &'a str {
        let path = cut(self.target, b'?').map_or(self.target, |(path, _)| path);
        // An absolute form may have none.
        if path.is_empty() { "/" } else { text(path) }
    }

    /// What follows the path's `?`.
    pub fn query(&self) -> Option<&'a str> {
        cut(self.target, b'?').map(|(_, query)| text(query))
    }

    /// The `Host`, with its port if it names one.
    pub fn host(&self) -> &'a str {
        text(self.host)
    }

    /// The `Origin`: of which site's page the browser acts. Without one it is not a browser.
    pub fn origin(&self) -> Option<&'a str> {
        self.origin.map(text)
    }

    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).map(text)
    }

    /// All headers in their order.
    pub fn headers(&self) -> Headers<'a> {
        self.headers.clone()
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.headers.list(SUBPROTOCOL).map(text)
    }

    /// Whether the client offers this subprotocol.
    pub(super) fn offers(&self, subprotocol: &str) -> bool {
        self.headers.list(SUBPROTOCOL).any(|offered| offered == subprotocol.as_bytes())
    }

    /// The extensions that the client offers, in its order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut headers = self.headers.clone();
        core::iter::from_fn(move || headers.next_named(EXTENSIONS)).flat_map(Extensions::new)
    }

    /// Whether this asks for an upgrade to WebSocket; if not, it is a plain HTTP request.
    pub fn is_upgrade(&self) -> bool {
        self.key.is_some()
    }

    /// Whether a server of these names is meant.
    ///
    /// # Errors
    /// [`Reject::HostNotAllowed`]
    pub fn check_host<S: AsRef<str>>(&self, allowed: &Host<'_, S>) -> Result<(), Reject> {
        if allowed.allows(self.host) { Ok(()) } else { Err(Reject::HostNotAllowed) }
    }

    /// Whether pages of this origin may connect.
    ///
    /// # Errors
    /// [`Reject::OriginNotAllowed`]
    pub fn check_origin<S: AsRef<str>>(&self, allowed: &Origin<'_, S>) -> Result<(), Reject> {
        match self.origin {
            Some(origin) if !allowed.allows(origin, self.host) => Err(Reject::OriginNotAllowed),
            _ => Ok(()),
        }
    }
}

/// Each is compared with all after it, so that their number must have a limit.
const MAX_SUBPROTOCOLS: usize = 32;

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// The method and the target's path and query (RFC 9112 section 3).
fn request_line(line: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let (method, rest) = cut(line, b' ').ok_or(Reject::Malformed)?;
    let (target, version) = cut(rest, b' ').ok_or(Reject::Malformed)?;
    if !is_token(method) || !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return Err(Reject::Malformed);
    }
    match version.strip_prefix(b"HTTP/") {
        Some(b"1.1") => {}
        Some([b'0'..=b'9', b'.', b'0'..=b'9']) => return Err(Reject::HttpVersion),
        _ => return Err(Reject::Malformed),
    }
    let target = match absolute(target) {
        Some(authority) => {
            let end = authority.iter().position(|&byte| byte == b'/' || byte == b'?');
            end.and_then(|end| authority.get(end..)).unwrap_or_default()
        }
        None if target.first() == Some(&b'/') => target,
        None => return Err(Reject::Malformed),
    };
    Ok((method, target))
}

/// What follows the scheme of a target in absolute form. It names the host a second time; what counts is its path
/// (RFC 9112 section 3.2.2).
fn absolute(target: &[u8]) -> Option<&[u8]> {
    let rest = target.strip_prefix(b"http")?;
    rest.strip_prefix(b"s").unwrap_or(rest).strip_prefix(b"://")
}

/// The headers that the handshake knows, those first that may come once.
const KNOWN: [&str; 10] = [
    "Host",
    "Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Upgrade",
    "Connection",
    EXTENSIONS,
    SUBPROTOCOL,
    "Content-Length",
    "Transfer-Encoding",
];

/// What they say.
#[derive(Default)]
struct Seen<'a> {
    /// The values of the first four.
    single: [Option<&'a [u8]>; 4],
    websocket: bool,
    connection: bool,
    extensions_broken: bool,
    subprotocols: bool,
    body: bool,
}

impl<'a> Seen<'a> {
    fn of(mut headers: Headers<'a>) -> Result<Self, Reject> {
        let mut seen = Seen::default();
        while let Some((name, value)) = headers.field() {
            let Some((at, known)) = KNOWN.iter().enumerate().find(|(_, known)| is(name, known)) else { continue };
            match at {
                4 => seen.websocket |= has(value, "websocket"),
                5 => seen.connection |= has(value, "upgrade"),
                6 => seen.extensions_broken |= !extensions::is_valid(value),
                7 => seen.subprotocols = true,
                8.. => seen.body = true,
                _ => {
                    if seen.single.get_mut(at).and_then(|slot| slot.replace(value)).is_some() {
                        return Err(Reject::Repeated(known));
                    }
                }
            }
        }
        Ok(seen)
    }

    /// The rules on an upgrade: its key, if all of them are kept.
    fn upgrade(&self, method: &[u8], headers: &Headers<'_>) -> Result<&'a [u8; 24], Reject> {
        let [_, _, key, version] = self.single;
        if method != b"GET" {
            return Err(Reject::Method);
        }
        if self.body {
            return Err(Reject::Body);
        }
        if !self.connection {
            return Err(Reject::Connection);
        }
        if version != Some(b"13") {
            return Err(Reject::Version);
        }
        let key = key.and_then(base64::nonce).ok_or(Reject::Key)?;
        if self.subprotocols && !subprotocols_are_valid(headers) {
            return Err(Reject::Subprotocols);
        }
        if self.extensions_broken {
            return Err(Reject::Extensions);
        }
        Ok(key)
    }
}

/// Whether a list has this token, in any case.
fn has(list: &[u8], token: &str) -> bool {
    Elements(list).any(|element| is(element, token))
}

/// One token to [`MAX_SUBPROTOCOLS`], and each once (RFC 6455 sections 4.1 and 11.3.4).
fn subprotocols_are_valid(headers: &Headers<'_>) -> bool {
    let mut offered = headers.list(SUBPROTOCOL);
    let mut count = 0;
    while let Some(token) = offered.next() {
        count += 1;
        if count > MAX_SUBPROTOCOLS || !is_token(token) || offered.clone().any(|later| later == token) {
            return false;
        }
    }
    count > 0
}
