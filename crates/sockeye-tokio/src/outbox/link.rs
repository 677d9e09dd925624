//! The queue to a transport: frames go in whole, bytes come out as the transport takes them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sockeye::{Kind, Replies, SendError};
use tokio::time::Instant;

use super::Transport;
use crate::budget::Share;
use crate::config::Config;
use crate::error::Error;
use crate::pool;
use crate::role::{Control, Role};

/// Above so many queued bytes a write does not wait for more.
pub(super) const WRITE_AT: usize = 48 * 1024;
/// A payload of this size is not copied behind its header, but written from where it lies.
const COPY_BELOW: usize = 32 * 1024;

/// The transport, what is queued for it, and what is known of both.
pub(super) struct Link<S> {
    pub(super) io: S,
    pub(super) role: Role,
    pub(super) replies: Replies,
    pub(super) queue: Vec<u8>,
    /// How many bytes of the queue are written.
    pub(super) written: usize,
    /// How many bytes the transport took, ever.
    pub(super) taken: u64,
    /// How many it will have taken when the last pong is written: until then a peer that is behind gets no other.
    pong_end: u64,
    /// Whether the transport last took less than there was.
    behind: bool,
    /// Whether the transport may hold back some of what was written.
    unflushed: bool,
    pub(super) flusher: Flusher,
    /// The sender, while it waits for room or for a flush.
    pub(super) sender: Option<Waker>,
    /// The receiver, while it waits for its last frame to be written.
    pub(super) receiver: Option<Waker>,
    /// The receiver, while it waits for bytes: it is to hear of a failure and of our close.
    pub(super) reader: Option<Waker>,
    /// The last ping and when it went out.
    pub(super) ping: Option<(Box<[u8]>, Instant)>,
    pub(super) round_trip: Option<Duration>,
    pub(super) closed_at: Option<Instant>,
    pub(super) failed: Option<Error>,
    pub(super) share: Share,
    pub(super) send_timeout: Duration,
    high_water: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flusher {
    /// There is none.
    None,
    /// It was spawned, and will look whether there is something left to write.
    Spawned,
    /// It waits for the transport to take more: nobody else may poll a write, or the flusher would not be woken.
    Waiting,
}

/// A frame of a message to queue.
pub(crate) struct Data<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    pub(crate) last: bool,
    /// A server's frame of the same, if it was made before.
    pub(crate) encoded: Option<&'a [u8]>,
}

