//! What the tests share: seeds, a runtime whose clock stands still, a transport in memory, and a peer of raw frames.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod raw;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::Duration;

use sockeye_tokio::{Config, Connection, Host, Transport, accept, connect_over};

/// Runs a test whose clock moves on only when nothing else can: one that hangs ends at once.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(bounded(future))
}

/// The same on a runtime that is there already.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(24 * 3600), future).await.expect("it hangs")
}

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
pub(crate) fn patient() -> Config {
    let long = Duration::from_secs(7 * 24 * 3600);
    Config {
        ping_interval: None,
        message_timeout: long,
        send_timeout: long,
        close_timeout: long,
        handshake_timeout: long,
        hosts: Host::Any,
        ..Config::default()
    }
}

/// A client and a server over the two ends.
pub(crate) async fn connected<A: Transport, B: Transport>(
    client: A,
    server: B,
    client_config: impl Into<Arc<Config>>,
    server_config: impl Into<Arc<Config>>,
) -> (Connection<A>, Connection<B>) {
    let (client, server) =
        tokio::join!(connect_over(client, "ws://localhost/", client_config), accept(server, server_config));
    (client.expect("the client connects"), server.expect("the server accepts"))
}

/// Lets every task run that can, and those that they wake, and so on.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Lets the others run until it is so. It fails if it never is.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        settle().await;
    }
    panic!("what is waited for never comes");
}
