//! How a connection ends, so that our last frame arrives (RFC 6455 sections 7.1.1 and 7.1.7).

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sockeye::Reply;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::outbox::{Outbox, Transport};

/// After a failure so much of what the peer still sends is read and dropped, for so long: a socket that is closed
/// with unread input is reset, and the reset can destroy our last frame on its way.
pub(crate) const DISCARD_BYTES: usize = 64 * 1024;
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(1);

pub(crate) struct Ending {
    step: Step,
    error: Option<Error>,
    deadline: Instant,
}

#[derive(Clone, Copy)]
enum Step {
    /// Our close frame is being written.
    Flush,
    /// Our side of the transport is being closed.
    Shutdown,
    /// The peer's side is read, at most so many bytes more, until it is closed.
    Discard(usize),
    Over,
}

impl Ending {
    /// After the peer's close frame, whose answer was pushed, or because of `error`, of which the peer is told here.
    pub(crate) fn new<S: Transport>(error: Option<Error>, outbox: &Arc<Outbox<S>>, config: &Config) -> Self {
        let step = match error {
            None => Step::Flush,
            Some(error) => match error.close_code() {
                Some(code) => {
                    outbox.push(Reply::close(code));
                    Step::Flush
                }
                None => {
                    outbox.fail(error);
                    Step::Over
                }
            },
        };
        Ending { step, error, deadline: Instant::now() + config.close_timeout }
    }

    /// Ready with the end: no more messages, or the error.
    pub(crate) fn poll<T, S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Arc<Outbox<S>>,
        clock: &mut Clock,
    ) -> Poll<Result<Option<T>, Error>> {
        loop {
            let step = match self.step {
                Step::Flush => outbox.poll_last_flush(cx).map(|written| match written {
                    // A client lets the server close first (section 7.1.1).
                    Ok(()) if self.error.is_none() && !outbox.is_server() => Step::Discard(DISCARD_BYTES),
                    Ok(()) => Step::Shutdown,
                    Err(_) => Step::Over,
                }),
                Step::Shutdown => outbox.poll_shutdown(cx).map(|shut| match shut {
                    Ok(()) if self.error.is_some() => {
                        self.deadline = self.deadline.min(Instant::now() + DISCARD_TIME);
                        Step::Discard(DISCARD_BYTES)
                    }
                    _ => Step::Over,
                }),
                Step::Discard(left) => outbox.poll_read(cx, &mut [0; 1024]).map(|read| match read {
                    Ok(len) if 0 < len && len < left => Step::Discard(left - len),
                    _ => Step::Over,
                }),
                Step::Over => return Poll::Ready(self.error.map_or(Ok(None), Err)),
            };
            self.step = match step {
                Poll::Ready(step) => step,
                Poll::Pending => {
                    ready!(clock.poll_until(cx, self.deadline));
                    Step::Over
                }
            };
        }
    }
}
