//! Writing a head into a caller's buffer.

use core::fmt;

use super::head::{is, is_text, is_token};
use crate::copy::append;

/// Why a head could not be written. Nothing of the buffer is to be sent then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The buffer is too small.
    TooSmall,
    /// A header's name is no token, or one that the handshake itself writes.
    Name,
    /// A value with a CR, LF, NUL or another control character: it could smuggle a header.
    Value,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteError::TooSmall => "the head does not fit its buffer",
            WriteError::Name => "a header name is no token, or one that the handshake writes itself",
            WriteError::Value => "a header value has a control character in it",
        })
    }
}

impl core::error::Error for WriteError {}

/// A buffer that fills from the front and remembers the first thing that went wrong.
pub(super) struct Writer<'o> {
    out: &'o mut [u8],
    written: usize,
    error: Option<WriteError>,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut [u8]) -> Self {
        Writer { out, written: 0, error: None }
    }

    #[inline(never)]
    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        let start = self.written;
        self.written = append(self.out, start, bytes);
        if self.written - start < bytes.len() {
            self.fail(WriteError::TooSmall);
        }
        self
    }

    /// A text that comes from the user, in a line.
    pub(super) fn value(&mut self, value: &[u8]) -> &mut Self {
        if !value.iter().all(|&byte| is_text(byte)) {
            self.fail(WriteError::Value);
        }
        self.put(value)
    }

    pub(super) fn header(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.put(name.as_bytes()).put(b": ").value(value).put(b"\r\n")
    }

    /// The headers that the user adds.
    pub(super) fn headers(&mut self, headers: &[(&str, &str)]) -> &mut Self {
        for (name, value) in headers {
            if !is_token(name.as_bytes()) || is_own(name) {
                self.fail(WriteError::Name);
            }
            self.header(name, value.as_bytes());
        }
        self
    }

    pub(super) fn decimal(&mut self, mut number: usize) -> &mut Self {
        let mut digits = [b'0'; 20];
        let mut len = 0;
        for digit in digits.iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
            len += 1;
            if number == 0 {
                break;
            }
        }
        self.put(digits.get(digits.len() - len..).unwrap_or_default())
    }

    pub(super) fn finish(&self) -> Result<usize, WriteError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.written),
        }
    }

    fn fail(&mut self, error: WriteError) {
        self.error = self.error.or(Some(error));
    }
}

/// The headers that belong to the handshake and to framing.
fn is_own(name: &str) -> bool {
    const OWN: [&str; 5] = ["Host", "Connection", "Upgrade", "Content-Length", "Transfer-Encoding"];
    let prefix = name.as_bytes().get(..14).unwrap_or_default();
    is(prefix, "Sec-WebSocket-") || OWN.iter().any(|own| is(name.as_bytes(), own))
}
