//! The client's side of the handshake (RFC 6455 section 4.1).

use core::fmt;

use rand_core::CryptoRng;

use super::chars::TOKEN;
use super::head::{Head, Headers, head_end, text};
use super::uri::Uri;
use super::write::{WriteError, Writer};
use super::{Reject, accept_key, base64};

/// A client's request: written once, and then the measure of the answer.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    uri: Uri<'a>,
    key: [u8; 24],
    subprotocols: &'a [&'a str],
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> Offer<'a> {
    /// A request for this URI, with a fresh key of 16 random bytes.
    pub fn new<R: CryptoRng>(uri: Uri<'a>, rng: &mut R) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        Offer { uri, key: base64::encode(&nonce), subprotocols: &[], headers: &[] }
    }

    /// Offers subprotocols, in the order of preference: different tokens.
    #[must_use]
    pub fn subprotocols(mut self, subprotocols: &'a [&'a str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Adds headers, such as `Authorization` or `Origin`. Those of the handshake itself are refused by
    /// [`write`](Self::write).
    #[must_use]
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Writes the request to the front of `out`, and says how many bytes it took. No frame may follow before
    /// [`check`](Self::check) is content.
    ///
    /// # Errors
    /// [`WriteError`]; [`WriteError::Value`] also for subprotocols that are no tokens or not unique.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteError> {
        let repeated = |at: usize, token: &str| self.subprotocols.iter().take(at).any(|earlier| *earlier == token);
        let mut offered = self.subprotocols.iter().enumerate();
        if offered.any(|(at, token)| !TOKEN.all(token.as_bytes()) || repeated(at, token)) {
            return Err(WriteError::Value);
        }
        let mut writer = Writer::new(out);
        writer.put(b"GET ");
        if self.uri.target().first() != Some(&b'/') {
            writer.put(b"/");
        }
        writer.put(self.uri.target()).put(b" HTTP/1.1\r\nHost: ").put(self.uri.bracketed_host());
        if let Some(port) = self.uri.non_default_port() {
            writer.put(b":").decimal(port.into());
        }
        writer.put(b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
        writer.put(b"\r\nSec-WebSocket-Key: ").put(&self.key);
        for (at, subprotocol) in self.subprotocols.iter().enumerate() {
            writer.put(if at == 0 { b"\r\nSec-WebSocket-Protocol: " } else { b", " }).put(subprotocol.as_bytes());
        }
        writer.headers(self.headers).put(b"\r\n\r\n").finish()
    }

    /// Checks the answer at the front of `bytes`: it, and where the frames begin. `None` when it is not whole yet.
    ///
    /// # Errors
    /// What is wrong with it. The connection is to be closed without a frame.
    pub fn check<'i>(&self, bytes: &'i [u8]) -> Result<Option<(Answer<'i>, usize)>, OfferError> {
        let Some((head, end)) = AnswerHead::parse(bytes)? else { return Ok(None) };
        if head.status != 101 {
            return Err(OfferError::Status(head.status));
        }
        let headers = &head.headers;
        let mut upgrade = headers.list("Upgrade");
        if !upgrade.next().is_some_and(|token| token.eq_ignore_ascii_case(b"websocket")) || upgrade.next().is_some() {
            return Err(OfferError::Upgrade);
        }
        if !headers.list_has("Connection", b"upgrade") {
            return Err(OfferError::Connection);
        }
        let accept = single(headers, "Sec-WebSocket-Accept")?.ok_or(OfferError::AcceptMissing)?;
        if accept != accept_key(&self.key) {
            return Err(OfferError::Accept);
        }
        if single(headers, "Sec-WebSocket-Extensions")?.is_some_and(|value| !value.is_empty()) {
            return Err(OfferError::Extension);
        }
        let subprotocol = single(headers, "Sec-WebSocket-Protocol")?.map(text);
        if subprotocol.is_some_and(|chosen| !self.subprotocols.contains(&chosen)) {
            return Err(OfferError::Subprotocol);
        }
        Ok(Some((Answer { subprotocol, headers: head.headers }, end)))
    }
}

