//! What was said last in a room, for newcomers and for those who come back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

/// All rooms together keep so many bytes.
const BYTES_OF_ALL: usize = 64 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    /// `None` is until newer ones take the place.
    pub(crate) time: Option<Duration>,
}

/// The last messages of a room, in order.
pub(super) struct History {
    keep: Keep,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The sequence of the newest message that is kept no more: who has heard all up to it has missed nothing but what
    /// is here.
    gone: u64,
    bytes_of_all: Arc<AtomicUsize>,
}

struct Entry {
    sequence: u64,
    at: Instant,
    message: Box<RawValue>,
}

impl History {
    pub(super) fn new(keep: Keep, bytes_of_all: Arc<AtomicUsize>) -> Self {
        History { keep, entries: VecDeque::new(), bytes: 0, gone: 0, bytes_of_all }
    }

    pub(super) fn push(&mut self, sequence: u64, message: String, now: Instant) {
        let len = message.len();
        let Ok(message) = RawValue::from_string(message) else { return };
        self.bytes += len;
        let used = self.bytes_of_all.fetch_add(len, Ordering::Relaxed) + len;
        self.entries.push_back(Entry { sequence, at: now, message });
        let over = (used + self.keep.bytes).saturating_sub(BYTES_OF_ALL);
        let bytes = self.keep.bytes.saturating_sub(over);
        while self.entries.len() > self.keep.messages || self.bytes > bytes {
            self.forget_oldest();
        }
        self.forget_old(now);
    }

    /// All that is kept, oldest first; of what came after a sequence only that, and whether it is all of it.
    pub(super) fn after(&mut self, sequence: Option<u64>, now: Instant) -> (Vec<&RawValue>, bool) {
        self.forget_old(now);
        let complete = sequence.is_some_and(|sequence| sequence >= self.gone);
        let heard = if complete { sequence.unwrap_or(0) } else { 0 };
        let rest = self.entries.iter().filter(|entry| entry.sequence > heard);
        (rest.map(|entry| &*entry.message).collect(), complete)
    }

    fn forget_old(&mut self, now: Instant) {
        let Some(time) = self.keep.time else { return };
        while self.entries.front().is_some_and(|oldest| now.saturating_duration_since(oldest.at) > time) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.gone = oldest.sequence;
        let len = oldest.message.get().len();
        self.bytes -= len;
        self.bytes_of_all.fetch_sub(len, Ordering::Relaxed);
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.bytes_of_all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Keep = Keep { messages: 3, bytes: 1000, time: None };

    fn history(keep: Keep, sequences: &[u64]) -> History {
        let mut history = History::new(keep, Arc::default());
        let now = Instant::now();
        sequences.iter().for_each(|sequence| history.push(*sequence, sequence.to_string(), now));
        history
    }

    fn after(history: &mut History, sequence: Option<u64>) -> (String, bool) {
        let (messages, complete) = history.after(sequence, Instant::now());
        (messages.iter().map(|message| message.get()).collect::<Vec<_>>().join(" "), complete)
    }

    #[test]
    fn what_came_after() {
        let mut history = history(KEEP, &[2, 3, 5, 8]);
        assert_eq!(after(&mut history, None), ("3 5 8".into(), false));
        for (sequence, rest) in [(8, ""), (7, "8"), (5, "8"), (4, "5 8"), (3, "5 8"), (2, "3 5 8"), (100, "")] {
            assert_eq!(after(&mut history, Some(sequence)), (rest.into(), true), "{sequence}");
        }
        for sequence in [0, 1] {
            assert_eq!(after(&mut history, Some(sequence)), ("3 5 8".into(), false), "{sequence}: 2 is gone");
        }
    }

    #[test]
    fn nothing_is_kept() {
        for keep in [Keep { messages: 0, ..KEEP }, Keep { bytes: 0, ..KEEP }] {
            let mut history = history(keep, &[1, 2]);
            assert_eq!(after(&mut history, Some(2)), (String::new(), true));
            assert_eq!(after(&mut history, Some(1)), (String::new(), false), "2 is gone");
            assert_eq!(history.bytes_of_all.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn bytes_and_time_bound_it() {
        let mut bytes = history(Keep { messages: 100, bytes: 3, ..KEEP }, &[1, 2, 3, 4, 5]);
        assert_eq!(after(&mut bytes, None).0, "3 4 5");

        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut history = History::new(Keep { time: Some(10 * second), ..KEEP }, Arc::default());
        history.push(1, "1".into(), start);
        history.push(2, "2".into(), start + 5 * second);
        assert_eq!(history.after(Some(0), start + 10 * second).0.len(), 2);
        let (rest, complete) = history.after(Some(0), start + 11 * second);
        assert_eq!((rest.len(), complete), (1, false));
        let (rest, complete) = history.after(Some(1), start + 100 * second);
        assert_eq!((rest.len(), complete), (0, false), "2 is gone as well");
    }

    #[test]
    fn all_rooms_share_a_bound() {
        let all = Arc::<AtomicUsize>::default();
        let keep = Keep { messages: usize::MAX, bytes: 1 << 20, time: None };
        let message = format!("\"{}\"", "x".repeat(1 << 19));
        let now = Instant::now();
        let mut rooms: Vec<_> = (0..200).map(|_| History::new(keep, all.clone())).collect();
        for room in &mut rooms {
            (1..=2).for_each(|sequence| room.push(sequence, message.clone(), now));
            assert!(all.load(Ordering::Relaxed) <= BYTES_OF_ALL);
        }
        drop(rooms);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
