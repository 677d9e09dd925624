//! The grammar of an HTTP/1.1 head (RFC 9112): lines, header fields, lists.

use super::Reject;
use super::chars::TOKEN;
use crate::utf8;

/// A head with more header fields is refused (431).
pub const MAX_HEADERS: usize = 64;

/// Where a head ends: the length up to and with its empty line, if it is in `bytes` whole.
///
/// `scanned` bytes were looked at by earlier calls: handing in the last length keeps the work linear however
/// small the pieces are in which a head arrives.
pub fn head_end(bytes: &[u8], scanned: usize) -> Option<usize> {
    const END: &[u8; 4] = b"\r\n\r\n";
    let from = scanned.saturating_sub(END.len() - 1);
    let at = bytes.get(from..)?.windows(END.len()).position(|window| window == END)?;
    Some(from + at + END.len())
}

/// A head cut in its first line and its header fields, every byte checked.
pub(super) struct Head<'a> {
    pub(super) first_line: &'a [u8],
    pub(super) headers: Headers<'a>,
}

impl<'a> Head<'a> {
    /// `bytes` is a head with its empty line, as [`head_end`] found it.
    ///
    /// # Errors
    /// [`Reject::Malformed`], [`Reject::NotUtf8`], [`Reject::TooManyHeaders`]
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Reject> {
        utf8::validate(bytes).map_err(|_| Reject::NotUtf8)?;
        let mut lines = bytes;
        let first_line = line(&mut lines).ok_or(Reject::Malformed)?;
        let mut rest = lines;
        let mut count = 0;
        while rest != b"\r\n" {
            let name = line(&mut rest).and_then(|field| cut(field, b':')).map(|(name, _)| name);
            if !name.is_some_and(|name| TOKEN.all(name)) {
                return Err(Reject::Malformed);
            }
            count += 1;
            if count > MAX_HEADERS {
                return Err(Reject::TooManyHeaders);
            }
        }
        Ok(Head { first_line, headers: Headers { lines } })
    }
}

/// Header fields in the order in which they came: name and trimmed value.
#[derive(Debug, Clone, Default)]
pub struct Headers<'a> {
    lines: &'a [u8],
}

impl<'a> Headers<'a> {
    /// The value of the first field of this name, in any case.
    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.clone().next_named(name)
    }

    /// The elements of all fields of this name, joined as RFC 9110 section 5.3 has it.
    pub(super) fn list(&self, name: &'static str) -> List<'a> {
        List { fields: self.clone(), name, elements: Elements(&[]) }
    }

    /// Whether this token is in the list of this name, in any case.
    pub(super) fn list_has(&self, name: &'static str, token: &[u8]) -> bool {
        self.list(name).any(|element| is(element, token))
    }

    /// Takes the fields up to the next of this name, and gives its value.
    pub(super) fn next_named(&mut self, name: &str) -> Option<&'a [u8]> {
        loop {
            let (found, value) = self.field()?;
            if is(found, name.as_bytes()) {
                return Some(value);
            }
        }
    }

    /// Takes a field: its name and its value. The head was checked: a CR in it ends a line.
    pub(super) fn field(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (line, rest) = cut(self.lines, b'\r')?;
        self.lines = rest.get(1..)?;
        let (name, value) = cut(line, b':')?;
        Some((name, trim(value)))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.field()?;
        Some((text(name), text(value)))
    }
}

/// The elements of all fields of one name.
#[derive(Clone)]
pub(super) struct List<'a> {
    fields: Headers<'a>,
    name: &'static str,
    elements: Elements<'a>,
}

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(element) = self.elements.next() {
                return Some(element);
            }
            self.elements = Elements(self.fields.next_named(self.name)?);
        }
    }
}

/// The elements of a list, without white space; empty ones do not count (RFC 9110 section 5.6.1).
#[derive(Clone)]
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let (element, rest) = cut(self.0, b',').unwrap_or((self.0, &[]));
            self.0 = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Takes the next line off `lines`, without its CR LF. A CR or LF of its own is no line's end, and no text.
fn line<'a>(lines: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = lines.iter().position(|&byte| !is_text(byte))?;
    let (line, rest) = lines.split_at_checked(end)?;
    *lines = rest.strip_prefix(b"\r\n")?;
    Some(line)
}

/// What stands before and after the first `separator`. One copy of it in flash is enough, and of [`is`].
#[inline(never)]
pub(super) fn cut(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Whether these are the same but for case.
#[inline(never)]
pub(super) fn is(bytes: &[u8], other: &[u8]) -> bool {
    bytes.eq_ignore_ascii_case(other)
}

/// Without the spaces and tabs around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// What may stand in a field's value (RFC 9110 section 5.5); UTF-8 is checked apart.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Of a head that was checked to be UTF-8, cut at ASCII characters: always the text itself.
pub(super) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
