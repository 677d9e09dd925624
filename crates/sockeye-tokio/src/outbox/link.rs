//! The queue to a transport: frames go in whole, bytes come out as the transport takes them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sockeye::{Kind, Replies, Reply, SendError};

use super::Transport;
use super::flusher::Lease;
use crate::budget::Share;
use crate::clock::Time;
use crate::config::Config;
use crate::error::Error;
use crate::pool;
use crate::role::{Control, Role};

/// Above so many queued bytes a write does not wait for more.
pub(super) const WRITE_AT: usize = 48 * 1024;
/// A payload of this size is not copied behind its header, but written from where it lies.
const COPY_BELOW: u16 = 32 * 1024;

/// The transport, what is queued for it, and what is known of both. What is seldom there is boxed: an idle connection
/// is to be small.
pub(super) struct Link<S> {
    pub(super) io: S,
    pub(super) role: Role,
    pub(super) flusher: Flusher,
    pub(super) runner: Option<Arc<Lease>>,
    /// Whether the transport last took less than there was.
    behind: bool,
    /// Whether the transport may hold back some of what was written.
    unflushed: bool,
    queue: Vec<u8>,
    /// How many bytes of the queue are written.
    written: usize,
    /// How many bytes the transport took, ever.
    pub(super) taken: u64,
    /// How many it will have taken when the last pong is written: until then a peer that is behind gets no other.
    pong_end: u64,
    /// What is owed.
    replies: Option<Box<Replies>>,
    /// The sender, while it waits for room or for a flush.
    sender: Option<Box<Waker>>,
    /// The receiver, while it waits for its last frame to be written.
    receiver: Option<Box<Waker>>,
    /// The receiver, while it waits for bytes: it is to hear of a failure and of our close.
    reader: Option<Waker>,
    /// The last ping and when it went out.
    ping: Option<Box<(Vec<u8>, Time)>>,
    pub(super) round_trip: Option<Box<Duration>>,
    pub(super) closed_at: Option<Time>,
    pub(super) failed: Option<Error>,
    pub(super) share: Share,
    high_water: usize,
    pub(super) config: Arc<Config>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flusher {
    /// There is none.
    None,
    /// It is on its way, and will look whether there is something left to write.
    Coming,
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
    pub(super) fn new(io: S, role: Role, config: Arc<Config>) -> Self {
        Link {
            io,
            role,
            flusher: Flusher::None,
            runner: None,
            behind: false,
            unflushed: false,
            queue: Vec::new(),
            written: 0,
            taken: 0,
            pong_end: 0,
            replies: None,
            sender: None,
            receiver: None,
            reader: None,
            ping: None,
            round_trip: None,
            closed_at: None,
            failed: None,
            share: Share::new(&config.budget.outbox),
            high_water: config.high_water.max(1),
            config,
        }
    }

    /// How many bytes wait to be written.
    pub(super) fn queued(&self) -> usize {
        self.queue.len() - self.written
    }

    pub(super) fn is_written(&self) -> bool {
        self.queued() == 0 && !self.unflushed
    }

    /// Whether nobody has anything to write any more.
    pub(super) fn is_quiet(&self) -> bool {
        (self.is_written() && self.replies.is_none()) || self.failed.is_some()
    }

    /// Whether another frame may be queued.
    pub(super) fn has_room(&self) -> bool {
        self.queued() < self.high_water
    }

    #[inline]
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.has_room() && self.failed.is_none() { Poll::Ready(Ok(())) } else { self.wait_for_room(cx) }
    }

