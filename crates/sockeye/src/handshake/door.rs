//! Who may come in: the rules on `Host` and `Origin`, against DNS rebinding and cross-site hijacking
//! (RFC 6455 section 10.2).

use super::chars::{ADDRESS, DIGIT, NAME};
use super::head::{cut, is};

/// The hosts that a server answers to.
///
/// An IP address and `localhost` are always right: there is no name that an attacker could have pointed here.
#[derive(Debug, Clone, Copy)]
pub enum Host<'a, S = &'static str> {
    /// These names too, in any case, on any port.
    Named(&'a [S]),
    /// Every name: only for a server that any page may reach under any name.
    Any,
}

impl Host<'_> {
    /// IP addresses and `localhost` only.
    pub const NAMELESS: Self = Host::Named(&[]);
}

/// The origins whose pages may connect.
///
/// No `Origin` header is no browser, and the server's own pages are always right.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a, S = &'static str> {
    /// These too, as `https://example.com` or `https://example.com:8443`.
    Listed(&'a [S]),
    /// Every origin.
    Any,
}

impl Origin<'_> {
    /// The server's own pages only.
    pub const SAME: Self = Origin::Listed(&[]);
}

impl<S: AsRef<str>> Host<'_, S> {
    pub(super) fn allows(&self, host: &Authority<'_>) -> bool {
        let Host::Named(names) = self else { return true };
        let name = host.name;
        is_ipv4(name)
            || name.first() == Some(&b'[')
            || is(name, b"localhost")
            || names.iter().any(|listed| is(name, listed.as_ref().as_bytes()))
    }
}

impl<S: AsRef<str>> Origin<'_, S> {
    pub(super) fn allows(&self, origin: &[u8], host: &Authority<'_>) -> bool {
        let Origin::Listed(listed) = self else { return true };
        is_own(origin, host) || listed.iter().any(|listed| is_equal(origin, listed.as_ref().as_bytes()))
    }
}

/// `host:port`, in two: an IPv6 address with its brackets, the port with its colon or empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) name: &'a [u8],
    pub(super) port: &'a [u8],
}

impl<'a> Authority<'a> {
    pub(super) fn split(authority: &'a [u8]) -> Self {
        let after_brackets = authority.iter().position(|&byte| byte == b']').unwrap_or(0);
        let colon = authority.iter().skip(after_brackets).position(|&byte| byte == b':');
        let end = colon.map_or(authority.len(), |colon| after_brackets + colon);
        let (name, port) = authority.split_at_checked(end).unwrap_or_default();
        Authority { name, port }
    }

    /// Whether it is a bracketed IPv6 address, a name or an IPv4 address, and perhaps a port.
    pub(super) fn is_valid(&self) -> bool {
        let name_is_valid = match self.name {
            [b'[', inside @ .., b']'] => ADDRESS.all(inside) && cut(inside, b':').is_some(),
            name => NAME.all(name),
        };
        name_is_valid && self.port_is_valid()
    }

    /// Nothing, or a colon and up to five digits.
    pub(super) fn port_is_valid(&self) -> bool {
        match self.port {
            [] | [_] => true,
            [_, digits @ ..] => digits.len() <= 5 && DIGIT.all(digits),
        }
    }

    /// Whether both are the same, the default port said or not.
    fn is(&self, other: &Authority<'_>, default_port: &[u8]) -> bool {
        let or_default = |port| if port == b"" { default_port } else { port };
        is(self.name, other.name) && or_default(self.port) == or_default(other.port)
    }
}

/// Four numbers of up to three digits, none above 255.
fn is_ipv4(name: &[u8]) -> bool {
    let (mut dots, mut digits, mut number) = (0, 0, 0);
    for &byte in name {
        match byte {
            b'0'..=b'9' => (digits, number) = (digits + 1, number * 10 + u32::from(byte - b'0')),
            b'.' if digits > 0 => (dots, digits, number) = (dots + 1, 0, 0),
            _ => return false,
        }
        if digits > 3 || number > 255 || dots > 3 {
            return false;
        }
    }
    dots == 3 && digits > 0
}

/// Whether a page of this origin is the server's own: of the same host and port. Whether it came by http or https
/// does not matter: behind a proxy that ends TLS, a server does not know its own scheme.
fn is_own(origin: &[u8], host: &Authority<'_>) -> bool {
    let Some((scheme, authority)) = split_scheme(origin) else { return false };
    let default = default_port(scheme);
    !default.is_empty() && Authority::split(authority).is(host, default)
}

/// The same scheme, host and port, a default port said or not.
fn is_equal(origin: &[u8], listed: &[u8]) -> bool {
    match (split_scheme(origin), split_scheme(listed)) {
        (Some((scheme, authority)), Some((listed_scheme, listed))) => {
            let (authority, listed) = (Authority::split(authority), Authority::split(listed));
            is(scheme, listed_scheme) && authority.is(&listed, default_port(scheme))
        }
        // An origin without `://`, such as `null`, only as it is written.
        (None, None) => origin == listed,
        _ => false,
    }
}

/// `scheme://rest`
pub(super) fn split_scheme(origin: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scheme, rest) = cut(origin, b':')?;
    Some((scheme, rest.strip_prefix(b"//")?))
}

/// Of http and https, with its colon; empty for any other.
pub(super) fn default_port(scheme: &[u8]) -> &'static [u8] {
    if is(scheme, b"http") {
        b":80"
    } else if is(scheme, b"https") {
        b":443"
    } else {
        b""
    }
}
