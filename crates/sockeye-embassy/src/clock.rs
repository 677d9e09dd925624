//! The deadlines of a connection: keepalive, message, close.

use embassy_time::Instant;

use crate::config::Config;
use crate::error::Error;

/// When what began that has a deadline.
pub(crate) struct Clock {
    /// The end of the handshake, as long as it lasts.
    pub(crate) handshake: Option<Instant>,
    /// The last byte from the peer.
    heard: Instant,
    /// When the peer was pinged since.
    pinged: Option<Instant>,
    /// The message at hand.
    message: Option<Instant>,
}

/// What is to be done.
pub(crate) enum Due<E> {
    /// Nothing before this.
    Later(Instant),
    Ping,
    End(Error<E>),
}

impl Clock {
    /// The handshake begins.
    pub(crate) fn new(config: &Config<'_>) -> Self {
        let now = Instant::now();
        let handshake = Some(now.saturating_add(config.handshake_timeout));
        Clock { handshake, heard: now, pinged: None, message: None }
    }

    /// The handshake is over.
    pub(crate) fn open(&mut self) {
        self.handshake = None;
        self.heard();
    }

    /// Bytes came.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// Nothing is there to be handled; a message may be open.
    pub(crate) fn waiting(&mut self, in_message: bool) {
        self.message = if in_message { self.message.or(Some(self.heard)) } else { None };
    }

    pub(crate) fn message_ended(&mut self) {
        self.message = None;
    }

    /// What is due now.
    #[inline(never)]
    pub(crate) fn due<E>(&mut self, config: &Config<'_>, closed_at: Option<Instant>) -> Due<E> {
        let (at, end) = self.next(config, closed_at);
        let now = Instant::now();
        match end {
            _ if now < at => Due::Later(at),
            Some(error) => Due::End(error),
            None => {
                self.pinged = Some(now);
                Due::Ping
            }
        }
    }

    /// The next deadline, and what ends at it; without an end a ping is due.
    fn next<E>(&self, config: &Config<'_>, closed_at: Option<Instant>) -> (Instant, Option<Error<E>>) {
        if let Some(at) = self.handshake {
            return (at, Some(Error::HandshakeTimeout));
        }
        if let Some(at) = closed_at {
            // It bounds all that is still to come.
            return (at.saturating_add(config.close_timeout), Some(Error::CloseTimeout));
        }
        let mut next = Instant::MAX;
        let mut end = None;
        if let Some(interval) = config.ping_interval {
            next = self.heard.saturating_add(interval);
            if let Some(pinged) = self.pinged {
                next = pinged.saturating_add(config.pong_timeout);
                end = Some(Error::PongTimeout);
            }
        }
        if let Some(since) = self.message {
            let at = since.saturating_add(config.message_timeout);
            if at <= next {
                return (at, Some(Error::MessageTimeout));
            }
        }
        (next, end)
    }
}
