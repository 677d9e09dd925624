//! WebSockets for microcontrollers: server and client, without an allocator, over any `embedded-io-async` transport.
//!
//! [`accept`] and [`connect`] make a [`Connection`]: a [`Receiver`] and a [`Sender`], two public fields, in memory that
//! the caller gives ([`Resources`]). With the feature `net`, a [`Pool`] is a whole server over embassy-net: places for
//! connections, the page that belongs to them, and a 503 for who is one too many. With the feature `tls`, `tls::open` is
//! the way to a `wss://` server.
//!
//! Messages of any size pass through: the echo of a 16 MiB message takes no more memory than that of one byte.
//!
//! ```
//! use embedded_io_async::{Read, Write};
//! use sockeye_embassy::{AcceptError, Config, Resources, accept};
//!
//! async fn echo<R: Read, W: Write<Error = R::Error>>(reader: R, writer: W) -> Result<(), AcceptError<R::Error>> {
//!     let config = Config::new();
//!     let mut resources: Resources<'_, W> = Resources::new();
//!     let mut ws = accept(reader, writer, &mut resources, &config).await?;
//!     while let Some(chunk) = ws.receiver.next().await? {
//!         ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! # A byte's way
//!
//! socket → `inbox.rs` → `receiver.rs` → core `receiver.rs: next_event` → `frame.rs: Header::parse` → `mask.rs: apply` →
//! `utf8.rs: feed` → `Event::Data(Chunk)` → your handler → `sender.rs` → core `sender.rs: chunk` → `Header::encode`
//! → `outbox.rs` → socket.
//!
//! # One value for many
//!
//! A reading goes to all connected clients through embassy-sync's `PubSubChannel`: the publisher never waits
//! (`publish_immediate`), and who is slow is told how many values it lost (`WaitResult::Lagged`). `examples/apps`
//! has it in its `sensor`.
//!
//! # What it weighs
//!
//! docs/size.md has the table for each machine; a connection takes its [`Resources`], a receiver and a sender.
#![no_std]
#![forbid(unsafe_code)]

mod clock;
mod config;
mod connect;
mod connection;
mod error;
mod inbox;
mod incoming;
mod outbox;
#[cfg(feature = "net")]
mod page;
mod receiver;
mod resources;
mod sender;
#[cfg(feature = "net")]
mod serve;
#[cfg(feature = "tls")]
pub mod tls;
mod within;

pub use sockeye as proto;
pub use sockeye::handshake::{Host, Origin, Uri};
pub use sockeye::{Chunk, CloseCode, Kind, Limits};

pub use config::Config;
pub use connect::{ConnectError, connect, wait};
pub use connection::Connection;
pub use error::Error;
pub use incoming::{Accept, AcceptError, Incoming, accept};
#[cfg(feature = "net")]
pub use page::Page;
pub use receiver::{Message, Receiver};
pub use resources::Resources;
pub use sender::Sender;
#[cfg(feature = "net")]
pub use serve::{App, Place, Pool, Spare, TcpConnection};