/// A server's consent.
#[derive(Debug, Clone)]
pub struct Answer<'i> {
    subprotocol: Option<&'i str>,
    headers: Headers<'i>,
}

impl<'i> Answer<'i> {
    /// The subprotocol that the server chose of those offered.
    pub fn subprotocol(&self) -> Option<&'i str> {
        self.subprotocol
    }

    /// The value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'i str> {
        self.headers.get(name).map(text)
    }
}

/// Any response head: what a refusal says beside its status.
#[derive(Debug, Clone)]
pub struct AnswerHead<'i> {
    status: u16,
    headers: Headers<'i>,
}

impl<'i> AnswerHead<'i> {
    /// Reads a response head from the front of `bytes`: it, and where its body begins. `None` when it is not whole
    /// yet.
    ///
    /// # Errors
    /// [`OfferError::Malformed`], [`OfferError::TooManyHeaders`]
    pub fn parse(bytes: &'i [u8]) -> Result<Option<(Self, usize)>, OfferError> {
        let Some(end) = head_end(bytes, 0) else { return Ok(None) };
        let head = Head::parse(bytes.get(..end).unwrap_or_default()).map_err(|reject| match reject {
            Reject::TooManyHeaders => OfferError::TooManyHeaders,
            _ => OfferError::Malformed,
        })?;
        let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', a, b, c, rest @ ..] = head.first_line else {
            return Err(OfferError::Malformed);
        };
        let digits = [a, b, c];
        if !digits.iter().all(|digit| digit.is_ascii_digit()) || !matches!(rest, [] | [b' ', ..]) {
            return Err(OfferError::Malformed);
        }
        let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(**digit - b'0'));
        Ok(Some((AnswerHead { status, headers: head.headers }, end)))
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first header of this name, in any case: `Location`, `Retry-After`.
    pub fn header(&self, name: &str) -> Option<&'i str> {
        self.headers.get(name).map(text)
    }
}

/// What is wrong with a server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OfferError {
    /// It breaks the grammar of HTTP/1.1.
    Malformed,
    /// More than [`MAX_HEADERS`](super::MAX_HEADERS) header fields.
    TooManyHeaders,
    /// Another status than 101: a plain HTTP response.
    Status(u16),
    /// `Upgrade` is not `websocket`.
    Upgrade,
    /// `Connection` does not have the token `Upgrade`.
    Connection,
    /// No `Sec-WebSocket-Accept`.
    AcceptMissing,
    /// A `Sec-WebSocket-Accept` that does not answer our key.
    Accept,
    /// A header that may come once came twice; this one.
    Repeated(&'static str),
    /// An extension that was not offered.
    Extension,
    /// A subprotocol that was not offered.
    Subprotocol,
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OfferError::Malformed => "the server's answer breaks the grammar of HTTP/1.1",
            OfferError::TooManyHeaders => "the server's answer has more than 64 headers",
            OfferError::Status(status) => return write!(f, "the server answered with status {status}, not 101"),
            OfferError::Upgrade => "the server's Upgrade is not websocket",
            OfferError::Connection => "the server's Connection lacks Upgrade",
            OfferError::AcceptMissing => "the server sent no Sec-WebSocket-Accept",
            OfferError::Accept => "the server's Sec-WebSocket-Accept does not answer our key",
            OfferError::Repeated(name) => return write!(f, "the server sent {name} twice"),
            OfferError::Extension => "the server chose an extension that was not offered",
            OfferError::Subprotocol => "the server chose a subprotocol that was not offered",
        })
    }
}

impl core::error::Error for OfferError {}

/// The value of a header that may come at most once (section 11.3).
fn single<'i>(headers: &Headers<'i>, name: &'static str) -> Result<Option<&'i [u8]>, OfferError> {
    let mut headers = headers.clone();
    let first = headers.next_named(name);
    if headers.next_named(name).is_some() { Err(OfferError::Repeated(name)) } else { Ok(first) }
}
