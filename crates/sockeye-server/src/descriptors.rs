//! How many connections the process may have.

/// Descriptors that are not for connections: the listener, the runtime, logs, a page being answered.
const RESERVED: usize = 64;

/// Raises the limit on descriptors to the hard one, and says how many connections that allows.
#[cfg(unix)]
pub(crate) fn raise() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let descriptors = current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    connections(descriptors)
}

/// Says how many connections are allowed where descriptors are not limited.
#[cfg(not(unix))]
pub(crate) fn raise() -> usize {
    connections(usize::MAX)
}

fn connections(descriptors: usize) -> usize {
    descriptors.saturating_sub(RESERVED).clamp(1, 1 << 20)
}
