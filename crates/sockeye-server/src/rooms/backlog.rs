//! What waits for a member who does not keep up, or who is still on the way in.

use std::collections::VecDeque;

use sockeye_tokio::Prepared;

/// What a message costs while it waits, besides its bytes, so that small ones are bounded too.
const ENTRY: usize = 128;

#[derive(Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    dropped: Option<Dropped>,
}

struct Waiting {
    sequence: u64,
    prepared: Prepared,
    /// It is never dropped: a welcome.
    must: bool,
}

/// Messages that the member does not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) count: u64,
    /// The sequence of the last of them.
    pub(super) last: u64,
}

impl Backlog {
    pub(super) fn push(&mut self, sequence: u64, prepared: Prepared, must: bool) {
        self.bytes += prepared.len() + ENTRY;
        self.waiting.push_back(Waiting { sequence, prepared, must });
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops the oldest until at most so many bytes wait, but never the newest; how many were dropped.
    pub(super) fn drop_oldest(&mut self, limit: usize) -> u64 {
        let mut count = 0;
        while self.bytes > limit {
            let last = self.waiting.len().saturating_sub(1);
            let Some(oldest) = self.waiting.iter().take(last).position(|waiting| !waiting.must) else { break };
            let Some(dropped) = self.remove(oldest) else { break };
            count += 1;
            let before = self.dropped.map_or(0, |dropped| dropped.count);
            self.dropped = Some(Dropped { count: before + 1, last: dropped.sequence });
        }
        count
    }

    /// Hands on what waits, in order, as long as it is taken; what is to be said of those that were dropped comes where
    /// they were. Whether all of it was taken.
    pub(super) fn hand_on(
        &mut self,
        gap: impl Fn(Dropped) -> Option<Prepared>,
        mut post: impl FnMut(&Prepared) -> bool,
    ) -> bool {
        while let Some(oldest) = self.waiting.front() {
            if let Some(dropped) = self.dropped.filter(|_| !oldest.must) {
                if gap(dropped).is_some_and(|gap| !post(&gap)) {
                    return false;
                }
                self.dropped = None;
            } else if post(&oldest.prepared) {
                self.remove(0);
            } else {
                return false;
            }
        }
        true
    }

    fn remove(&mut self, at: usize) -> Option<Waiting> {
        let removed = self.waiting.remove(at)?;
        self.bytes -= removed.prepared.len() + ENTRY;
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on while `room` messages are taken.
    fn handed_on(backlog: &mut Backlog, room: usize) -> (Vec<String>, bool) {
        let mut got = Vec::new();
        let gap = |dropped: Dropped| Some(Prepared::text(&format!("gap {} {}", dropped.count, dropped.last)));
        let all = backlog.hand_on(gap, |prepared| {
            let taken = got.len() < room;
            if taken {
                got.push(String::from_utf8_lossy(prepared.payload()).into_owned());
            }
            taken
        });
        (got, all)
    }

    #[test]
    fn in_order_with_the_gap_first() {
        let mut backlog = Backlog::default();
        (1..=5).for_each(|sequence| backlog.push(sequence, Prepared::text(&sequence.to_string()), false));
        assert_eq!(backlog.drop_oldest(3 * (ENTRY + 1)), 2);
        assert_eq!(handed_on(&mut backlog, 0), (vec![], false));
        assert_eq!(backlog.drop_oldest(2 * (ENTRY + 1)), 1, "the gap grows until it is told");
        assert_eq!(handed_on(&mut backlog, 2), (vec!["gap 3 3".into(), "4".into()], false));
        backlog.push(6, Prepared::text("6"), false);
        assert_eq!(handed_on(&mut backlog, 9), (vec!["5".into(), "6".into()], true));
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn the_newest_stays() {
        let mut backlog = Backlog::default();
        backlog.push(1, Prepared::binary(&[0; 1000]), false);
        assert_eq!(backlog.drop_oldest(0), 0);
        backlog.push(2, Prepared::binary(&[0; 1000]), false);
        assert_eq!(backlog.drop_oldest(0), 1);
    }

    #[test]
    fn a_welcome_is_never_dropped() {
        let mut backlog = Backlog::default();
        backlog.push(1, Prepared::text("welcome"), true);
        (2..=4).for_each(|sequence| backlog.push(sequence, Prepared::text(&sequence.to_string()), false));
        assert_eq!(backlog.drop_oldest(0), 2);
        assert_eq!(handed_on(&mut backlog, 9), (vec!["welcome".into(), "gap 2 3".into(), "4".into()], true));
    }
}
