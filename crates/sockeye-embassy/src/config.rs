//! What can be set, and what it is without.

use embassy_time::Duration;
use sockeye::Limits;
use sockeye::handshake::{Host, Origin};

/// The settings of a connection. Every field has a sound default; set the ones that matter.
///
/// ```
/// use sockeye_embassy::{Config, Host};
///
/// const CONFIG: Config<'_> = Config { hosts: Host::Named(&["sensor.local"]), ..Config::new() };
/// # let _ = CONFIG;
/// ```
#[derive(Debug, Clone)]
pub struct Config<'a> {
    /// The longest frame and message to receive, in bytes: none. Messages are streamed, and
    /// [`Receiver::message`](crate::Receiver::message) is bounded by its buffer.
    pub limits: Limits,
    /// From the first byte to the end of the handshake, in all: 5 s. In a [`Place`](crate::Place) from the TCP connection.
    pub handshake_timeout: Duration,
    /// From the first to the last byte of a message: 30 s.
    pub message_timeout: Duration,
    /// A ping goes out after so long without a byte from the peer: 25 s. `None` is never.
    pub ping_interval: Option<Duration>,
    /// A peer that sends no byte for so long after a ping is gone: 20 s.
    pub pong_timeout: Duration,
    /// A peer that takes no byte for so long fails the connection: 20 s.
    pub send_timeout: Duration,
    /// After a close frame went out, everything ends within: 5 s.
    pub close_timeout: Duration,
    /// A server's: the names it answers to besides IP addresses and `localhost`.
    pub hosts: Host<'a, &'a str>,
    /// A server's: the origins whose pages may connect besides its own.
    pub origins: Origin<'a, &'a str>,
    /// A server's: the subprotocols it speaks, of which the client's first choice is taken. A client's: those it
    /// offers.
    pub subprotocols: &'a [&'a str],
    /// Headers to add to the request or to the 101.
    pub headers: &'a [(&'a str, &'a str)],
    /// Whether the transport collects what is written until its `flush`, as TLS does: false. If true, it is flushed
    /// after each request, response, message and control frame. embassy-net's sockets need it not: they send at once,
    /// and their `flush` waits for the peer's acknowledgement.
    pub flush: bool,
    /// Whether a `read` or `write` of the transport that is dropped while it waits has moved no byte. embedded-io-async
    /// encourages it, embassy-net's sockets are so, embedded-tls is not: true. If false, a connection of which a
    /// future was dropped inside a transfer ends with [`Error::Aborted`](crate::Error::Aborted) instead of going on out
    /// of step, and a receiver that owes a reply waits until it is written.
    pub cancel_safe: bool,
}

impl Config<'_> {
    /// The defaults, for a constant.
    pub const fn new() -> Self {
        Config {
            limits: Limits::NONE,
            handshake_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(30),
            ping_interval: Some(Duration::from_secs(25)),
            pong_timeout: Duration::from_secs(20),
            send_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            hosts: Host::Named(&[]),
            origins: Origin::Listed(&[]),
            subprotocols: &[],
            headers: &[],
            flush: false,
            cancel_safe: true,
        }
    }

    /// For a transport that collects what is written, and whose futures must not be dropped while they wait: as a
    /// session of TLS by embedded-tls, and so [`tls`](crate::tls), is.
    #[must_use]
    pub const fn over_tls(mut self) -> Self {
        self.flush = true;
        self.cancel_safe = false;
        self
    }
}

impl Default for Config<'_> {
    fn default() -> Self {
        Config::new()
    }
}
