//! WebSockets for tokio: server and client, on the core that also runs on microcontrollers.
//!
//! [`accept`] and [`connect`] make a [`Connection`]: a [`Receiver`] and a [`Sender`], two public fields. The plain
//! loop is the fast one: answers to what one read brought go out by one write, pings are answered, deadlines and
//! memory bounds are kept by themselves, and every future may be dropped at any await.
//!
//! ```
//! use sockeye_tokio::{Config, accept, connect_over};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (client, server) = tokio::io::duplex(1024);
//! let echo = tokio::spawn(async move {
//!     let mut ws = accept(server, Config::default()).await?;
//!     while let Some(message) = ws.receiver.message().await? {
//!         ws.sender.send(message.kind, message.payload).await?;
//!     }
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//!
//! let mut ws = connect_over(client, "ws://localhost/", Config::default()).await?;
//! ws.sender.text("hello").await?;
//! assert_eq!(ws.receiver.message().await?.and_then(|message| message.text()), Some("hello"));
//! ws.close(sockeye_tokio::proto::CloseCode::NORMAL, "bye").await?;
//! echo.await??;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # }).map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A byte's way
//!
//! socket → `receiver.rs` (fill) → core `receiver.rs: next_event` → `frame.rs: Header::parse` → `mask.rs: apply` →
//! `utf8.rs: feed` → `Event::Data(Chunk)` → your handler → `sender.rs` → core `sender.rs: chunk` → `Header::encode`
//! → `outbox.rs` → socket.
#![forbid(unsafe_code)]

mod budget;
mod clock;
mod config;
mod connect;
mod connection;
mod ending;
mod error;
mod incoming;
mod mailbox;
mod message;
#[cfg(feature = "futures")]
mod messages;
mod outbox;
mod pool;
mod receiver;
mod role;
mod sender;
#[cfg(feature = "hyper")]
mod upgrade;

pub use sockeye as proto;
pub use sockeye::{Chunk, CloseCode, Kind};

pub use budget::Budget;
pub use config::{Config, Host, Origin};
#[cfg(feature = "tls")]
pub use connect::Tls;
pub use connect::{ConnectError, Proxy, ProxyError, Stream, connect, connect_over};
pub use connection::Connection;
pub use error::Error;
pub use incoming::{Accept, AcceptError, Incoming, accept};
pub use mailbox::Mailbox;
pub use message::{Message, OwnedMessage, Prepared};
#[cfg(feature = "futures")]
pub use messages::Messages;
pub use outbox::Transport;
pub use receiver::Receiver;
pub use sender::Sender;
#[cfg(feature = "hyper")]
pub use upgrade::Upgrade;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
