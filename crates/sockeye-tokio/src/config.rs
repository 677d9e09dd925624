//! What can be set, and what it is without.

use std::time::Duration;

use sockeye::Limits;

use crate::budget::Budget;
use crate::connect::Proxy;
#[cfg(feature = "tls")]
use crate::connect::Tls;

/// The settings of a connection. Every field has a sound default; set the ones that matter.
///
/// ```
/// use sockeye_tokio::{Config, Origin};
/// use sockeye_tokio::proto::Limits;
///
/// let config = Config {
///     limits: Limits::message(64 * 1024),
///     origins: Origin::Listed(vec!["https://example.com".into()]),
///     ..Config::default()
/// };
/// # let _ = config;
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// The longest frame and message to receive, in bytes: messages of 1 MiB. Who streams with
    /// [`next`](crate::Receiver::next) may set [`Limits::NONE`].
    pub limits: Limits,
    /// The longest request or response head, in bytes: 8 KiB.
    pub head: usize,
    /// From the first byte to the end of the handshake, in all: 5 s.
    pub handshake_timeout: Duration,
    /// From the first to the last byte of a message: 30 s.
    pub message_timeout: Duration,
    /// A ping goes out after so long without a byte from the peer: 25 s. `None` is never.
    pub ping_interval: Option<Duration>,
    /// A ping is to be answered within: 20 s.
    pub pong_timeout: Duration,
    /// The connection is closed after so long without a message: never.
    pub idle_timeout: Option<Duration>,
    /// A peer that takes nothing for so long fails the connection, and a send that waits so long for room fails: 20 s.
    pub send_timeout: Duration,
    /// After a close frame went out, everything ends within: 5 s.
    pub close_timeout: Duration,
    /// `send` waits while so many bytes are queued: 64 KiB. A longer message goes over it by itself.
    pub high_water: usize,
    /// A server's: the names it answers to besides IP addresses and `localhost`.
    pub hosts: Host,
    /// A server's: the origins whose pages may connect besides its own.
    pub origins: Origin,
    /// A server's: the subprotocols it speaks, of which the client's first choice is taken. A client's: those it
    /// offers.
    pub subprotocols: Vec<String>,
    /// Headers to add to the request or to the 101.
    pub headers: Vec<(String, String)>,
    /// Called with how long the peer took for each ping that it answered, as
    /// [`round_trip`](crate::Receiver::round_trip) has it: for a histogram, say.
    pub on_round_trip: Option<fn(Duration)>,
    /// A client's: the HTTP proxy that it goes through. None.
    pub proxy: Option<Proxy>,
    /// A client's: whom it trusts; `None` is [`Tls::system`].
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// What all connections together may hold in memory: one for the process.
    pub budget: Budget,
}

/// The hosts that a server answers to: [`sockeye::handshake::Host`], owned.
#[derive(Debug, Clone)]
pub enum Host {
    /// These names, besides IP addresses and `localhost`.
    Named(Vec<String>),
    /// Every name: gives up the protection against DNS rebinding.
    Any,
}

/// The origins whose pages may connect: [`sockeye::handshake::Origin`], owned.
#[derive(Debug, Clone)]
pub enum Origin {
    /// These, besides the server's own.
    Listed(Vec<String>),
    /// Every origin: gives up the protection against cross-site WebSocket hijacking.
    Any,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            limits: Limits::message(1024 * 1024),
            head: 8 * 1024,
            handshake_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(30),
            ping_interval: Some(Duration::from_secs(25)),
            pong_timeout: Duration::from_secs(20),
            idle_timeout: None,
            send_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            high_water: 64 * 1024,
            hosts: Host::Named(Vec::new()),
            origins: Origin::Listed(Vec::new()),
            subprotocols: Vec::new(),
            headers: Vec::new(),
            on_round_trip: None,
            proxy: None,
            #[cfg(feature = "tls")]
            tls: None,
            budget: Budget::process(),
        }
    }
}

impl Host {
    pub(crate) fn as_core(&self) -> sockeye::handshake::Host<'_, String> {
        match self {
            Host::Named(names) => sockeye::handshake::Host::Named(names),
            Host::Any => sockeye::handshake::Host::Any,
        }
    }
}

impl Origin {
    pub(crate) fn as_core(&self) -> sockeye::handshake::Origin<'_, String> {
        match self {
            Origin::Listed(origins) => sockeye::handshake::Origin::Listed(origins),
            Origin::Any => sockeye::handshake::Origin::Any,
        }
    }
}
