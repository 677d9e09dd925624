//! Messages that are there whole.

use bytes::Bytes;
use sockeye::Kind;

use crate::outbox::Data;

/// A whole message, in the receiver's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Text or binary.
    pub kind: Kind,
    /// The bytes; of a text they are valid UTF-8.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text => str::from_utf8(self.payload).ok(),
            Kind::Binary => None,
        }
    }

    /// A copy to keep.
    pub fn into_owned(self) -> OwnedMessage {
        OwnedMessage { kind: self.kind, payload: Bytes::copy_from_slice(self.payload) }
    }
}

/// A whole message with memory of its own, cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedMessage {
    /// Text or binary.
    pub kind: Kind,
    /// The bytes. Those of a text must be valid UTF-8 to be sent.
    pub payload: Bytes,
}

impl OwnedMessage {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        OwnedMessage { kind: Kind::Text, payload: text.into().into() }
    }

    /// A binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        OwnedMessage { kind: Kind::Binary, payload: bytes.into() }
    }
}

/// A message that was checked once, to be sent to many.
///
/// ```
/// # async fn broadcast<S: sockeye_tokio::Transport>(members: &mut [sockeye_tokio::Sender<S>]) -> Result<(), sockeye_tokio::Error> {
/// let prepared = sockeye_tokio::Prepared::text("to all of you");
/// for member in members {
///     member.send_prepared(&prepared).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Prepared {
    kind: Kind,
    /// A server's frame: its header and its payload.
    frame: Bytes,
    header: usize,
}

impl Prepared {
    /// A text message.
    pub fn text(text: &str) -> Self {
        Self::new(Kind::Text, text.as_bytes())
    }

    /// A binary message.
    pub fn binary(bytes: &[u8]) -> Self {
        Self::new(Kind::Binary, bytes)
    }

    /// How many bytes of payload it has.
    pub fn len(&self) -> usize {
        self.payload().len()
    }

    /// Whether its payload is empty.
    pub fn is_empty(&self) -> bool {
        self.payload().is_empty()
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.frame[self.header..]
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn data(&self) -> Data<'_> {
        Data { kind: self.kind, payload: self.payload(), last: true, encoded: Some(&self.frame) }
    }

    fn new(kind: Kind, payload: &[u8]) -> Self {
        let head = sockeye::Sender::server().chunk(kind, payload.len() as u64, true);
        let mut frame = Vec::new();
        let header = head.map_or(0, |head| {
            frame.reserve_exact(head.bytes().len() + payload.len());
            frame.extend_from_slice(head.bytes());
            head.bytes().len()
        });
        frame.extend_from_slice(payload);
        Prepared { kind, frame: frame.into(), header }
    }
}
