//! What the tests share: the real server, peers that keep to no rule, and witnesses that the rest goes on undisturbed.
//!
//! [`Server`] runs the program `sockeye serve`, [`Example`] an example, [`Library`] a server of `sockeye-tokio` in this
//! process. [`Raw`] is a
//! peer of either role over a plain socket, with frames of its own making ([`frame`]). A [`Bystander`] is a connection
//! that echoes on beside each test, and [`beside_a_bystander`] does the same for tests of the client. [`device`] is the
//! firmware, in QEMU. An [`Authority`]
//! issues certificates, and takes TLS off a server for those who do not speak it. [`rows`] are the cases that both of them meet.

mod authority;
mod binary;
mod bystander;
pub mod device;
mod example;
pub mod frame;
mod hostile;
mod http;
mod library;
mod process;
mod raw;
mod relay;
mod request;
pub mod rows;
mod server;

use std::time::{Duration, Instant};

pub use authority::{Authority, Issued};
pub use binary::sockeye;
pub use bystander::{Bystander, beside_a_bystander};
pub use example::Example;
pub use hostile::{Hostile, accepting};
pub use http::Http;
pub use library::{Library, short};
pub use process::{run_connect, run_sockeye, run_sockeye_while};
pub use raw::{Raw, Response};
pub use relay::{Relay, pass};
pub use request::{KEY, Upgrade, accept_of};
pub use server::Server;

/// Every wait ends after so long, unless it says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until it is so; whether it was within [`PATIENCE`].
pub fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
