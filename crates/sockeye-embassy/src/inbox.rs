//! What comes in: the read buffer, and the one place that waits for the transport's reader.

use core::future::{Future, poll_fn};
use core::ops::Range;
use core::pin::{Pin, pin};
use core::task::Poll;

use embassy_time::{Instant, Timer, with_deadline};
use embedded_io_async::{Read, Write};
use sockeye::Masking;
use sockeye::handshake::head_end;

use crate::clock::{Clock, Due};
use crate::error::Error;
use crate::outbox::{Job, Outbox, Progress};

/// The reader and its buffer.
pub(crate) struct Inbox<'r, R, W, M> {
    pub(crate) outbox: &'r Outbox<'r, W, M>,
    reader: R,
    /// Inside a call of the reader, or dropped there.
    busy: bool,
    pub(crate) buffer: &'r mut [u8],
    /// What of the buffer is still to be handled.
    pub(crate) input: Range<usize>,
    pub(crate) clock: Clock,
    /// Of what is owed.
    progress: Progress,
}

/// What a wait is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Bytes came.
    Bytes,
    /// What is owed was written as far as that goes without waiting.
    Tried,
    /// What is owed was written.
    Written,
}

impl<'r, R: Read, W: Write<Error = R::Error>, M: Masking> Inbox<'r, R, W, M> {
    /// A handshake begins.
    pub(crate) fn new(outbox: &'r Outbox<'r, W, M>, reader: R, buffer: &'r mut [u8]) -> Self {
        Inbox { outbox, reader, busy: false, buffer, input: 0..0, clock: Clock::new(), progress: Progress::new() }
    }

    /// Waits for bytes, which go behind those that are in the buffer, and meanwhile writes what is owed: for both
    /// together, never for the write alone. Says how many came, if they were waited for.
    pub(crate) async fn wait(&mut self, until: Until) -> Result<usize, Error<R::Error>> {
        let outbox = self.outbox;
        let capacity = self.buffer.len();
        let mut read = pin!(None);
        if until == Until::Bytes {
            if self.busy && !outbox.config.cancel_safe {
                return Err(Error::Aborted);
            }
            // A peer whose next bytes are always there already is bound by the deadlines as well: of those that came.
            if let Due::End(failure) =
                self.clock.due(outbox.config, outbox.closed_at(), outbox.ping_waits(), self.clock.since())
            {
                return Err(failure.into());
            }
            self.busy = true;
            read.set(Some(self.reader.read(self.buffer.get_mut(self.input.end..).unwrap_or_default())));
        }
        let mut write =
            pin!((outbox.is_owing() || until == Until::Written).then(|| outbox.send(Job::Nothing, &self.progress)));
        let mut came = None;
        let came = poll_fn(|cx| {
            if let Some(reading) = read.as_mut().as_pin_mut()
                && let Poll::Ready(len) = reading.poll(cx)
            {
                read.set(None);
                came = Some(len.map_err(Error::Io));
            }
            loop {
                // A write that is not cancel-safe is not dropped, even if bytes came meanwhile.
                if came.is_some() && (outbox.config.cancel_safe || !self.progress.is_writing()) {
                    return came.take().map_or(Poll::Pending, Poll::Ready);
                }
                if let Some(writing) = write.as_mut().as_pin_mut()
                    && let Poll::Ready(written) = writing.poll(cx)
                {
                    write.set(None);
                    if let Err(error) = written {
                        return Poll::Ready(Err(error));
                    }
                    continue;
                }
                if write.is_none() && until == Until::Bytes && outbox.is_owing() {
                    write.set(Some(outbox.send(Job::Nothing, &self.progress)));
                    continue;
                }
                if until == Until::Tried || (until == Until::Written && write.is_none()) {
                    return Poll::Ready(Ok(0));
                }
                if let Some(failure) = outbox.failed() {
                    return Poll::Ready(Err(failure.into()));
                }
                outbox.register_receiver(cx);
                match self.clock.due(outbox.config, outbox.closed_at(), outbox.ping_waits(), Instant::now()) {
                    Due::Later(at) => {
                        // It cannot be over yet: this has it wake us.
                        let _ = Pin::new(&mut Timer::at(at)).poll(cx);
                        return Poll::Pending;
                    }
                    Due::End(failure) => return Poll::Ready(Err(failure.into())),
                    Due::Ping => outbox.push_ping(),
                }
            }
        })
        .await;
        if until == Until::Bytes {
            self.busy = false;
            if let Ok(len) = came {
                self.input.end = capacity.min(self.input.end + len);
                self.clock.heard();
            }
        }
        came
    }

    /// Reads a head: its length, or `None` when it does not fit. What came behind it is input.
    pub(crate) async fn head(&mut self) -> Result<Option<usize>, Error<R::Error>> {
        loop {
            let scanned = self.input.end;
            if scanned == self.buffer.len() {
                return Ok(None);
            }
            if self.wait(Until::Bytes).await? == 0 {
                return Err(Error::Lost);
            }
            if let Some(head) = head_end(self.buffer.get(..self.input.end).unwrap_or_default(), scanned) {
                self.input.start = head;
                return Ok(Some(head));
            }
        }
    }

    /// Writes what the handshake has to say.
    pub(crate) async fn say(&self, job: Job<'_>) -> Result<(), Error<R::Error>> {
        let deadline = self.clock.handshake_deadline(self.outbox.config);
        with_deadline(deadline, self.outbox.send(job, &self.progress)).await.unwrap_or(Err(Error::HandshakeTimeout))
    }
}
