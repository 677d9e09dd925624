//! The deadlines of a connection: keepalive, message, close.

use embassy_time::Instant;

use crate::config::Config;
use crate::error::Failure;

/// When what began that has a deadline; [`Instant::MAX`] is never.
pub(crate) struct Clock {
    phase: Phase,
    /// The beginning of the handshake, the last byte from the peer, or the ping after it.
    since: Instant,
    /// The message at hand.
    message: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Handshake,
    Open,
    Pinged,
}

/// What is to be done.
pub(crate) enum Due {
    /// Nothing before this.
    Later(Instant),
    Ping,
    End(Failure),
}

impl Clock {
    /// The handshake begins.
    pub(crate) fn new() -> Self {
        Clock { phase: Phase::Handshake, since: Instant::now(), message: Instant::MAX }
    }

    /// When the handshake must be over.
    pub(crate) fn handshake_deadline(&self, config: &Config<'_>) -> Instant {
        self.since.saturating_add(config.handshake_timeout)
    }

    /// The handshake is over.
    pub(crate) fn open(&mut self) {
        self.phase = Phase::Open;
        self.heard();
    }

    /// Bytes came.
    pub(crate) fn heard(&mut self) {
        if self.phase != Phase::Handshake {
            (self.phase, self.since) = (Phase::Open, Instant::now());
        }
    }

    /// When the peer was heard last, or pinged since.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Nothing is there to be handled; a message may be open.
    pub(crate) fn waiting(&mut self, in_message: bool) {
        if !in_message {
            self.message = Instant::MAX;
        } else if self.message == Instant::MAX {
            self.message = self.since;
        }
    }

    pub(crate) fn message_ended(&mut self) {
        self.message = Instant::MAX;
    }

    /// What is due now. While the ping still waits to be written its answer is not waited for.
    #[inline(never)]
    pub(crate) fn due(&mut self, config: &Config<'_>, closed_at: Instant, ping_waits: bool, now: Instant) -> Due {
        if ping_waits && self.phase == Phase::Pinged {
            self.since = now;
        }
        let (at, end) = self.next(config, closed_at);
        match end {
            _ if now < at => Due::Later(at),
            Some(failure) => Due::End(failure),
            None => {
                (self.phase, self.since) = (Phase::Pinged, now);
                Due::Ping
            }
        }
    }

    /// The next deadline, and what ends at it; without an end a ping is due.
    fn next(&self, config: &Config<'_>, closed_at: Instant) -> (Instant, Option<Failure>) {
        if self.phase == Phase::Handshake {
            return (self.handshake_deadline(config), Some(Failure::HandshakeTimeout));
        }
        if closed_at != Instant::MAX {
            // It bounds all that is still to come.
            return (closed_at.saturating_add(config.close_timeout), Some(Failure::CloseTimeout));
        }
        let keepalive = match config.ping_interval {
            Some(_) if self.phase == Phase::Pinged => {
                (self.since.saturating_add(config.pong_timeout), Some(Failure::PongTimeout))
            }
            Some(interval) => (self.since.saturating_add(interval), None),
            None => (Instant::MAX, None),
        };
        let message = self.message.saturating_add(config.message_timeout);
        if message <= keepalive.0 && message != Instant::MAX {
            (message, Some(Failure::MessageTimeout))
        } else {
            keepalive
        }
    }
}
