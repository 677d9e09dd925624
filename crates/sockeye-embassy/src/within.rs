//! A bound in time for what waits.

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use embassy_time::{Duration, Instant, Timer};

/// What a future comes to, unless it waits longer than `limit`, in all calls with the same `since`, which is
/// [`Instant::MAX`] at first. The clock is read only when it has to wait.
pub(crate) async fn within<F: Future>(limit: Duration, since: &Cell<Instant>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            since.set(Instant::MAX);
            return Poll::Ready(Some(output));
        }
        let now = Instant::now();
        since.set(since.get().min(now));
        let at = since.get().saturating_add(limit);
        if at <= now { Poll::Ready(None) } else { Pin::new(&mut Timer::at(at)).poll(cx).map(|()| None) }
    })
    .await
}
