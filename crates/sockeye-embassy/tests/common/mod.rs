//! What the tests share: seeds, an executor that polls only who was woken, a transport in memory, and peers.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod exec;
pub(crate) mod peer;
pub(crate) mod raw;
pub(crate) mod setup;
pub(crate) mod wire;

use embassy_time::Duration;
use sockeye_embassy::{Config, Host};

/// Runs a test with seeds from 0 on, or with the one in `SOCKEYE_SEED`. One that fails is printed.
pub(crate) fn each_seed(count: u64, mut test: impl FnMut(u64)) {
    struct Told(u64);
    impl Drop for Told {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("replay with SOCKEYE_SEED={}", self.0);
            }
        }
    }
    for seed in replay().map_or(0..count, |seed| seed..seed + 1) {
        let told = Told(seed);
        test(seed);
        drop(told);
    }
}

/// The only seed that is to be run.
pub(crate) fn replay() -> Option<u64> {
    std::env::var("SOCKEYE_SEED").ok().map(|seed| seed.parse().expect("SOCKEYE_SEED is a number"))
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 0
    }
}

/// A configuration whose deadlines do not help out where a wake-up was lost.
pub(crate) const fn patient() -> Config<'static> {
    let long = Duration::from_secs(7 * 24 * 3600);
    Config {
        ping_interval: None,
        message_timeout: long,
        send_timeout: long,
        close_timeout: long,
        handshake_timeout: long,
        hosts: Host::Any,
        ..Config::new()
    }
}

/// The default deadlines, and no pings.
pub(crate) const NO_KEEPALIVE: Config<'static> = Config { ping_interval: None, ..Config::new() };

/// A payload of its own for each number.
pub(crate) fn payload(id: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + id * 7) as u8).collect()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
