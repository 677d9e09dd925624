//! A bound in time for what waits.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use embassy_time::{Duration, Instant, Timer};

/// What a future comes to, unless it waits longer than `limit`. The clock is read only when it has to wait.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let timer = timer.get_or_insert_with(|| Timer::at(Instant::now().saturating_add(limit)));
        Pin::new(timer).poll(cx).map(|()| None)
    })
    .await
}
