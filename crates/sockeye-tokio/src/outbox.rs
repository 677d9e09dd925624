//! What is to be written, and who writes it.
//!
//! **Whoever holds the writer first finishes the frame in flight.** Both halves queue whole frames, so the queue
//! always ends at a frame's end, and what a half could not write is the flusher's to write: one task, there only
//! while something is queued, so that whatever the application does next, what was queued goes out.
//!
//! Replies (a pong, or a close in its place) wait in one slot. They go ahead of each data frame. Pings that came by
//! one read are each answered as long as the peer takes what is written (Autobahn 2.10 counts them); from a peer that
//! takes nothing no pong is queued any more, and however many pings it sends, it is owed one.

use std::future::poll_fn;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use sockeye::{Kind, Replies, Reply, SendError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::budget::{Share, lock};
use crate::config::Config;
use crate::error::Error;
use crate::pool;
use crate::role::{Control, Role};

/// The bytes below a connection: TCP, TLS, a Unix socket, a pipe in memory.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for S {}

/// Above so many queued bytes a write does not wait for more.
const WRITE_AT: usize = 48 * 1024;
/// A payload of this size is not copied behind its header, but written from where it lies.
const COPY_BELOW: usize = 32 * 1024;

/// What both halves and the flusher share.
pub(crate) struct Outbox<S> {
    /// Whether the receiver still holds bytes of its last read: answers to them are written together.
    holding: AtomicBool,
    link: Mutex<Link<S>>,
}

struct Link<S> {
    io: S,
    role: Role,
    replies: Replies,
    queue: Vec<u8>,
    /// How many bytes of the queue are written.
    written: usize,
    /// How many bytes the transport took, ever.
    taken: u64,
    /// How many it will have taken when the last pong is written: until then a peer that is behind gets no other.
    pong_end: u64,
    /// Whether the transport last took less than there was.
    behind: bool,
    /// Whether the transport may hold back some of what was written.
    unflushed: bool,
    flusher: Flusher,
    /// The sender, while it waits for room or for a flush.
    sender: Option<Waker>,
    /// The receiver, while it waits for its last frame to be written.
    receiver: Option<Waker>,
    /// The receiver, while it waits for bytes: it is to hear of a failure and of our close.
    reader: Option<Waker>,
    /// The last ping and when it went out.
    ping: Option<(Box<[u8]>, Instant)>,
    round_trip: Option<Duration>,
    closed_at: Option<Instant>,
    failed: Option<Error>,
    share: Share,
    send_timeout: Duration,
    high_water: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flusher {
    /// There is none.
    None,
    /// It was spawned, and will look whether there is something left to write.
    Spawned,
    /// It waits for the transport to take more: nobody else may poll a write, or the flusher would not be woken.
    Waiting,
}

/// When what is queued is to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Now, unless the receiver holds more bytes, whose answers can go along.
    Soon,
    /// Not before a flush, or before much is queued.
    Later,
}

/// A frame of a message to queue.
pub(crate) struct Data<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    pub(crate) last: bool,
    /// A server's frame of the same, if it was made before.
    pub(crate) encoded: Option<&'a [u8]>,
}

impl<S: Transport> Outbox<S> {
    pub(crate) fn new(io: S, role: Role, config: &Config) -> Arc<Self> {
        let link = Link {
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
        };
        Arc::new(Outbox { holding: AtomicBool::new(false), link: Mutex::new(link) })
    }

    /// Queues a frame whole, once there is room, and writes it if it should go out now.
    pub(crate) fn poll_data(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        data: &Data<'_>,
        flush: Flush,
    ) -> Poll<Result<(), Error>> {
        let mut link = lock(&self.link);
        ready!(link.poll_room(cx))?;
        link.queue_replies();
        let now = flush == Flush::Soon && !self.holding.load(Ordering::Relaxed);
        let queued = link.queue_data(cx, data, now);
        self.leave(link);
        Poll::Ready(queued.map_err(Error::Send))
    }

    /// Queues a ping or a close, once there is room, and writes what is queued.
    pub(crate) fn poll_control(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        control: &Control<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut link = lock(&self.link);
        ready!(link.poll_room(cx))?;
        link.queue_replies();
        let queued = link.queue_control(control);
        link.write(cx);
        if link.closed_at.is_some() {
            link.wake_reader();
        }
        self.leave(link);
        Poll::Ready(queued.map_err(Error::Send))
    }

    /// Ready when all that was queued is written: for the sender.
    pub(crate) fn poll_flush(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_written(cx, |link| &mut link.sender)
    }

    /// Ready when there is room for another frame.
    pub(crate) fn poll_ready(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        lock(&self.link).poll_room(cx)
    }

    fn poll_written(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        waiter: impl Fn(&mut Link<S>) -> &mut Option<Waker>,
    ) -> Poll<Result<(), Error>> {
        let mut link = lock(&self.link);
        link.queue_replies();
        link.write(cx);
        if let Some(error) = link.failed {
            return Poll::Ready(Err(error));
        }
        if link.is_written() {
            return Poll::Ready(Ok(()));
        }
        *waiter(&mut link) = Some(cx.waker().clone());
        self.leave(link);
        Poll::Pending
    }

