//! Rooms: what one member sends, all others get.

mod backlog;
mod envelope;
mod history;
mod room;
mod visit;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockeye_tokio::Kind;
use sockeye_tokio::proto::Reject;
use tokio::time::sleep;

pub(crate) use self::envelope::{Dialect, Position, subprotocol};
use self::history::History;
pub(crate) use self::history::Keep;
pub(crate) use self::room::{Entry, Look, Room, SlowPolicy};
pub(crate) use self::visit::Visit;
use crate::metrics::METRICS;
use crate::settings::Settings;

/// Come back for a room after so many seconds.
const RETRY_AFTER: u32 = 60;

/// All rooms, by name.
#[derive(Clone)]
pub(crate) struct Rooms {
    rules: Rules,
    by_name: Arc<Mutex<HashMap<String, Arc<Room>>>>,
    /// Bytes of history of all rooms.
    history: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
struct Rules {
    /// So many rooms there may be at a time.
    count: usize,
    /// An empty room is gone after so long, and its history with it.
    empty: Duration,
    keep: Keep,
    slow: SlowPolicy,
}

impl Rooms {
    pub(crate) fn new(settings: &Settings) -> Self {
        let rules = Rules {
            count: settings.room_count.get(),
            empty: settings.room_empty,
            keep: Keep {
                messages: settings.room_history,
                bytes: settings.room_history_bytes,
                time: Some(settings.room_history_time).filter(|time| !time.is_zero()),
            },
            slow: SlowPolicy { what: settings.room_slow, behind: settings.room_behind.get() },
        };
        Rooms { rules, by_name: Arc::default(), history: Arc::default() }
    }

    /// The room of this name, made if there is none.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Room>, Reject> {
        let mut rooms = lock(&self.by_name);
        if let Some(room) = rooms.get(name) {
            return Ok(room.clone());
        }
        if rooms.len() >= self.rules.count {
            return Err(Reject::Unavailable { retry_after: RETRY_AFTER });
        }
        let history = History::new(self.rules.keep, self.history.clone());
        let room = Arc::new(Room::new(self.rules.slow, history));
        rooms.insert(name.to_owned(), room.clone());
        METRICS.rooms.set(i64::try_from(rooms.len()).unwrap_or(i64::MAX));
        tokio::spawn(self.clone().expire(name.to_owned(), room.clone()));
        Ok(room)
    }

    /// What is in a room, if it is there.
    pub(crate) fn look(&self, name: &str) -> Option<Look> {
        let room = lock(&self.by_name).get(name).cloned()?;
        Some(room.look())
    }

    /// Says something in a room from outside; its sequence.
    pub(crate) fn publish(&self, name: &str, kind: Kind, payload: &[u8]) -> Result<String, Reject> {
        METRICS.received(payload.len());
        Ok(self.get(name)?.pass(None, kind, payload))
    }

    /// Ends the room once it was empty for long enough.
    async fn expire(self, name: String, room: Arc<Room>) {
        loop {
            let visits = room.emptied().await;
            sleep(self.rules.empty).await;
            let mut rooms = lock(&self.by_name);
            // Nobody can come in while the lock is held, nobody is on the way, and nobody was there meanwhile.
            if Arc::strong_count(&room) == 2 && room.visits_if_empty() == Some(visits) {
                rooms.remove(&name);
                METRICS.rooms.set(i64::try_from(rooms.len()).unwrap_or(i64::MAX));
                return;
            }
        }
    }
}

/// 1 to 64 of letters, digits, `.`, `_` and `-`.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// What the lock guards is sound even if its holder panicked: nothing there is half done at a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
