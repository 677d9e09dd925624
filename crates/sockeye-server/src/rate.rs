//! How much may come in a time: token buckets.

use std::time::Instant;

/// So many seconds' worth may come at once.
const BURST: f64 = 2.0;

/// A bucket that fills by `rate` a second.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    level: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one; none if the rate is 0, which limits nothing.
    pub(crate) fn new(rate: u32) -> Option<Self> {
        let rate = f64::from(rate);
        (rate > 0.0).then(|| Bucket { rate, level: rate * BURST, filled: Instant::now() })
    }

    /// Takes so many, if there are any left: what is longer than the bucket is deep goes through once, and is paid for.
    pub(crate) fn take(&mut self, count: usize) -> bool {
        self.take_at(count, Instant::now())
    }

    fn take_at(&mut self, count: usize, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.level = (self.level + since * self.rate).min(self.rate * BURST);
        if self.level <= 0.0 {
            return false;
        }
        self.level -= count as f64;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_then_the_rate() {
        assert!(Bucket::new(0).is_none());
        let mut bucket = Bucket::new(10).expect("a limit");
        let start = bucket.filled;
        let taken = (0..100).filter(|_| bucket.take_at(1, start)).count();
        assert_eq!(taken, 20, "two seconds' worth");
        assert!(!bucket.take_at(1, start));
        assert!(bucket.take_at(1, start + Duration::from_millis(100)));
        assert!(!bucket.take_at(1, start + Duration::from_millis(100)));
        // It does not save up more than two seconds.
        let later = start + Duration::from_secs(1000);
        assert_eq!((0..100).filter(|_| bucket.take_at(1, later)).count(), 20);
    }

    #[test]
    fn what_is_larger_than_the_bucket_is_paid_for() {
        let mut bucket = Bucket::new(10).expect("a limit");
        let start = bucket.filled;
        assert!(bucket.take_at(50, start));
        assert!(!bucket.take_at(1, start + Duration::from_secs(2)));
        assert!(bucket.take_at(1, start + Duration::from_millis(3100)));
    }
}
