//! What a plain GET gets.

/// A page that lies in flash.
///
/// Compressed at build time it is sent as it lies, with `Content-Encoding: gzip` among its headers, whether the client
/// asked for that or not: there is no second copy of it.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Its headers: `Content-Type`, `Content-Encoding`, `ETag`, and what else belongs to it. To a request with the
    /// same `ETag` in its `If-None-Match` the answer is 304, without the body.
    pub headers: &'static [(&'static str, &'static str)],
    /// Its bytes.
    pub body: &'static [u8],
}

impl Page {
    /// Whether the client has it, by its `If-None-Match` (RFC 9110 section 13.1.2).
    pub(crate) fn is_known(&self, if_none_match: Option<&str>) -> bool {
        let mut headers = self.headers.iter();
        let etag = headers.find_map(|(name, value)| name.eq_ignore_ascii_case("ETag").then_some(*value));
        let (Some(etag), Some(known)) = (etag, if_none_match) else { return false };
        // The comparison is the weak one.
        known.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(etag))
    }
}

/// A tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