    #[cold]
    fn wait_for_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.has_room() {
            self.write(cx);
        }
        match self.failed {
            Some(error) => Poll::Ready(Err(error)),
            None if self.has_room() => Poll::Ready(Ok(())),
            None => {
                self.sender_waits(cx);
                Poll::Pending
            }
        }
    }

    /// Owes the peer a reply.
    pub(super) fn push(&mut self, reply: Reply) {
        self.replies.get_or_insert_default().push(reply);
        if self.queued() < WRITE_AT {
            self.queue_replies();
        }
    }

    /// Queues what is owed, ahead of what comes next.
    #[inline]
    pub(super) fn queue_replies(&mut self) {
        if self.replies.is_some() && self.flusher != Flusher::Waiting {
            self.queue_reply(false);
        }
    }

    /// The same, before our close: then also of a peer that is behind the last pong is queued.
    pub(super) fn queue_last_reply(&mut self) {
        self.queue_reply(true);
    }

    #[cold]
    fn queue_reply(&mut self, last: bool) {
        let Some(reply) = self.replies.take().and_then(|mut replies| replies.pop()) else { return };
        if !last && self.behind && self.taken < self.pong_end && !reply.is_close() {
            self.replies.get_or_insert_default().push(reply);
            return;
        }
        // After our close nothing is owed.
        let _ = self.queue_control(&Control::Reply(reply));
        self.pong_end = self.taken + self.queued() as u64;
    }

    pub(super) fn queue_control(&mut self, control: &Control<'_>) -> Result<(), SendError> {
        self.room_for(0);
        self.role.control(control, &mut self.queue)?;
        match control {
            Control::Ping(payload) => self.ping = Some(Box::new((payload.to_vec(), Time::now()))),
            Control::Close(..) | Control::Reply(_) if self.role.is_closed() => self.closed_at = Some(Time::now()),
            _ => {}
        }
        Ok(())
    }

    /// Takes the time if this answers the last ping; what is to be called with it.
    pub(super) fn pong(&mut self, payload: &[u8]) -> Option<(fn(Duration), Duration)> {
        let took = self.ping.take_if(|ping| ping.0 == payload)?.1.elapsed();
        self.round_trip = Some(Box::new(took));
        Some((self.config.on_round_trip?, took))
    }

    /// Queues a frame, and writes what is queued `now` or if it is much. Where the transport does not take it, the
    /// flusher asks again, with a waker of its own.
    #[inline]
    pub(super) fn queue_data(&mut self, data: &Data<'_>, now: bool) -> Result<(), SendError> {
        if let (Role::Server(sender), Ok(len @ ..COPY_BELOW)) = (&mut self.role, u16::try_from(data.payload.len())) {
            let (head, head_len) = sender.short_chunk(data.kind, len, data.last)?;
            match data.encoded {
                // Inside a message of chunks it would have another opcode.
                Some(frame) if frame.first() == head.first() => {
                    self.room_for(frame.len());
                    self.queue.extend_from_slice(frame);
                }
                _ => {
                    self.room_for(head.len() + data.payload.len());
                    let start = self.queue.len() + head_len;
                    self.queue.extend_from_slice(&head);
                    self.queue.truncate(start);
                    self.queue.extend_from_slice(data.payload);
                }
            }
        } else {
            self.queue_long(data)?;
        }
        if now || self.queued() >= WRITE_AT {
            self.write(&mut Context::from_waker(Waker::noop()));
        }
        Ok(())
    }

    /// A long payload, or one to be masked.
    #[cold]
    fn queue_long(&mut self, data: &Data<'_>) -> Result<(), SendError> {
        let mut head = self.role.chunk(data.kind, data.payload.len() as u64, data.last)?;
        if head.is_masked() {
            self.room_for(head.bytes().len() + data.payload.len());
            self.queue.extend_from_slice(head.bytes());
            let start = self.queue.len();
            self.queue.extend_from_slice(data.payload);
            head.mask(&mut self.queue[start..]);
        } else {
            self.write_through(head.bytes(), data.payload);
        }
        Ok(())
    }

    /// Makes room for `len` bytes more.
    #[inline]
    fn room_for(&mut self, len: usize) {
        if self.queue.capacity() - self.queue.len() < len || self.queue.capacity() == 0 {
            self.make_room_for(len);
        }
    }

    /// Makes the queue's written bytes free, rather than to let it grow behind them.
    #[cold]
    fn make_room_for(&mut self, len: usize) {
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
    fn write_through(&mut self, head: &[u8], payload: &[u8]) {
        let cx = &mut Context::from_waker(Waker::noop());
        self.room_for(head.len());
        self.queue.extend_from_slice(head);
        let mut rest = payload;
        while self.flusher != Flusher::Waiting && self.failed.is_none() && !rest.is_empty() {
            let slices = [IoSlice::new(&self.queue[self.written..]), IoSlice::new(rest)];
            match Pin::new(&mut self.io).poll_write_vectored(cx, &slices) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => self.fail(Error::Io(io::ErrorKind::WriteZero)),
                Poll::Ready(Ok(len)) => {
                    let queued = len.min(self.queued());
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
        let queued = self.queued();
        self.share.hold(if queued == 0 { 0 } else { self.queue.capacity() });
        if self.sender.is_some() && (queued < self.high_water / 2 || self.is_written()) {
            wake(&mut self.sender);
        }
        if self.receiver.is_some() && self.is_written() {
            wake(&mut self.receiver);
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

    /// The receiver waits for bytes.
    pub(super) fn reader_waits(&mut self, cx: &Context<'_>) {
        if !self.reader.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            self.reader = Some(cx.waker().clone());
        }
    }

    /// The sender waits for room, or for all to be written.
    pub(super) fn sender_waits(&mut self, cx: &Context<'_>) {
        self.sender = Some(Box::new(cx.waker().clone()));
    }

    /// The receiver waits for all to be written.
    pub(super) fn receiver_waits(&mut self, cx: &Context<'_>) {
        self.receiver = Some(Box::new(cx.waker().clone()));
    }
}

fn wake(waiting: &mut Option<Box<Waker>>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}
