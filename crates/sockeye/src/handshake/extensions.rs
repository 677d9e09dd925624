//! The extensions that a client offers (RFC 6455 section 9.1).

use super::head::{is_token, text, trim};

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
    let mut count = 0;
    while let Some(element) = part(&mut rest, b',') {
        let mut params = trim(element);
        if params.is_empty() {
            continue;
        }
        count += 1;
        let name = part(&mut params, b';').unwrap_or_default();
        let semicolon_last = element_ends_open(trim(element));
        if !is_token(trim(name)) || semicolon_last {
            return false;
        }
        while let Some(mut param) = part(&mut params, b';') {
            let has_value = find(param, b'=').is_some();
            let name = part(&mut param, b'=').unwrap_or_default();
            if !is_token(trim(name)) || (has_value && !is_value(trim(param))) {
                return false;
            }
        }
    }
    count > 0
}

/// A `;` that no parameter follows.
fn element_ends_open(element: &[u8]) -> bool {
    matches!(element, [.., b';'])
}

fn is_value(value: &[u8]) -> bool {
    let [b'"', inside @ .., b'"'] = value else { return is_token(value) };
    let unquoted = Value { inside };
    let escapes = inside.iter().rev().take_while(|&&byte| byte == b'\\').count();
    unquoted.bytes().next().is_some() && unquoted.bytes().all(|byte| is_token(&[byte])) && escapes % 2 == 0
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
}
