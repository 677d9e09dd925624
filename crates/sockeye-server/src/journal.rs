//! What goes wrong with strangers, in the log: each reason once in an interval, not once for each stranger.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// A reason is told again after so long.
const INTERVAL: Duration = Duration::from_secs(10);
/// So many reasons are told apart; all others are one.
const REASONS: usize = 256;

static TOLD: LazyLock<Mutex<HashMap<String, Told>>> = LazyLock::new(Mutex::default);

struct Told {
    at: Instant,
    /// How often since.
    untold: u64,
}

/// Logs that something happened to this peer, unless the same did to another not long ago. What `detail` says of the
/// peer is not part of the reason.
pub(crate) fn tell(peer: SocketAddr, reason: &str, detail: impl fmt::Display) {
    if let Some(untold) = is_due(reason, Instant::now()) {
        match untold {
            0 => warn!(%peer, "{reason}{detail}"),
            _ => warn!(%peer, "{reason}{detail}; and {untold} more since it was last told"),
        }
    }
}

/// How often it was not told, if it is to be told now.
fn is_due(reason: &str, now: Instant) -> Option<u64> {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let reason = if told.len() < REASONS || told.contains_key(reason) { reason } else { "" };
    match told.get_mut(reason) {
        None => {
            told.insert(reason.to_owned(), Told { at: now, untold: 0 });
            Some(0)
        }
        Some(told) if now.saturating_duration_since(told.at) >= INTERVAL => {
            told.at = now;
            Some(std::mem::take(&mut told.untold))
        }
        Some(told) => {
            told.untold += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_an_interval() {
        let start = Instant::now();
        assert_eq!(is_due("test: a", start), Some(0));
        assert_eq!(is_due("test: a", start + Duration::from_secs(1)), None);
        assert_eq!(is_due("test: b", start + Duration::from_secs(1)), Some(0));
        assert_eq!(is_due("test: a", start + Duration::from_secs(2)), None);
        assert_eq!(is_due("test: a", start + INTERVAL), Some(2));
        assert_eq!(is_due("test: a", start + INTERVAL), None);
    }
}
