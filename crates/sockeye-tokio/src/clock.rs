//! Deadlines of a receiver: one timer for all of them, made when it is first needed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Config;
use crate::error::Error;

pub(crate) struct Clock {
    timer: Option<Pin<Box<Sleep>>>,
    /// When the peer's last bytes came.
    heard: Instant,
    /// When the last message ended.
    idle_since: Instant,
    /// When the message at hand began.
    message_since: Option<Instant>,
    /// When a ping went out that nothing came after.
    ping_since: Option<Instant>,
    /// How much a peer that is behind had taken then.
    taken: Option<u64>,
}

/// What is due.
#[derive(Clone, Copy)]
pub(crate) enum Due {
    /// A ping is to be sent.
    Ping,
    /// It is over.
    End(Error),
}

impl Clock {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Clock { timer: None, heard: now, idle_since: now, message_since: None, ping_since: None, taken: None }
    }

    /// Bytes came, and perhaps they end, begin or continue a message.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
        self.ping_since = None;
    }

    /// The application has what came, and waits for more: inside a message or between two.
    pub(crate) fn waiting(&mut self, in_message: bool) {
        if in_message {
            self.message_since.get_or_insert(self.heard);
        } else {
            self.message_since = None;
        }
    }

    /// A message ended with the last bytes.
    pub(crate) fn message(&mut self) {
        self.message_since = None;
        self.idle_since = self.heard;
    }

    /// A ping went out, or waits behind what the peer still has to take.
    pub(crate) fn pinged(&mut self, taken: Option<u64>) {
        self.ping_since = Some(Instant::now());
        self.taken = taken;
    }

    /// Whether a peer that is behind has taken something since the ping.
    pub(crate) fn is_taking(&self, taken: Option<u64>) -> bool {
        taken.is_some() && taken != self.taken
    }

    /// Ready with what is due next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, config: &Config, closed_at: Option<Instant>) -> Poll<Due> {
        let keepalive = match (self.ping_since, config.ping_interval) {
            (Some(since), _) => Some((since + config.pong_timeout, Due::End(Error::PongTimeout))),
            (None, Some(interval)) if closed_at.is_none() => Some((self.heard + interval, Due::Ping)),
            _ => None,
        };
        let after = |since: Option<Instant>, timeout: Duration, error| Some((since? + timeout, Due::End(error)));
        let deadlines = [
            keepalive,
            after(self.message_since, config.message_timeout, Error::MessageTimeout),
            config.idle_timeout.and_then(|timeout| after(Some(self.idle_since), timeout, Error::IdleTimeout)),
            after(closed_at, config.close_timeout, Error::CloseTimeout),
        ];
        let Some((at, due)) = deadlines.into_iter().flatten().min_by_key(|(at, _)| *at) else { return Poll::Pending };
        ready!(self.poll_until(cx, at));
        Poll::Ready(due)
    }

    /// Ready at `deadline`. A timer that is set for an earlier time stays as it is until then: a deadline that moves
    /// on with every read costs nothing.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        // A task that was busy for long is refused its timers, too, by tokio's cooperative scheduling.
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
