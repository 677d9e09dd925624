//! A response head, as a server writes it (RFC 6455 section 4.2.2).

use core::fmt;

use super::write::{WriteError, Writer};

use super::{Reject, Request, accept_key, reason_phrase};

/// What a server answers: 101, a refusal, or any other HTTP response, which ends the connection.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    status: u16,
    /// The key to be answered, if this is a 101.
    key: Option<[u8; 24]>,
    subprotocol: Option<&'a str>,
    retry_after: Option<u32>,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    head_only: bool,
}

/// Why a request cannot be accepted so: a mistake on this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AcceptError {
    /// The request asks for no upgrade.
    NotUpgrade,
    /// The client did not offer this subprotocol (section 4.2.2).
    SubprotocolNotOffered,
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcceptError::NotUpgrade => "the request asks for no upgrade to WebSocket",
            AcceptError::SubprotocolNotOffered => "the client did not offer this subprotocol",
        })
    }
}

impl core::error::Error for AcceptError {}

impl<'a> Response<'a> {
    /// 101 to an upgrade, with one of the subprotocols that the client offered, or none.
    ///
    /// # Errors
    /// [`AcceptError`]
    pub fn accept(request: &Request<'_>, subprotocol: Option<&'a str>) -> Result<Self, AcceptError> {
        let key = request.key.ok_or(AcceptError::NotUpgrade)?;
        if subprotocol.is_some_and(|chosen| !request.offers(chosen)) {
            return Err(AcceptError::SubprotocolNotOffered);
        }
        Ok(Response { key: Some(*key), subprotocol, ..Response::new(101) })
    }

    /// A refusal, with the headers that its status owes.
    pub fn reject(reject: Reject) -> Self {
        let retry_after = match reject {
            Reject::Unavailable { retry_after } => Some(retry_after),
            _ => None,
        };
        Response { retry_after, ..Response::new(reject.status()) }
    }

    /// Any other response. A page for a browser, say.
    pub fn new(status: u16) -> Self {
        Response { status, key: None, subprotocol: None, retry_after: None, headers: &[], body: &[], head_only: false }
    }

    /// Adds headers. Those of the handshake itself, `Content-Length` and `Connection` are refused by
    /// [`write`](Self::write).
    #[must_use]
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Adds a body, whose length the head tells; a 101 has none.
    #[must_use]
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Leaves the body out, as the answer to a HEAD or of a body that the caller sends by itself.
    #[must_use]
    pub fn head_only(mut self) -> Self {
        self.head_only = true;
        self
    }

    /// Writes the response to the front of `out`, and says how many bytes it took.
    ///
    /// # Errors
    /// [`WriteError`]
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteError> {
        let mut writer = Writer::new(out);
        writer.put(b"HTTP/1.1 ").decimal(self.status.into()).put(b" ").put(reason_phrase(self.status).as_bytes());
        if self.key.is_some() || self.status == 426 {
            writer.put(b"\r\nUpgrade: websocket\r\nConnection: Upgrade");
        }
        let mut body = self.body;
        if let Some(key) = &self.key {
            writer.put(b"\r\nSec-WebSocket-Accept: ").put(&accept_key(key));
            if let Some(subprotocol) = self.subprotocol {
                writer.put(b"\r\nSec-WebSocket-Protocol: ").put(subprotocol.as_bytes());
            }
            body = &[];
        } else {
            match self.status {
                405 => writer.put(b"\r\nAllow: GET"),
                426 => writer.put(b"\r\nSec-WebSocket-Version: 13"),
                _ => &mut writer,
            };
            if let Some(seconds) = self.retry_after {
                writer.put(b"\r\nRetry-After: ").decimal(usize::try_from(seconds).unwrap_or(usize::MAX));
            }
            writer.put(b"\r\nConnection: close");
            // RFC 9110 section 8.6: of a 304 it would be the page's, which it does not have.
            if !matches!(self.status, 204 | 304) {
                writer.put(b"\r\nContent-Length: ").decimal(body.len());
            }
        }
        writer.headers(self.headers).put(b"\r\n\r\n");
        if !self.head_only {
            writer.put(body);
        }
        writer.finish()
    }
}