    /// Hands the lock back, and leaves no queued byte without somebody who will write it.
    fn leave(self: &Arc<Self>, mut link: std::sync::MutexGuard<'_, Link<S>>) {
        if link.flusher == Flusher::None && !(link.is_written() && link.replies.is_empty()) && link.failed.is_none() {
            link.flusher = Flusher::Spawned;
            drop(link);
            tokio::spawn(flush(self.clone()));
        }
    }
}

/// What the receiver needs of the outbox.
impl<S: Transport> Outbox<S> {
    /// Says whether bytes of the last read are still to be handled.
    pub(crate) fn set_holding(&self, holding: bool) {
        self.holding.store(holding, Ordering::Relaxed);
    }

    /// Owes the peer a reply, which goes out by the next write.
    pub(crate) fn push(&self, reply: Reply) {
        let mut link = lock(&self.link);
        link.replies.push(reply);
        if link.queue.len() - link.written < WRITE_AT {
            link.queue_replies();
        }
    }

    /// Sees to it that what is owed goes out even if the application writes nothing and does not come back.
    pub(crate) fn ensure_flusher(self: &Arc<Self>) {
        self.leave(lock(&self.link));
    }

    /// Writes what is queued, then reads into `buffer`: nothing waits in the queue while its owner waits for bytes.
    pub(crate) fn poll_read(self: &Arc<Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(self.poll_read_with(cx, |io, cx| io.poll_read(cx, &mut buffer)))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// The same with the caller's way of reading.
    pub(crate) fn poll_read_with<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        read: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut link = lock(&self.link);
        if link.flusher != Flusher::Waiting {
            link.queue_replies();
            link.write(cx);
        }
        let result = read(Pin::new(&mut link.io), cx);
        if result.is_pending() && !link.reader.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
            link.reader = Some(cx.waker().clone());
        }
        self.leave(link);
        result
    }

    /// Queues a ping unless the peer takes nothing anyway.
    pub(crate) fn ping(self: &Arc<Self>, cx: &mut Context<'_>, payload: &[u8]) {
        let mut link = lock(&self.link);
        if link.flusher != Flusher::Waiting && link.queue_control(&Control::Ping(payload)).is_ok() {
            link.write(cx);
        }
        self.leave(link);
    }

    /// Takes the time if this answers the last ping.
    pub(crate) fn pong(&self, payload: &[u8]) {
        let mut link = lock(&self.link);
        if let Some((_, sent)) = link.ping.take_if(|(expected, _)| **expected == *payload) {
            link.round_trip = Some(sent.elapsed());
        }
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        lock(&self.link).round_trip
    }

    /// What failed, and when our close frame was queued.
    pub(crate) fn state(&self) -> (Option<Error>, Option<Instant>) {
        let link = lock(&self.link);
        (link.failed, link.closed_at)
    }

    /// How many bytes the peer made room for so far, if it is behind: what it takes then is a sign of life.
    pub(crate) fn taken_while_behind(&self) -> Option<u64> {
        let link = lock(&self.link);
        (link.flusher == Flusher::Waiting).then_some(link.taken)
    }

    pub(crate) fn is_server(&self) -> bool {
        lock(&self.link).role.is_server()
    }

    /// Fails every later send.
    pub(crate) fn fail(&self, error: Error) {
        lock(&self.link).fail(error);
    }

    /// Ready when all is written that was queued or owed: for the receiver's last frame.
    pub(crate) fn poll_last_flush(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_written(cx, |link| &mut link.receiver)
    }

    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.link).io).poll_shutdown(cx)
    }
}

impl<S: Transport> Link<S> {
    fn is_written(&self) -> bool {
        self.written == self.queue.len() && !self.unflushed
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
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

    fn queue_replies(&mut self) {
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

    fn queue_control(&mut self, control: &Control<'_>) -> Result<(), SendError> {
        self.room_for(0);
        self.role.control(control, &mut self.queue)?;
        match control {
            Control::Ping(payload) => self.ping = Some(((*payload).into(), Instant::now())),
            Control::Close(..) | Control::Reply(_) if self.role.is_closed() => self.closed_at = Some(Instant::now()),
            _ => {}
        }
        Ok(())
    }

    fn queue_data(&mut self, cx: &mut Context<'_>, data: &Data<'_>, now: bool) -> Result<(), SendError> {
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
    fn write(&mut self, cx: &mut Context<'_>) {
        if self.flusher == Flusher::Waiting {
            self.settle();
        } else {
            let _ = self.poll_write(cx);
        }
    }

    /// Ready when the queue is written or will never be.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        (self.queue, self.written, self.unflushed) = (Vec::new(), 0, false);
        self.settle();
        self.wake_reader();
    }

    /// The receiver waits for bytes, and is to look at what happened on this side.
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The flusher: writes what is queued, then ends.
async fn flush<S: Transport>(outbox: Arc<Outbox<S>>) {
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    let mut before = None;
    poll_fn(|cx| {
        let mut link = lock(&outbox.link);
        link.flusher = Flusher::Spawned;
        link.queue_replies();
        while link.poll_write(cx).is_ready() {
            if link.replies.is_empty() || link.failed.is_some() {
                link.flusher = Flusher::None;
                return Poll::Ready(());
            }
            link.queue_replies();
        }
        link.flusher = Flusher::Waiting;
        // A peer that takes nothing for too long is given up; with both halves gone, so is one that is slow.
        let timeout = link.send_timeout;
        let patience = patience.get_or_insert_with(|| Box::pin(sleep(timeout)));
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
