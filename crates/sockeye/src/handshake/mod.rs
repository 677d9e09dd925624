//! The opening handshake of both sides (RFC 6455 section 4), over buffers of the caller.
//!
//! A server reads bytes until [`head_end`] finds the end, then [`Request::parse`]s them, asks
//! [`Request::check_host`] and [`Request::check_origin`], and writes a [`Response`]. A client writes an [`Offer`]
//! and [checks](Offer::check) the answer.
//!
//! ```
//! use sockeye::handshake::{Host, Origin};
//! use sockeye::{Request, Response};
//!
//! let head = b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
//! let (request, _) = Request::parse(head)?.expect("the head is whole");
//! request.check_host(&Host::NAMELESS)?;
//! request.check_origin(&Origin::SAME)?;
//! let mut out = [0; 256];
//! let len = Response::accept(&request, None)?.write(&mut out)?;
//! assert!(out[..len].starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base64;
mod chars;
mod door;
mod extensions;
mod head;
mod offer;
mod reject;
mod request;
mod response;
mod uri;
mod write;

pub use door::{Host, Origin};
pub use extensions::{Extension, Extensions, Param, Params, Value};
pub use head::{Headers, MAX_HEADERS, head_end};
pub use offer::{Answer, AnswerHead, Offer, OfferError};
pub use reject::{Reject, reason_phrase};
pub use request::Request;
pub use response::{AcceptError, Response};
pub use uri::{Uri, UriError};
pub use write::WriteError;

/// The answer to a key: base64 of SHA-1 of the key and a fixed text (section 4.2.2).
///
/// Key and text are hashed in one piece: of an `update` after another the compiler cannot see that it does not panic.
#[inline(never)]
fn accept_key(key: &[u8; 24]) -> [u8; 28] {
    let mut text = *b"........................258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    if let Some(start) = text.first_chunk_mut() {
        *start = *key;
    }
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(&text);
    base64::encode(&sha1.digest().bytes())
}
