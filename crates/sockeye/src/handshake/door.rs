//! Who may come in: the rules on `Host` and `Origin`, against DNS rebinding and cross-site hijacking
//! (RFC 6455 section 10.2).

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
            || name.eq_ignore_ascii_case(b"localhost")
            || names.iter().any(|listed| name.eq_ignore_ascii_case(listed.as_ref().as_bytes()))
    }
}

impl<S: AsRef<str>> Origin<'_, S> {
    pub(super) fn allows(&self, origin: &[u8], host: &[u8]) -> bool {
        let Origin::Listed(listed) = self else { return true };
        is_same(origin, host) || listed.iter().any(|listed| is_equal(origin, listed.as_ref().as_bytes()))
    }
}

/// Whether a `Host` value is a host and perhaps a port: a bracketed IPv6 address, or a name or IPv4 address.
pub(super) fn is_host(host: &[u8]) -> bool {
    let (name, port) = split_port(host);
    let name_is_valid = match name {
        [b'[', inside @ .., b']'] => {
            inside.contains(&b':') && inside.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte))
        }
        name => !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte)),
    };
    name_is_valid && port.is_none_or(is_port)
}

pub(super) fn is_port(port: &[u8]) -> bool {
    port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// `host:port` as host and port, an IPv6 address with its brackets.
pub(super) fn split_port(host: &[u8]) -> (&[u8], Option<&[u8]>) {
    let after_brackets = host.iter().position(|&byte| byte == b']').unwrap_or(0);
    let colon = host.iter().skip(after_brackets).position(|&byte| byte == b':').map(|at| at + after_brackets);
    match colon.and_then(|colon| host.split_at_checked(colon)) {
        Some((name, port)) => (name, port.get(1..)),
        None => (host, None),
    }
}

fn is_ipv4(name: &[u8]) -> bool {
    let is_byte = |part: &[u8]| {
        let value = part.iter().fold(0u32, |value, digit| value * 10 + u32::from(digit.wrapping_sub(b'0')));
        matches!(part.len(), 1..=3) && part.iter().all(u8::is_ascii_digit) && value <= 255
    };
    let parts = || name.split(|&byte| byte == b'.');
    parts().count() == 4 && parts().all(is_byte)
}

/// The same host and the same port. The schemes are not compared: behind a proxy that ends TLS, a server does not
/// know its own.
fn is_same(origin: &[u8], host: &[u8]) -> bool {
    let Some((scheme, authority)) = split_scheme(origin) else { return false };
    let default = default_port(scheme);
    let (name, port) = split_port(authority);
    let (own_name, own_port) = split_port(host);
    name.eq_ignore_ascii_case(own_name) && port.or(default) == own_port.or(default)
}

/// The same scheme, host and port, a default port said or not.
fn is_equal(origin: &[u8], listed: &[u8]) -> bool {
    match (split_scheme(origin), split_scheme(listed)) {
        (Some((scheme, _)), Some((own_scheme, authority))) => {
            scheme.eq_ignore_ascii_case(own_scheme) && is_same(origin, authority)
        }
        // An origin without `://`, such as `null`, only as it is written.
        (None, None) => origin == listed,
        _ => false,
    }
}

fn split_scheme(origin: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = origin.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = origin.split_at_checked(colon)?;
    Some((scheme, rest.strip_prefix(b"://")?))
}

fn default_port(scheme: &[u8]) -> Option<&'static [u8]> {
    if scheme.eq_ignore_ascii_case(b"http") {
        Some(b"80")
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Some(b"443")
    } else {
        None
    }
}
