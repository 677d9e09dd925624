//! The grammar of an HTTP/1.1 head (RFC 9112): lines, header fields, lists.

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

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadError {
    Malformed,
    NotUtf8,
    TooManyHeaders,
}

impl<'a> Head<'a> {
    /// `bytes` is a head with its empty line, as [`head_end`] found it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, HeadError> {
        utf8::validate(bytes).map_err(|_| HeadError::NotUtf8)?;
        let mut lines = bytes;
        let first_line = line(&mut lines).ok_or(HeadError::Malformed)?;
        let headers = Headers { lines };
        let mut count = 0;
        let mut rest = headers.clone();
        while !rest.lines.starts_with(b"\r\n") {
            rest.next().ok_or(HeadError::Malformed)?;
            count += 1;
            if count > MAX_HEADERS {
                return Err(HeadError::TooManyHeaders);
            }
        }
        Ok(Head { first_line, headers })
    }
}

/// Header fields in the order in which they came: name and trimmed value.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    lines: &'a [u8],
}

impl<'a> Headers<'a> {
    /// The value of the first field of this name, in any case.
    pub(super) fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.clone().raw().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The elements of all fields of this name, joined as RFC 9110 section 5.3 has it.
    pub(super) fn list(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let named = self.clone().raw().filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
        named.flat_map(|(_, value)| elements(value))
    }

    pub(super) fn raw(mut self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        core::iter::from_fn(move || self.field())
    }

    fn field(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let line = line(&mut self.lines)?;
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = (line.get(..colon)?, trim(line.get(colon + 1..)?));
        (is_token(name) && value.iter().all(|&byte| is_text(byte))).then_some((name, value))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.field()?;
        Some((text(name), text(value)))
    }
}

/// Takes the next line off `lines`, without its CR LF. A CR or LF of its own is no line's end, and `is_text`
/// refuses it.
fn line<'a>(lines: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = lines.windows(2).position(|pair| pair == b"\r\n")?;
    let line = lines.get(..end)?;
    *lines = lines.get(end + 2..)?;
    Some(line)
}

/// The elements of a list, without white space; empty ones do not count (RFC 9110 section 5.6.1).
pub(super) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// Without the spaces and tabs around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A token (RFC 9110 section 5.6.2).
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What may stand in a field's value (RFC 9110 section 5.5); UTF-8 is checked apart.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Of a head that was checked to be UTF-8, cut at ASCII characters: always the text itself.
pub(super) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}
