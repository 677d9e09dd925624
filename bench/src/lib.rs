//! What the servers of the bench share, and the load for them.
//!
//! A server does one thing, which its only argument names, by one current-thread runtime, prints its address, and
//! serves until it is ended.

mod heap;
pub mod load;
mod serve;

pub use serve::{Mode, mode, serve};

/// As many descriptors as the system allows: each connection takes one.
pub fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it fails, opening the connections tells.
    let _ = setrlimit(Resource::Nofile, limit);
}
