//! The extensions that a client offers (RFC 6455 section 9.1).

use super::chars::TOKEN;
use super::head::{text, trim};

/// The extensions of one offer, in the client's order of preference.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

/// An extension: a name and parameters.
#[derive(Debug, Clone)]
pub struct Extension<'a> {
    /// A token such as `permessage-deflate`.
    pub name: &'a str,
    params: &'a [u8],
}

/// The parameters of an extension.
#[derive(Debug, Clone)]
pub struct Params<'a> {
    rest: &'a [u8],
}

/// A parameter: a name, and a value if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Param<'a> {
    /// A token such as `server_max_window_bits`.
    pub name: &'a str,
    /// The value.
    pub value: Option<Value<'a>>,
}

/// A parameter's value: a token, or a quoted text that is a token once unquoted.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// Between the quotes, if there were any: quoted pairs are still in it.
    inside: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Of the value of one header field, which [`is_valid`] checked.
    pub(super) fn new(value: &'a [u8]) -> Self {
        Extensions { rest: value }
    }
}

impl<'a> Extension<'a> {
    /// The parameters in the order in which they came.
    pub fn params(&self) -> Params<'a> {
        Params { rest: self.params }
    }
}

impl<'a> Value<'a> {
    /// The value's bytes, without quotes and quoted pairs.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        let mut inside = self.inside.iter();
        core::iter::from_fn(move || match inside.next()? {
            b'\\' => inside.next().copied(),
            byte => Some(*byte),
        })
    }
}

impl PartialEq<str> for Value<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        loop {
            let element = trim(part(&mut self.rest, b',')?);
            let mut params = element;
            let name = trim(part(&mut params, b';').unwrap_or_default());
            if !name.is_empty() {
                return Some(Extension { name: text(name), params });
            }
        }
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let mut value = part(&mut self.rest, b';')?;
        let name = trim(part(&mut value, b'=')?);
        let value = (!value.is_empty()).then(|| match trim(value) {
            [b'"', inside @ .., b'"'] => Value { inside },
            token => Value { inside: token },
        });
        Some(Param { name: text(name), value })
    }
}

/// Whether a header field's value keeps to the grammar: at least one extension, tokens everywhere, a quoted value
/// that is a token once unquoted.
pub(super) fn is_valid(value: &[u8]) -> bool {
    let mut rest = value;
    let mut any = false;
    loop {
        if token(&mut rest) {
            any = true;
            while eat(&mut rest, b';') {
                if !token(&mut rest) || (eat(&mut rest, b'=') && !token(&mut rest) && !quoted(&mut rest)) {
                    return false;
                }
            }
        }
        if rest.is_empty() {
            return any;
        }
        if !eat(&mut rest, b',') {
            return false;
        }
    }
}

/// Takes a token and the white space around it off `rest`.
fn token(rest: &mut &[u8]) -> bool {
    *rest = trim(rest);
    let mut any = false;
    while let [byte, after @ ..] = *rest
        && TOKEN.has(*byte)
    {
        *rest = after;
        any = true;
    }
    *rest = trim(rest);
    any
}

/// Takes a quoted token off `rest`, after a [`token`] was not there.
fn quoted(rest: &mut &[u8]) -> bool {
    let mut any = false;
    if !eat(rest, b'"') {
        return false;
    }
    loop {
        if any && eat(rest, b'"') {
            *rest = trim(rest);
            return true;
        }
        eat(rest, b'\\');
        match *rest {
            [byte, after @ ..] if TOKEN.has(*byte) => *rest = after,
            _ => return false,
        }
        any = true;
    }
}

/// Takes a byte off `rest`, if it is this one. Not inlined: it is called six times.
#[inline(never)]
fn eat(rest: &mut &[u8], byte: u8) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == byte => {
            *rest = after;
            true
        }
        _ => false,
    }
}

/// Takes what stands before the next `separator` outside quotes off `rest`; `None` at the end.
fn part<'a>(rest: &mut &'a [u8], separator: u8) -> Option<&'a [u8]> {
    if rest.is_empty() {
        return None;
    }
    let all = *rest;
    let end = find(all, separator).unwrap_or(all.len());
    *rest = all.get(end + 1..).unwrap_or_default();
    all.get(..end)
}

fn find(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    bytes.iter().position(|&byte| {
        if escaped {
            escaped = false;
        } else if quoted && byte == b'\\' {
            escaped = true;
        } else if byte == b'"' {
            quoted = !quoted;
        } else {
            return byte == separator && !quoted;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn parsed(value: &str) -> Option<String> {
        is_valid(value.as_bytes()).then(|| {
            let extensions = Extensions::new(value.as_bytes()).map(|extension| {
                let params = extension.params().map(|param| match param.value {
                    None => std::format!(" {}", param.name),
                    Some(value) => {
                        let value = String::from_utf8(value.bytes().collect()).expect("a token");
                        std::format!(" {}={value}", param.name)
                    }
                });
                std::format!("{}{}", extension.name, params.collect::<String>())
            });
            extensions.collect::<Vec<_>>().join("|")
        })
    }

    #[test]
    fn offers() {
        for (value, expect) in [
            ("permessage-deflate", Some("permessage-deflate")),
            (" a , b;c ; d=1", Some("a|b c d=1")),
            ("a; b=\"10\"", Some("a b=10")),
            ("a; b=\"1\\0\"", Some("a b=10")),
            (",a,,b,", Some("a|b")),
            ("", None),
            (",", None),
            (" , ,", None),
            ("a;", None),
            ("a;;b", None),
            (";a", None),
            ("a; =1", None),
            ("a; b=", None),
            ("a; b=\"\"", None),
            ("a; b=\"1 0\"", None),
            ("a; b=\"10", None),
            ("a; b=\"10\\\"", None),
            ("a; b=\"1,0\"", None),
            ("a; b=\"1\"0", None),
            ("a b", None),
            ("a=1", None),
            ("a; b=c d", None),
        ] {
            assert_eq!(parsed(value).as_deref(), expect, "{value:?}");
        }
    }

    #[test]
    fn a_value_is_the_same_quoted_or_not() {
        for offer in ["a; b=10", "a; b=\"10\"", "a; b=\"1\\0\""] {
            let value = Extensions::new(offer.as_bytes()).next().and_then(|extension| extension.params().next()?.value);
            assert!(value.is_some_and(|value| value == *"10"), "{offer}");
            assert!(value.is_some_and(|value| value != *"1" && value != *"100"), "{offer}");
        }
    }
}
