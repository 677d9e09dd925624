//! Who writes what a half left in the queue, if the application does not come back.
//!
//! One task of a thread, the *runner*, has a try at each outbox that was left with something in it; most have been
//! written by then. It is there as long as a connection that once needed it. Only for a transport that takes nothing a
//! task of its own is spawned, which waits for it. So a burst of messages costs a wake-up, and no task.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker, ready};

use tokio::runtime::{Handle, Id};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep};

use super::link::Flusher;
use super::{Outbox, Transport};
use crate::budget::lock;
use crate::error::Error;

/// So many outboxes have their turn until other tasks have theirs.
const AT_A_TIME: usize = 64;

/// An outbox of any transport.
pub(super) trait Flush: Send + Sync {
    /// Writes what is queued if the transport takes it at once; else somebody is made who waits.
    fn flush(self: Arc<Self>);
}

thread_local! {
    static OWN: RefCell<Weak<Lease>> = const { RefCell::new(Weak::new()) };
}

/// A connection's hold on a runner, which ends with the last of them.
pub(super) struct Lease(Arc<Runner>);

struct Runner {
    runtime: Id,
    due: Mutex<Due>,
}

#[derive(Default)]
struct Due {
    outboxes: Vec<Arc<dyn Flush>>,
    /// The runner, while it has nothing to do.
    waker: Option<Waker>,
    /// Nobody will hand anything over any more.
    released: bool,
    /// The runtime ended, and the runner with it.
    gone: bool,
}

/// Hands an outbox over to the runner that its connection had before, or to the thread's.
pub(super) fn hand_over(lease: &mut Option<Arc<Lease>>, outbox: Arc<dyn Flush>) {
    let runtime = Handle::current();
    let id = runtime.id();
    let lease = match lease {
        Some(same) if same.0.runtime == id => same,
        other => other.insert(Lease::of_thread(&runtime, id)),
    };
    let mut due = lock(&lease.0.due);
    if !due.gone {
        due.outboxes.push(outbox);
    }
    if let Some(waker) = due.waker.take() {
        drop(due);
        waker.wake();
    }
}

impl Lease {
    fn of_thread(runtime: &Handle, id: Id) -> Arc<Lease> {
        OWN.with_borrow_mut(|own| {
            if let Some(same) = own.upgrade().filter(|lease| lease.0.runtime == id) {
                return same;
            }
            let runner = Arc::new(Runner { runtime: id, due: Mutex::default() });
            runtime.spawn(unconstrained(run(Running(runner.clone()))));
            let new = Arc::new(Lease(runner));
            *own = Arc::downgrade(&new);
            new
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut due = lock(&self.0.due);
        due.released = true;
        if let Some(waker) = due.waker.take() {
            drop(due);
            waker.wake();
        }
    }
}

/// The task's hold on its runner.
struct Running(Arc<Runner>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut due = lock(&self.0.due);
        due.gone = true;
        let left = std::mem::take(&mut due.outboxes);
        // Whose last owner this may be: not under the lock.
        drop(due);
        drop(left);
    }
}

async fn run(runner: Running) {
    let mut turn = Vec::new();
    poll_fn(|cx| {
        loop {
            let mut due = lock(&runner.0.due);
            if due.outboxes.is_empty() {
                if due.released {
                    return Poll::Ready(());
                }
                due.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = due.outboxes.len().min(AT_A_TIME);
            turn.extend(due.outboxes.drain(..count));
            drop(due);
            for outbox in turn.drain(..) {
                // Somebody's transport that panics is not to keep the others from their turn.
                let _ = catch_unwind(AssertUnwindSafe(|| outbox.flush()));
            }
            if count == AT_A_TIME {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    })
    .await;
}

impl<S: Transport> Flush for Outbox<S> {
    fn flush(self: Arc<Self>) {
        let mut link = lock(&self.link);
        // If the transport takes nothing now, whoever waits asks it again.
        let cx = &mut Context::from_waker(Waker::noop());
        if poll_written(&mut link, cx).is_pending() {
            // Whoever waits needs no runner.
            let lease = link.runner.take();
            drop(link);
            drop(lease);
            tokio::spawn(wait(self));
        }
    }
}

/// Writes what is queued and owed; ready when there is nothing left.
fn poll_written<S: Transport>(link: &mut super::Link<S>, cx: &mut Context<'_>) -> Poll<()> {
    link.flusher = Flusher::Coming;
    link.queue_replies();
    while link.poll_write(cx).is_ready() {
        if link.is_quiet() {
            link.flusher = Flusher::None;
            return Poll::Ready(());
        }
        link.queue_replies();
    }
    Poll::Pending
}

/// Waits for a transport that takes nothing; a peer that takes nothing for too long is given up.
async fn wait<S: Transport>(outbox: Arc<Outbox<S>>) {
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    let mut before = None;
    poll_fn(|cx| {
        let mut link = lock(&outbox.link);
        if poll_written(&mut link, cx).is_ready() {
            return Poll::Ready(());
        }
        link.flusher = Flusher::Waiting;
        let timeout = link.config.send_timeout;
        let patience = patience.get_or_insert_with(|| Box::pin(sleep(timeout)));
        // With both halves gone, a peer that is slow is given up as well.
        if before.replace(link.taken) != Some(link.taken) && Arc::strong_count(&outbox) > 1 {
            patience.as_mut().reset(Instant::now() + timeout);
        }
        let error = if link.share.is_evicted(cx.waker()) {
            Error::OverBudget
        } else {
            ready!(patience.as_mut().poll(cx));
            Error::SlowPeer
        };
        link.fail(error);
        link.flusher = Flusher::None;
        Poll::Ready(())
    })
    .await;
}
