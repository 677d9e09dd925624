//! The WebSocket protocol of [RFC 6455] as a state machine: bytes in, events out; events in, bytes out.
//!
//! No I/O, no clock, no entropy, no allocation and no logging happen here, and no input makes it panic. The
//! wrappers `sockeye-tokio` (hosts) and `sockeye-embassy` (microcontrollers) add I/O under the same words.
//!
//! # A byte's way
//!
//! socket → the wrapper's `receiver.rs` → [`Receiver::next_event`] → `frame.rs: Header::parse` → `mask.rs: apply` →
//! `utf8.rs: feed` → [`Event::Data`] → your handler → the wrapper's `sender.rs` → [`Sender::chunk`] →
//! `frame.rs: Header::encode` → the wrapper's `outbox.rs` → socket.
//!
//! # Example
//!
//! An echo server without a network: what the client sends comes back.
//!
//! ```
//! use sockeye::{Event, Kind, Receiver, Sender};
//!
//! let mut receiver = Receiver::server();
//! let mut sender = Sender::server();
//! // "Hello", masked by a client (RFC 6455 section 5.7)
//! let mut bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let mut input = &mut bytes[..];
//! while let Some(event) = receiver.next_event(&mut input)? {
//!     if let Event::Data(chunk) = event {
//!         assert_eq!((chunk.kind, &*chunk.payload, chunk.last), (Kind::Text, &b"Hello"[..], true));
//!         let head = sender.chunk(chunk.kind, chunk.payload.len() as u64, chunk.last)?;
//!         assert_eq!(head.bytes(), [0x81, 5]); // the payload follows as it is
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod backoff;
mod close;
mod control;
mod copy;
mod error;
mod event;
mod frame;
pub mod handshake;
mod mask;
mod receiver;
mod sender;
mod utf8;

pub use backoff::Backoff;
pub use close::CloseCode;
pub use control::{Close, Control, Ping, Replies, Reply};
pub use error::{ProtocolError, SendError};
pub use event::{Chunk, Event, Kind};
pub use frame::{MAX_CONTROL, MAX_CONTROL_PAYLOAD, MAX_HEADER};
pub use handshake::{Offer, Reject, Request, Response};
pub use receiver::{Limits, Receiver};
pub use sender::{Head, Masked, Masking, Sender, Unmasked};
pub use utf8::{InvalidUtf8, Utf8};
