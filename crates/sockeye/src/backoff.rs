//! When a client may try again (RFC 6455 section 7.2.3).

use core::time::Duration;

use rand_core::Rng;

/// How long to wait before each new attempt after a connection was lost or not made: first a random time of at most
/// 5 s, so that the clients of a server that restarts do not come all at once, then twice as long each time, at most
/// a minute, of which a random half is taken off.
///
/// ```
/// # let mut rng = rand::rng();
/// let mut backoff = sockeye::Backoff::new();
/// let first = backoff.wait(&mut rng); // sleep so long, connect, and if that fails:
/// let second = backoff.wait(&mut rng);
/// # assert!(first.as_secs() <= 5 && second.as_secs() <= 10);
/// backoff = sockeye::Backoff::new(); // once a connection is of use
/// # let _ = backoff;
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The longest the next wait may be, in milliseconds; 0 before the first.
    longest: u32,
}

impl Backoff {
    const FIRST: u32 = 5_000;
    const LONGEST: u32 = 60_000;

    /// Before the first attempt to reconnect.
    pub const fn new() -> Self {
        Backoff { longest: 0 }
    }

    /// The time to wait before the next attempt.
    pub fn wait<R: Rng>(&mut self, rng: &mut R) -> Duration {
        let is_first = self.longest == 0;
        self.longest = if is_first { Self::FIRST } else { (self.longest * 2).min(Self::LONGEST) };
        let shortest = if is_first { 0 } else { self.longest / 2 };
        // A remainder of 32 bits by at most 16 is even enough for this.
        let wait = shortest + rng.next_u32() % (self.longest - shortest + 1);
        Duration::from_millis(wait.into())
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_first_wait_is_random_and_the_others_double_to_a_minute() {
        let mut rng = rand::rng();
        let mut firsts = Vec::new();
        for _ in 0..1_000 {
            let mut backoff = Backoff::new();
            let waits: Vec<u128> = (0..8).map(|_| backoff.wait(&mut rng).as_millis()).collect();
            firsts.push(waits[0]);
            for (wait, longest) in waits.iter().zip([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000]) {
                assert!(*wait <= longest, "{waits:?}");
            }
            for (wait, shortest) in waits.iter().zip([0, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000, 30_000]) {
                assert!(*wait >= shortest, "{waits:?}");
            }
        }
        let early = firsts.iter().filter(|first| **first < 2_500).count();
        assert!((300..700).contains(&early), "{early} of 1000 first waits are in the first half");
    }
}
