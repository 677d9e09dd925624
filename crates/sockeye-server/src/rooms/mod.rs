//! Rooms: what one member sends, all others get.

mod envelope;
mod room;
mod visit;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockeye_tokio::proto::{Limits, Reject};
use tokio::time::sleep;

pub(crate) use envelope::Dialect;
pub(crate) use room::Room;
pub(crate) use visit::Visit;

/// The longest message to a room: 64 KiB.
pub(crate) const MESSAGE_LIMITS: Limits = Limits::message(64 * 1024);
/// So many rooms there may be at a time.
const ROOMS: usize = 10_000;
/// An empty room is gone after so long, and its history with it.
const EMPTY: Duration = Duration::from_secs(60);
/// Come back for a room after so many seconds.
const RETRY_AFTER: u32 = 60;

/// All rooms, by name.
#[derive(Clone, Default)]
pub(crate) struct Rooms {
    by_name: Arc<Mutex<HashMap<String, Arc<Room>>>>,
    /// Bytes of history of all rooms.
    history: Arc<AtomicUsize>,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        Rooms::default()
    }

    /// The room of this name, made if there is none.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Room>, Reject> {
        let mut rooms = lock(&self.by_name);
        if let Some(room) = rooms.get(name) {
            return Ok(room.clone());
        }
        if rooms.len() >= ROOMS {
            return Err(Reject::Unavailable { retry_after: RETRY_AFTER });
        }
        let room = Arc::new(Room::new(self.history.clone()));
        rooms.insert(name.to_owned(), room.clone());
        tokio::spawn(self.clone().expire(name.to_owned(), room.clone()));
        Ok(room)
    }

    /// Ends the room once it was empty for long enough.
    async fn expire(self, name: String, room: Arc<Room>) {
        loop {
            room.emptied().await;
            let visits = room.visits();
            sleep(EMPTY).await;
            let mut rooms = lock(&self.by_name);
            // Nobody can come in while the lock is held, nobody is on the way, and nobody was there meanwhile.
            if Arc::strong_count(&room) == 2 && room.visits() == visits {
                rooms.remove(&name);
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
