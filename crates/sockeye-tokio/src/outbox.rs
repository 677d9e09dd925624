//! What is to be written, and who writes it.
//!
//! **Whoever holds the writer first finishes the frame in flight.** Both halves queue whole frames, so the queue
//! always ends at a frame's end, and what a half could not write is the flusher's to write: one task, there only
//! while something is queued, so that whatever the application does next, what was queued goes out.
//!
//! Replies (a pong, or a close in its place) wait in one slot. They go ahead of each data frame. Pings that came by
//! one read are each answered as long as the peer takes what is written (Autobahn 2.10 counts them); from a peer that
//! takes nothing no pong is queued any more, and however many pings it sends, it is owed one.

mod link;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use sockeye::Reply;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use self::link::{Flusher, Link, WRITE_AT};
use crate::budget::lock;
use crate::config::Config;
use crate::error::Error;
use crate::role::{Control, Role};

pub(crate) use self::link::Data;

/// The bytes below a connection: TCP, TLS, a Unix socket, a pipe in memory.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for S {}

/// What both halves and the flusher share.
pub(crate) struct Outbox<S> {
    /// Whether the receiver still holds bytes of its last read: answers to them are written together.
    holding: AtomicBool,
    link: Mutex<Link<S>>,
}

/// When what is queued is to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Now, unless the receiver holds more bytes, whose answers can go along.
    Soon,
    /// Not before a flush, or before much is queued.
    Later,
}

impl<S: Transport> Outbox<S> {
    pub(crate) fn new(io: S, role: Role, config: &Config) -> Arc<Self> {
        let link = Link::new(io, role, config);
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
    fn leave(self: &Arc<Self>, mut link: MutexGuard<'_, Link<S>>) {
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
