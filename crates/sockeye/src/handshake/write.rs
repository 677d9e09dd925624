//! Writing a head into a caller's buffer.

use core::fmt;

use super::chars::TOKEN;
use super::head::{is, is_text};
use crate::copy::append;

/// Why a head could not be written. Nothing of the buffer is to be sent then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

    /// The headers that the user adds, each as a new line after what is there.
    pub(super) fn headers(&mut self, headers: &[(&str, &str)]) -> &mut Self {
        for (name, value) in headers {
            if !TOKEN.all(name.as_bytes()) || is_own(name) {
                self.fail(WriteError::Name);
            }
            if !value.bytes().all(is_text) {
                self.fail(WriteError::Value);
            }
            self.put(b"\r\n").put(name.as_bytes()).put(b": ").put(value.as_bytes());
        }
        self
    }

    /// The digits before the last, then the last.
    pub(super) fn decimal(&mut self, number: usize) -> &mut Self {
        if number >= 10 {
            self.decimal(number / 10);
        }
        self.put(&[b'0' + (number % 10) as u8])
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
    is(prefix, b"Sec-WebSocket-") || OWN.iter().any(|own| is(name.as_bytes(), own.as_bytes()))
}
