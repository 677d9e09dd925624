//! A request head, as a server reads it (RFC 6455 section 4.2.1).

use super::chars::{TARGET, TOKEN};
use super::door::{Authority, Host, Origin, default_port, split_scheme};
use super::extensions::{self, Extension, Extensions};
use super::head::{Head, Headers, cut, head_end, is, text};
use super::{Reject, base64};

/// A request that keeps to HTTP/1.1 and, if it asks for an upgrade to WebSocket, to RFC 6455 section 4.2.1.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    method: &'a [u8],
    /// Path and query.
    target: &'a [u8],
    host: &'a [u8],
    authority: Authority<'a>,
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
    pub fn parse(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, Reject> {
        let Some(end) = head_end(bytes, 0) else { return Ok(None) };
        let head = Head::parse(bytes.get(..end).unwrap_or_default())?;
        let (method, target) = request_line(head.first_line)?;
        let [host, origin, key, version, length, encoding] = known(&head.headers)?;
        let host = host.ok_or(Reject::Host)?;
        let authority = Authority::split(host);
        if !authority.is_valid() {
            return Err(Reject::Host);
        }
        let key = if head.headers.list_has("Upgrade", b"websocket") {
            if method != b"GET" {
                return Err(Reject::Method);
            }
            if length.is_some() || encoding.is_some() {
                return Err(Reject::Body);
            }
            Some(upgrade(&head.headers, key, version)?)
        } else {
            None
        };
        Ok(Some((Request { method, target, host, authority, origin, key, headers: head.headers }, end)))
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
        if allowed.allows(&self.authority) { Ok(()) } else { Err(Reject::HostNotAllowed) }
    }

    /// Whether pages of this origin may connect.
    ///
    /// # Errors
    /// [`Reject::OriginNotAllowed`]
    pub fn check_origin<S: AsRef<str>>(&self, allowed: &Origin<'_, S>) -> Result<(), Reject> {
        match self.origin {
            Some(origin) if !allowed.allows(origin, &self.authority) => Err(Reject::OriginNotAllowed),
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
    if !TOKEN.all(method) || !TARGET.all(target) {
        return Err(Reject::Malformed);
    }
    if version != b"HTTP/1.1" {
        return Err(match version {
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Reject::HttpVersion,
            _ => Reject::Malformed,
        });
    }
    if target.first() == Some(&b'/') {
        return Ok((method, target));
    }
    // The absolute form names the host a second time; what counts is its path (RFC 9112 section 3.2.2).
    match split_scheme(target) {
        Some((scheme, rest)) if !default_port(scheme).is_empty() => {
            let end = rest.iter().position(|&byte| byte == b'/' || byte == b'?');
            Ok((method, end.and_then(|end| rest.get(end..)).unwrap_or_default()))
        }
        _ => Err(Reject::Malformed),
    }
}

/// The headers that are looked for by name: the first four may come once, the others mean a body.
const KNOWN: [&str; 6] =
    ["Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Content-Length", "Transfer-Encoding"];

fn known<'a>(headers: &Headers<'a>) -> Result<[Option<&'a [u8]>; 6], Reject> {
    let mut values = [None; 6];
    let mut headers = headers.clone();
    while let Some((name, value)) = headers.field() {
        for (at, (known, slot)) in KNOWN.iter().zip(&mut values).enumerate() {
            if is(name, known.as_bytes()) && slot.replace(value).is_some() && at < 4 {
                return Err(Reject::Repeated(known));
            }
        }
    }
    Ok(values)
}

/// The rules on the headers of an upgrade: its key, if all of them are kept.
fn upgrade<'a>(headers: &Headers<'a>, key: Option<&'a [u8]>, version: Option<&[u8]>) -> Result<&'a [u8; 24], Reject> {
    if !headers.list_has("Connection", b"upgrade") {
        return Err(Reject::Connection);
    }
    if version != Some(b"13") {
        return Err(Reject::Version);
    }
    let key = key.and_then(base64::nonce).ok_or(Reject::Key)?;
    if !subprotocols_are_valid(headers) {
        return Err(Reject::Subprotocols);
    }
    let mut rest = headers.clone();
    while let Some(value) = rest.next_named(EXTENSIONS) {
        if !extensions::is_valid(value) {
            return Err(Reject::Extensions);
        }
    }
    Ok(key)
}

/// No such header, or one token to [`MAX_SUBPROTOCOLS`], each once (RFC 6455 sections 4.1 and 11.3.4).
fn subprotocols_are_valid(headers: &Headers<'_>) -> bool {
    let mut offered = headers.list(SUBPROTOCOL);
    let mut count = 0;
    while let Some(token) = offered.next() {
        count += 1;
        if count > MAX_SUBPROTOCOLS || !TOKEN.all(token) || offered.clone().any(|later| later == token) {
            return false;
        }
    }
    count > 0 || headers.get(SUBPROTOCOL).is_none()
}
