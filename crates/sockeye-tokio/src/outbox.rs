//! What is to be written, and who writes it.
//!
//! **Whoever holds the writer first finishes the frame in flight.** Both halves queue whole frames, so the queue
//! always ends at a frame's end, and what a half left in it is the flusher's to write, so that whatever the
//! application does next, what was queued goes out.
//!
//! Replies (a pong, or a close in its place) wait in one slot. They go ahead of each data frame. Pings that came by
//! one read are each answered as long as the peer takes what is written (Autobahn 2.10 counts them); from a peer that
//! takes nothing no pong is queued any more, and however many pings it sends, it is owed one.

mod flusher;
mod link;

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sockeye::{Reply, SendError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::link::{Flusher, Link};
use crate::budget::lock;
use crate::clock::Time;
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

/// An outbox of any transport, to which others post.
pub(crate) trait Post: Send + Sync {
    /// Queues a frame whole if at most `limit` bytes wait before it.
    fn post(self: Arc<Self>, data: Data<'_>, limit: usize) -> Result<(), Error>;
}

impl<S: Transport> Post for Outbox<S> {
    fn post(self: Arc<Self>, data: Data<'_>, limit: usize) -> Result<(), Error> {
        let link = lock(&self.link);
        match link.failed {
            Some(error) => Err(error),
            None if link.queued() > limit => Err(Error::SlowPeer),
            // It would be taken for the end of the sender's message.
            None if link.role.in_message() => Err(Error::Send(SendError::KindChanged)),
            None => self.queue(link, &data, Flush::Later),
        }
    }
}

impl<S: Transport> Outbox<S> {
    pub(crate) fn new(io: S, role: Role, config: Arc<Config>) -> Arc<Self> {
        let link = Link::new(io, role, config);
        Arc::new(Outbox { holding: AtomicBool::new(false), link: Mutex::new(link) })
    }

    /// Queues a frame whole, once there is room, and writes it if it should go out now.
    #[inline(always)]
    pub(crate) fn poll_data(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        data: &Data<'_>,
        flush: Flush,
    ) -> Poll<Result<(), Error>> {
        let mut link = lock(&self.link);
        ready!(link.poll_room(cx))?;
        Poll::Ready(self.queue(link, data, flush))
    }

    /// The same if there is room; `None` if there is none.
    #[inline]
    pub(crate) fn try_data(self: &Arc<Self>, data: &Data<'_>, flush: Flush) -> Option<Result<(), Error>> {
        let link = lock(&self.link);
        match link.failed {
            Some(error) => Some(Err(error)),
            None if link.has_room() => Some(self.queue(link, data, flush)),
            None => None,
        }
    }

    #[inline(always)]
    fn queue(self: &Arc<Self>, mut link: MutexGuard<'_, Link<S>>, data: &Data<'_>, flush: Flush) -> Result<(), Error> {
        link.queue_replies();
        let now = flush == Flush::Soon && !self.holding.load(Ordering::Relaxed);
        let queued = link.queue_data(data, now);
        self.leave(link);
        queued.map_err(Error::Send)
    }

    /// Queues a ping or a close, once there is room, and writes what is queued.
    pub(crate) fn poll_control(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        control: &Control<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut link = lock(&self.link);
        ready!(link.poll_room(cx))?;
        match control {
            Control::Close(..) => link.queue_last_reply(),
            _ => link.queue_replies(),
        }
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
        self.poll_written(cx, Link::sender_waits)
    }

    /// Ready when there is room for another frame.
    pub(crate) fn poll_ready(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        lock(&self.link).poll_room(cx)
    }

    fn poll_written(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        wait: impl Fn(&mut Link<S>, &Context<'_>),
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
        wait(&mut link, cx);
        self.leave(link);
        Poll::Pending
    }

    /// Hands the lock back, and leaves no queued byte without somebody who will write it.
    #[inline]
    fn leave(self: &Arc<Self>, link: MutexGuard<'_, Link<S>>) {
        if link.flusher == Flusher::None && !link.is_quiet() {
            self.hand_over(link);
        }
    }

    #[cold]
    fn hand_over(self: &Arc<Self>, mut link: MutexGuard<'_, Link<S>>) {
        link.flusher = Flusher::Coming;
        flusher::hand_over(&mut link.runner, self.clone());
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
        lock(&self.link).push(reply);
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
        if result.is_pending() {
            link.reader_waits(cx);
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
        let told = lock(&self.link).pong(payload);
        if let Some((tell, took)) = told {
            tell(took);
        }
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        lock(&self.link).round_trip.as_deref().copied()
    }

    /// How long a peer may take nothing.
    pub(crate) fn send_timeout(&self) -> Duration {
        lock(&self.link).config.send_timeout
    }

    /// What failed, and when our close frame was queued.
    pub(crate) fn state(&self) -> (Option<Error>, Option<Time>) {
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
        self.poll_written(cx, Link::receiver_waits)
    }

    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.link).io).poll_shutdown(cx)
    }
}
