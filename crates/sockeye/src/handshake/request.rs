//! A request head, as a server reads it (RFC 6455 section 4.2.1).

use super::door::{self, Host, Origin};
use super::extensions::{self, Extension, Extensions};
use super::head::{Head, HeadError, Headers, head_end, is_token, text};
use super::{Reject, base64};

/// A request that keeps to HTTP/1.1 and, if it asks for an upgrade to WebSocket, to RFC 6455 section 4.2.1.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
    host: &'a [u8],
    /// The key, if this is an upgrade.
    pub(super) key: Option<&'a [u8]>,
    headers: Headers<'a>,
}

impl<'a> Request<'a> {
    /// Reads a head from the front of `bytes`: the request, and where the bytes after it begin. `None` when the
    /// head is not whole yet; see [`head_end`] for a reader that gets it in many pieces.
    ///
    /// # Errors
    /// The rule that the client broke, which knows its status.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Reject> {
        let Some(end) = head_end(bytes, 0) else { return Ok(None) };
        let head = Head::parse(bytes.get(..end).unwrap_or_default()).map_err(|error| match error {
            HeadError::Malformed => Reject::Malformed,
            HeadError::NotUtf8 => Reject::NotUtf8,
            HeadError::TooManyHeaders => Reject::TooManyHeaders,
        })?;
        let RequestLine { method, path, query } = RequestLine::parse(head.first_line)?;
        let seen = Seen::of(&head.headers)?;
        let host = seen.host.filter(|host| door::is_host(host)).ok_or(Reject::Host)?;
        let key = if seen.websocket { Some(seen.upgrade(method, &head.headers)?) } else { None };
        Ok(Some((Request { method, path, query, host, key, headers: head.headers }, end)))
    }

    /// Such as `GET`.
    pub fn method(&self) -> &'a str {
        text(self.method)
    }

    /// The path as it was sent, from its first `/`, percent-encoding untouched.
    pub fn path(&self) -> &'a str {
        text(self.path)
    }

    /// What follows the path's `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.query.map(text)
    }

    /// The `Host`, with its port if it names one.
    pub fn host(&self) -> &'a str {
        text(self.host)
    }

    /// The `Origin`: of which site's page the browser acts. Without one it is not a browser.
    pub fn origin(&self) -> Option<&'a str> {
        self.header("Origin")
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

    /// The extensions that the client offers, in its order of preference.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let named = self.headers.clone().raw().filter(|(name, _)| name.eq_ignore_ascii_case(EXTENSIONS.as_bytes()));
        named.flat_map(|(_, value)| Extensions::new(value))
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
        match self.headers.get("Origin") {
            Some(origin) if !allowed.allows(origin, self.host) => Err(Reject::OriginNotAllowed),
            _ => Ok(()),
        }
    }
}

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

struct RequestLine<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl<'a> RequestLine<'a> {
    /// Of HTTP/1.1 (RFC 9112 section 3).
    fn parse(line: &'a [u8]) -> Result<Self, Reject> {
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Reject::Malformed);
        };
        if !is_token(method) || !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
            return Err(Reject::Malformed);
        }
        match version {
            b"HTTP/1.1" => {}
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(Reject::HttpVersion),
            _ => return Err(Reject::Malformed),
        }
        // The absolute form names the host a second time; what counts is its path (RFC 9112 section 3.2.2).
        let origin_form = match target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://")) {
            Some(absolute) => {
                let slash = absolute.iter().position(|&byte| byte == b'/');
                slash.and_then(|slash| absolute.get(slash..)).unwrap_or(b"/")
            }
            None => target,
        };
        if origin_form.first() != Some(&b'/') {
            return Err(Reject::Malformed);
        }
        let question = origin_form.iter().position(|&byte| byte == b'?');
        Ok(match question.and_then(|at| origin_form.split_at_checked(at)) {
            Some((path, query)) => RequestLine { method, path, query: query.get(1..) },
            None => RequestLine { method, path: origin_form, query: None },
        })
    }
}

/// The headers that the handshake knows.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    key: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    origin: Option<&'a [u8]>,
    websocket: bool,
    connection: bool,
    body: bool,
    extensions_broken: bool,
}

impl<'a> Seen<'a> {
    fn of(headers: &Headers<'a>) -> Result<Self, Reject> {
        let mut seen = Seen::default();
        for (name, value) in headers.clone().raw() {
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            let has = |token: &[u8]| super::head::elements(value).any(|element| element.eq_ignore_ascii_case(token));
            if is("Host") {
                once(&mut seen.host, value, "Host")?;
            } else if is("Origin") {
                once(&mut seen.origin, value, "Origin")?;
            } else if is("Sec-WebSocket-Key") {
                once(&mut seen.key, value, "Sec-WebSocket-Key")?;
            } else if is("Sec-WebSocket-Version") {
                once(&mut seen.version, value, "Sec-WebSocket-Version")?;
            } else if is("Upgrade") {
                seen.websocket |= has(b"websocket");
            } else if is("Connection") {
                seen.connection |= has(b"upgrade");
            } else if is("Content-Length") || is("Transfer-Encoding") {
                seen.body = true;
            } else if is(EXTENSIONS) {
                seen.extensions_broken |= !extensions::is_valid(value);
            }
        }
        Ok(seen)
    }

    /// The rules on an upgrade: its key, if all of them are kept.
    fn upgrade(&self, method: &[u8], headers: &Headers<'a>) -> Result<&'a [u8], Reject> {
        if method != b"GET" {
            return Err(Reject::Method);
        }
        if self.body {
            return Err(Reject::Body);
        }
        if !self.connection {
            return Err(Reject::Connection);
        }
        if self.version != Some(b"13") {
            return Err(Reject::Version);
        }
        let key = self.key.filter(|key| base64::decode(key).is_some()).ok_or(Reject::Key)?;
        if !subprotocols_are_valid(headers) {
            return Err(Reject::Subprotocols);
        }
        if self.extensions_broken {
            return Err(Reject::Extensions);
        }
        Ok(key)
    }
}

fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], name: &'static str) -> Result<(), Reject> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reject::Repeated(name)),
    }
}

/// Tokens, each once, and at least one if there is such a header (RFC 6455 sections 4.1 and 11.3.4).
fn subprotocols_are_valid(headers: &Headers<'_>) -> bool {
    let offered = || headers.list(SUBPROTOCOL);
    let all_unique_tokens =
        offered().enumerate().all(|(at, token)| is_token(token) && !offered().take(at).any(|earlier| earlier == token));
    all_unique_tokens && (offered().next().is_some() || headers.get(SUBPROTOCOL).is_none())
}