impl<S: Transport> Link<S> {
    pub(super) fn new(io: S, role: Role, config: &Config) -> Self {
        Link {
            io,
            role,
            replies: Replies::new(),
            queue: Vec::new(),
            written: 0,
            taken: 0,
            pong_end: 0,
            behind: false,
            unflushed: false,
            flusher: Flusher::None,
            sender: None,
            receiver: None,
            reader: None,
            ping: None,
            round_trip: None,
            closed_at: None,
            failed: None,
            share: Share::new(&config.budget.outbox),
            send_timeout: config.send_timeout,
            high_water: config.high_water.max(1),
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.written == self.queue.len() && !self.unflushed
    }

    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.queue.len() - self.written >= self.high_water {
            self.write(cx);
        }
        if let Some(error) = self.failed {
            return Poll::Ready(Err(error));
        }
        if self.queue.len() - self.written < self.high_water {
            return Poll::Ready(Ok(()));
        }
        self.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn queue_replies(&mut self) {
        if self.flusher == Flusher::Waiting {
            return;
        }
        if let Some(reply) = self.replies.pop() {
            if self.behind && self.taken < self.pong_end && !reply.is_close() {
                self.replies.push(reply);
                return;
            }
            // After our close nothing is owed.
            let _ = self.queue_control(&Control::Reply(reply));
            self.pong_end = self.taken + (self.queue.len() - self.written) as u64;
        }
    }

    pub(super) fn queue_control(&mut self, control: &Control<'_>) -> Result<(), SendError> {
        self.room_for(0);
        self.role.control(control, &mut self.queue)?;
        match control {
            Control::Ping(payload) => self.ping = Some(((*payload).into(), Instant::now())),
            Control::Close(..) | Control::Reply(_) if self.role.is_closed() => self.closed_at = Some(Instant::now()),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn queue_data(&mut self, cx: &mut Context<'_>, data: &Data<'_>, now: bool) -> Result<(), SendError> {
        let mut head = self.role.chunk(data.kind, data.payload.len() as u64, data.last)?;
        let encoded = data.encoded.filter(|frame| frame.starts_with(head.bytes()));
        let parts = encoded.map_or([head.bytes(), data.payload], |frame| [&[], frame]);
        if data.payload.len() >= COPY_BELOW && !head.is_masked() {
            self.write_through(cx, parts);
            return Ok(());
        }
        self.room_for(parts[0].len() + parts[1].len());
        self.queue.extend_from_slice(parts[0]);
        let start = self.queue.len();
        self.queue.extend_from_slice(parts[1]);
        head.mask(&mut self.queue[start..]);
        if now || self.queue.len() - self.written >= WRITE_AT {
            self.write(cx);
        }
        Ok(())
    }

    /// Makes the queue's written bytes free, rather than to let it grow behind them.
    fn room_for(&mut self, len: usize) {
        if self.queue.capacity() == 0 {
            self.queue = pool::take_queue();
        }
        if self.written > 0 && self.queue.capacity() - self.queue.len() < len {
            self.queue.drain(..self.written);
            self.written = 0;
        }
        self.queue.reserve(len);
    }

    /// Writes a large payload from where it lies, behind what is queued. What the transport does not take is queued.
    fn write_through(&mut self, cx: &mut Context<'_>, [head, payload]: [&[u8]; 2]) {
        self.room_for(head.len());
        self.queue.extend_from_slice(head);
        let mut rest = payload;
        while self.flusher != Flusher::Waiting && self.failed.is_none() && !rest.is_empty() {
            let slices = [IoSlice::new(&self.queue[self.written..]), IoSlice::new(rest)];
            match Pin::new(&mut self.io).poll_write_vectored(cx, &slices) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => self.fail(Error::Io(io::ErrorKind::WriteZero)),
                Poll::Ready(Ok(len)) => {
                    let queued = len.min(self.queue.len() - self.written);
                    self.written += queued;
                    self.taken += len as u64;
                    self.unflushed = true;
                    rest = &rest[len - queued..];
                }
                Poll::Ready(Err(error)) => self.fail(error.into()),
            }
        }
        self.room_for(rest.len());
        self.queue.extend_from_slice(rest);
        self.write(cx);
    }

    /// Writes what is queued as far as the transport takes it, unless the flusher is at it.
    pub(super) fn write(&mut self, cx: &mut Context<'_>) {
        if self.flusher == Flusher::Waiting {
            self.settle();
        } else {
            let _ = self.poll_write(cx);
        }
    }

    /// Ready when the queue is written or will never be.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.failed.is_none() && self.written < self.queue.len() {
            match Pin::new(&mut self.io).poll_write(cx, &self.queue[self.written..]) {
                Poll::Pending => {
                    self.behind = true;
                    self.settle();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => self.fail(Error::Io(io::ErrorKind::WriteZero)),
                Poll::Ready(Ok(len)) => {
                    self.written += len;
                    self.taken += len as u64;
                    self.unflushed = true;
                }
                Poll::Ready(Err(error)) => self.fail(error.into()),
            }
        }
        self.behind = false;
        // A transport that holds bytes back, as TLS does, is told to let them go.
        let flushed = if self.unflushed { Pin::new(&mut self.io).poll_flush(cx) } else { Poll::Ready(Ok(())) };
        if flushed.is_ready() {
            self.unflushed = false;
        }
        if let Poll::Ready(Err(error)) = &flushed {
            self.fail(Error::Io(error.kind()));
        }
        self.settle();
        flushed.map(|_| ())
    }

    /// Gives memory back that is not needed, counts the rest, and wakes whom it concerns.
    fn settle(&mut self) {
        if self.written == self.queue.len() && self.queue.capacity() > 0 {
            self.written = 0;
            pool::give_queue(std::mem::take(&mut self.queue));
        }
        let queued = self.queue.len() - self.written;
        self.share.hold(if queued == 0 { 0 } else { self.queue.capacity() });
        if (queued < self.high_water / 2 || self.is_written())
            && let Some(sender) = self.sender.take()
        {
            sender.wake();
        }
        if self.is_written()
            && let Some(receiver) = self.receiver.take()
        {
            receiver.wake();
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        (self.queue, self.written, self.unflushed) = (Vec::new(), 0, false);
        self.settle();
        self.wake_reader();
    }

    /// The receiver waits for bytes, and is to look at what happened on this side.
    pub(super) fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
