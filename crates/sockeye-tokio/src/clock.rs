//! Deadlines of a receiver: one timer for all of them, made when it is first needed.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Config;
use crate::error::Error;

/// A point in time in half the bytes of an `Instant`: nanoseconds since a start, and one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(NonZeroU64);

/// An hour before somebody asked first: a clock that was paused, for a test, may be behind.
static START: LazyLock<std::time::Instant> = LazyLock::new(|| {
    let now = std::time::Instant::now();
    now.checked_sub(Duration::from_secs(3600)).unwrap_or(now)
});

impl Time {
    pub(crate) fn now() -> Self {
        let since = Instant::now().into_std().saturating_duration_since(*START);
        Time(NonZeroU64::MIN.saturating_add(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(Time::now().0.get().saturating_sub(self.0.get()))
    }

    /// The time that is so much later, but never one that would not fit: that is in 580 years.
    fn after(self, duration: Duration) -> Self {
        Time(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn instant(self) -> Instant {
        Instant::from_std(*START + Duration::from_nanos(self.0.get() - 1))
    }
}

pub(crate) struct Clock {
    timer: Option<Pin<Box<Sleep>>>,
    /// When the peer's last bytes came.
    heard: Time,
    /// When the last message ended.
    idle_since: Time,
    /// When the message at hand began.
    message_since: Option<Time>,
    /// When a ping went out that nothing came after.
    ping_since: Option<Time>,
    /// How much a peer that is behind had taken then; 0 for one that is not.
    taken: u64,
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
        let now = Time::now();
        Clock { timer: None, heard: now, idle_since: now, message_since: None, ping_since: None, taken: 0 }
    }

    /// Bytes came, and perhaps they end, begin or continue a message.
    pub(crate) fn heard(&mut self) {
        self.heard = Time::now();
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
        self.ping_since = Some(Time::now());
        self.taken = taken.unwrap_or(0);
    }

    /// Whether a peer that is behind has taken something since the ping.
    pub(crate) fn is_taking(&self, taken: Option<u64>) -> bool {
        taken.is_some_and(|taken| taken != self.taken)
    }

    /// Ready with what is due next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, config: &Config, closed_at: Option<Time>) -> Poll<Due> {
        let keepalive = match (self.ping_since, config.ping_interval) {
            (Some(since), _) => Some((since.after(config.pong_timeout), Due::End(Error::PongTimeout))),
            (None, Some(interval)) if closed_at.is_none() => Some((self.heard.after(interval), Due::Ping)),
            _ => None,
        };
        let after = |since: Option<Time>, timeout: Duration, error| Some((since?.after(timeout), Due::End(error)));
        let deadlines = [
            keepalive,
            after(self.message_since, config.message_timeout, Error::MessageTimeout),
            config.idle_timeout.and_then(|timeout| after(Some(self.idle_since), timeout, Error::IdleTimeout)),
            after(closed_at, config.close_timeout, Error::CloseTimeout),
        ];
        let Some((at, due)) = deadlines.into_iter().flatten().min_by_key(|(at, _)| *at) else { return Poll::Pending };
        ready!(self.poll_until(cx, at.instant()));
        Poll::Ready(due)
    }

    /// Ready at `deadline`. A timer that is set for an earlier time stays as it is until then: a deadline that moves
    /// on with every read costs nothing.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        // A task that was busy for long is refused its timers, too, by tokio's cooperative scheduling.
        if !has_budget_remaining() && Instant::now() >= deadline { Poll::Ready(()) } else { Poll::Pending }
    }
}
