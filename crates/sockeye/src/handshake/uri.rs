//! `ws:` and `wss:` URIs (RFC 6455 section 3).

use core::fmt;

use super::door::Authority;
use super::head::text;

/// Where a client connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    secure: bool,
    authority: Authority<'a>,
    port: u16,
    target: &'a [u8],
}

/// What is wrong with a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UriError {
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// A user name or password, which a WebSocket URI cannot have.
    UserInfo,
    /// The host is missing, or none.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// A fragment (`#`), which a WebSocket URI must not have.
    Fragment,
    /// A character in path or query that must be percent-encoded.
    Path,
}

impl<'a> Uri<'a> {
    /// Reads `ws://host:port/path?query`; port and path may be missing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(uri: &'a str) -> Result<Self, UriError> {
        let uri = uri.as_bytes();
        let colon = uri.iter().position(|&byte| byte == b':').ok_or(UriError::Scheme)?;
        let (scheme, rest) = uri.split_at_checked(colon).ok_or(UriError::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case(b"wss");
        if !secure && !scheme.eq_ignore_ascii_case(b"ws") {
            return Err(UriError::Scheme);
        }
        let rest = rest.strip_prefix(b"://").ok_or(UriError::Host)?;
        if rest.contains(&b'#') {
            return Err(UriError::Fragment);
        }
        let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or(UriError::Host)?;
        if authority.contains(&b'@') {
            return Err(UriError::UserInfo);
        }
        if !target.iter().all(u8::is_ascii_graphic) {
            return Err(UriError::Path);
        }
        let authority = Authority::split(authority);
        let port = match authority.port {
            b"" | b":" => {
                if secure {
                    443
                } else {
                    80
                }
            }
            [_, digits @ ..] if authority.port_is_valid() => {
                text(digits).parse().ok().filter(|&port| port != 0).ok_or(UriError::Port)?
            }
            _ => return Err(UriError::Port),
        };
        if !authority.is_valid() {
            return Err(UriError::Host);
        }
        Ok(Uri { secure, authority, port, target })
    }

    /// Whether the scheme is `wss`: over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to look up: a name or an address, an IPv6 address without its brackets.
    pub fn host(&self) -> &'a str {
        let host = self.authority.name;
        text(host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host))
    }

    /// The port, 80 or 443 if the URI names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host as it was written, an IPv6 address with its brackets.
    pub(super) fn bracketed_host(&self) -> &'a [u8] {
        self.authority.name
    }

    /// The port, unless it is the scheme's own (section 4.1).
    pub(super) fn non_default_port(&self) -> Option<u16> {
        (self.port != if self.secure { 443 } else { 80 }).then_some(self.port)
    }

    /// Path and query as they go on the request line, but for the first `/` if that is missing.
    pub(super) fn target(&self) -> &'a [u8] {
        self.target
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriError::Scheme => "a WebSocket URI begins with ws:// or wss://",
            UriError::UserInfo => "a WebSocket URI has no user name or password",
            UriError::Host => "the URI names no valid host",
            UriError::Port => "the port is no number from 1 to 65535",
            UriError::Fragment => "a WebSocket URI has no fragment (#)",
            UriError::Path => "a character in path or query must be percent-encoded",
        })
    }
}

impl core::error::Error for UriError {}
