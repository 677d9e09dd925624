//! Who may come in: the rules on `Host` and `Origin`, against DNS rebinding and cross-site hijacking
//! (RFC 6455 section 10.2).

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
    pub(super) fn allows(&self, host: &[u8]) -> bool {
        let Host::Named(names) = self else { return true };
        let name = split_port(host).0;
        is_ipv4(name)
            || name.first() == Some(&b'[')
            || is(name, "localhost")
            || names.iter().any(|listed| is(name, listed.as_ref()))
    }
}

impl<S: AsRef<str>> Origin<'_, S> {
    pub(super) fn allows(&self, origin: &[u8], host: &[u8]) -> bool {
        let Origin::Listed(listed) = self else { return true };
        is_own(origin, host) || listed.iter().any(|listed| is_equal(origin, listed.as_ref().as_bytes()))
    }
}

/// Whether a `Host` value is a host and perhaps a port: a bracketed IPv6 address, or a name or IPv4 address.
pub(super) fn is_host(host: &[u8]) -> bool {
    let (name, port) = split_port(host);
    let name_is_valid = match name {
        [b'[', inside @ .., b']'] => {
            cut(inside, b':').is_some()
                && inside.iter().all(|byte| matches!(byte, b'0'..=b':' | b'.' | b'A'..=b'F' | b'a'..=b'f'))
        }
        name => {
            !name.is_empty()
                && name
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%'))
        }
    };
    name_is_valid && is_port(port)
}

/// Nothing, or a colon and up to five digits.
pub(super) fn is_port(port: &[u8]) -> bool {
    port.len() <= 6 && port.iter().skip(1).all(u8::is_ascii_digit)
}

/// `host:port` as host and port: an IPv6 address with its brackets, the port with its colon.
pub(super) fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    let after_brackets = host.iter().position(|&byte| byte == b']').unwrap_or(0);
    let colon = host.iter().skip(after_brackets).position(|&byte| byte == b':').map(|at| at + after_brackets);
    colon.and_then(|colon| host.split_at_checked(colon)).unwrap_or((host, &[]))
}

fn is_ipv4(name: &[u8]) -> bool {
    let is_byte = |part: &[u8]| {
        let value = part
            .iter()
            .fold(0u32, |value, digit| value.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))));
        matches!(part.len(), 1..=3) && part.iter().all(u8::is_ascii_digit) && value <= 255
    };
    let mut count = 0;
    let all = name.split(|&byte| byte == b'.').all(|part| {
        count += 1;
        is_byte(part)
    });
    all && count == 4
}

/// Whether a page of this origin is the server's own: of the same host and port. Whether it came by http or https
/// does not matter: behind a proxy that ends TLS, a server does not know its own scheme.
fn is_own(origin: &[u8], host: &[u8]) -> bool {
    let Some((scheme, authority)) = split_scheme(origin) else { return false };
    let default = default_port(scheme);
    !default.is_empty() && is_same(authority, host, default)
}

/// The same scheme, host and port, a default port said or not.
fn is_equal(origin: &[u8], listed: &[u8]) -> bool {
    match (split_scheme(origin), split_scheme(listed)) {
        (Some((scheme, authority)), Some((listed_scheme, listed))) => {
            scheme.eq_ignore_ascii_case(listed_scheme) && is_same(authority, listed, default_port(scheme))
        }
        // An origin without `://`, such as `null`, only as it is written.
        (None, None) => origin == listed,
        _ => false,
    }
}

fn is_same(authority: &[u8], other: &[u8], default_port: &[u8]) -> bool {
    let (name, port) = split_port(authority);
    let (other_name, other_port) = split_port(other);
    let or_default = |port| if port == b"" { default_port } else { port };
    name.eq_ignore_ascii_case(other_name) && or_default(port) == or_default(other_port)
}

fn split_scheme(origin: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scheme, rest) = cut(origin, b':')?;
    Some((scheme, rest.strip_prefix(b"//")?))
}

/// With its colon; empty if the scheme has none.
fn default_port(scheme: &[u8]) -> &'static [u8] {
    if is(scheme, "http") {
        b":80"
    } else if is(scheme, "https") {
        b":443"
    } else {
        b""
    }
}
