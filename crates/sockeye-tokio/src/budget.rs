//! What all connections together may hold: partial messages, and what slow peers have not taken yet.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::Waker;

/// A bound on the memory of many connections: 256 MiB of partial messages and 256 MiB of outboxes by default. When
/// one is exceeded, the connection that holds most of it ends with [`Error::OverBudget`](crate::Error::OverBudget)
/// (1013).
#[derive(Debug, Clone)]
pub struct Budget {
    pub(crate) partial: Arc<Pot>,
    pub(crate) outbox: Arc<Pot>,
}

impl Budget {
    /// A budget of its own: bytes of partial messages, bytes of outboxes.
    pub fn new(partial: usize, outbox: usize) -> Self {
        Budget { partial: Arc::new(Pot::new(partial)), outbox: Arc::new(Pot::new(outbox)) }
    }

    /// The one that all connections of the process share unless they are given another.
    pub fn process() -> Self {
        static PROCESS: LazyLock<Budget> = LazyLock::new(|| Budget::new(256 << 20, 256 << 20));
        PROCESS.clone()
    }

    /// Bytes of partial messages that are held now.
    pub fn partial_bytes(&self) -> usize {
        self.partial.used.load(Ordering::Relaxed)
    }

    /// Bytes of outboxes that are held now for peers who do not take them.
    pub fn outbox_bytes(&self) -> usize {
        self.outbox.used.load(Ordering::Relaxed)
    }
}

/// A sum of what accounts hold, and its limit.
pub(crate) struct Pot {
    limit: usize,
    used: AtomicUsize,
    /// By address.
    accounts: Mutex<HashMap<usize, Arc<Account>>>,
}

/// What one connection holds of a pot.
#[derive(Default)]
struct Account {
    bytes: AtomicUsize,
    evicted: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// One connection's share of a pot: listed there only while it holds something.
pub(crate) struct Share {
    pot: Arc<Pot>,
    account: Option<Arc<Account>>,
}

impl Pot {
    fn new(limit: usize) -> Self {
        Pot { limit, used: AtomicUsize::new(0), accounts: Mutex::default() }
    }

    /// Ends the largest accounts until the rest keeps within the limit.
    fn settle(&self) {
        let accounts = lock(&self.accounts);
        let mut staying: Vec<_> =
            accounts.values().filter(|account| !account.evicted.load(Ordering::Relaxed)).collect();
        let mut held: usize = staying.iter().map(|account| account.bytes.load(Ordering::Relaxed)).sum();
        while held > self.limit {
            let sizes = staying.iter().map(|account| account.bytes.load(Ordering::Relaxed));
            let Some((at, bytes)) = sizes.enumerate().max_by_key(|(_, bytes)| *bytes) else { return };
            let largest = staying.swap_remove(at);
            held -= bytes;
            largest.evicted.store(true, Ordering::Relaxed);
            if let Some(waker) = lock(&largest.waker).take() {
                waker.wake();
            }
        }
    }
}

impl Share {
    pub(crate) fn new(pot: &Arc<Pot>) -> Self {
        Share { pot: pot.clone(), account: None }
    }

    /// Says how much is held now.
    pub(crate) fn hold(&mut self, bytes: usize) {
        match &self.account {
            None if bytes == 0 => return,
            None => {
                let account = Arc::<Account>::default();
                lock(&self.pot.accounts).insert(Arc::as_ptr(&account).addr(), account.clone());
                self.account = Some(account);
            }
            Some(account) if bytes == 0 => {
                let before = account.bytes.swap(0, Ordering::Relaxed);
                self.pot.used.fetch_sub(before, Ordering::Relaxed);
                lock(&self.pot.accounts).remove(&Arc::as_ptr(account).addr());
                self.account = None;
                return;
            }
            Some(_) => {}
        }
        let Some(account) = &self.account else { return };
        let before = account.bytes.swap(bytes, Ordering::Relaxed);
        self.pot.used.fetch_sub(before, Ordering::Relaxed);
        if self.pot.used.fetch_add(bytes, Ordering::Relaxed) + bytes > self.pot.limit && bytes > before {
            self.pot.settle();
        }
    }

    /// Whether this connection is the one that has to go; if not, `waker` is told when it is.
    pub(crate) fn is_evicted(&self, waker: &Waker) -> bool {
        let Some(account) = &self.account else { return false };
        let mut slot = lock(&account.waker);
        if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
        account.evicted.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

impl fmt::Debug for Pot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.used.load(Ordering::Relaxed), self.limit)
    }
}

/// A lock whose holder panicked guards a value that is still sound: nothing here is half done at a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
