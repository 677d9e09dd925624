//! The readings that the host does not have yet.

use core::cell::RefCell;
use core::fmt::Write as _;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Instant;
use heapless::{Deque, String};

/// How many are kept: two minutes; for tests one.
const KEPT: usize = if cfg!(feature = "short-deadlines") { 64 } else { 128 };

/// What was read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    number: u32,
    taken: Instant,
    temperature: Option<i32>,
    led: bool,
    /// How many had to be let go so far.
    lost: u32,
}

/// A queue whose front goes when the host has it.
pub(super) struct Readings {
    queue: RefCell<Queue>,
    changed: Signal<NoopRawMutex, ()>,
}

struct Queue {
    kept: Deque<Reading, KEPT>,
    /// The number of the next that is taken.
    next: u32,
    /// The number of the next that is to be sent on this connection.
    unsent: u32,
    lost: u32,
}

impl Readings {
    pub(super) const fn new() -> Self {
        let queue = RefCell::new(Queue { kept: Deque::new(), next: 0, unsent: 0, lost: 0 });
        Readings { queue, changed: Signal::new() }
    }

    /// Keeps one more; if there is no room, the oldest goes.
    pub(super) fn take(&self, temperature: Option<i32>, led: bool) {
        let mut queue = self.queue.borrow_mut();
        let number = queue.next;
        queue.next = number.wrapping_add(1);
        if queue.kept.is_full() {
            queue.kept.pop_front();
            queue.lost = queue.lost.saturating_add(1);
        }
        let lost = queue.lost;
        // There is room.
        let _ = queue.kept.push_back(Reading { number, taken: Instant::now(), temperature, led, lost });
        self.changed.signal(());
    }

    /// The next that was not sent on this connection yet.
    ///
    /// # Cancel safety
    /// Dropped, it has taken none.
    pub(super) async fn next(&self) -> Reading {
        loop {
            {
                let mut queue = self.queue.borrow_mut();
                let unsent = queue.unsent;
                let found = queue.kept.iter().find(|reading| reading.number >= unsent).copied();
                if let Some(reading) = found {
                    queue.unsent = reading.number.wrapping_add(1);
                    return reading;
                }
            }
            self.changed.wait().await;
        }
    }

    /// The host has this one, and so all before it: they are sent in order.
    pub(super) fn confirm(&self, number: u32) {
        let mut queue = self.queue.borrow_mut();
        // A number that was never sent is not ours.
        if number >= queue.unsent {
            return;
        }
        while queue.kept.front().is_some_and(|reading| reading.number <= number) {
            queue.kept.pop_front();
        }
    }

    /// There is a new connection, on which none was sent.
    pub(super) fn send_again(&self) {
        let mut queue = self.queue.borrow_mut();
        queue.unsent = queue.kept.front().map_or(queue.next, |reading| reading.number);
    }
}

/// How the text of a reading begins, up to its number.
const BEGINNING: &str = r#"{"n":"#;
/// Between its number and the boot's.
const BOOT: &str = r#","boot":"#;

impl Reading {
    /// The message for the room. Its text is JSON in JSON.
    pub(super) fn envelope(&self, boot: u32) -> String<256> {
        let mut envelope = String::new();
        let age = Instant::now().saturating_duration_since(self.taken).as_millis();
        // All fits: five numbers of at most 20 digits, and the words.
        let _ = envelope.push_str(r#"{"kind":"message","text":""#);
        let mut text = Escaped(&mut envelope);
        let _ = write!(text, r#"{BEGINNING}{}{BOOT}{boot},"age_ms":{age},"temperature_mc":"#, self.number);
        let _ = match self.temperature {
            Some(temperature) => write!(text, "{temperature}"),
            None => text.write_str("null"),
        };
        let _ = write!(text, r#","led":{},"lost":{}}}"#, self.led, self.lost);
        let _ = envelope.push_str(r#""}"#);
        envelope
    }
}

/// The number of a reading of this boot, from the beginning of its text.
pub(super) fn number(text: &str, boot: u32) -> Option<u32> {
    let (number, rest) = text.strip_prefix(BEGINNING)?.split_once(BOOT)?;
    let (of, _) = rest.split_once(',')?;
    (of.parse() == Ok(boot)).then_some(number.parse().ok()?)
}

/// Quotes are escaped; there is nothing else that has to be.
struct Escaped<'s>(&'s mut String<256>);

impl core::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        text.chars().try_for_each(|c| {
            if c == '"' {
                self.0.push('\\').map_err(|_| core::fmt::Error)?;
            }
            self.0.push(c).map_err(|_| core::fmt::Error)
        })
    }
}
