//! What is to be written, and who writes it.
//!
//! **Whoever holds the writer first finishes the frame in flight.** All frames go through the write buffer, whole where
//! they fit: what a dropped future left in it the next holder writes. Replies (a pong, or a close in its place) wait in
//! one slot and go ahead of each data frame, or out at the end of the frame during which they came.

use core::cell::{Cell, RefCell, RefMut};
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use embassy_time::Instant;
use embedded_io_async::Write;
use sockeye::{CloseCode, Head, Kind, MAX_CONTROL, MAX_HEADER, Masking, Replies, Reply, SendError, Utf8};

use crate::config::Config;
use crate::error::{Error, Failure};
use crate::within::within;

/// What both halves share. The link is borrowed by who writes, across awaits too; whoever finds it borrowed waits.
pub(crate) struct Outbox<'r, W, M> {
    pub(crate) config: &'r Config<'r>,
    /// Borrowed while a half holds it.
    link: RefCell<Link<'r, W, M>>,
    /// Who waits for the link: there are two halves, so at most one.
    waiter: Cell<Option<Waker>>,
    /// The receiver, which must hear that our close frame goes out, or that the sender failed.
    receiver: Cell<Option<Waker>>,
    replies: RefCell<Replies>,
    /// Whether something is owed: a reply, or a ping of the keepalive.
    owing: Cell<bool>,
    ping: Cell<bool>,
    /// When our close frame was queued or owed; [`Instant::MAX`] is not yet.
    closed_at: Cell<Instant>,
    /// Why the transport is of no use any more.
    failed: Cell<Option<Failure>>,
}

/// The writer, and what is in flight on it.
struct Link<'r, W, M> {
    writer: W,
    core: sockeye::Sender<M>,
    /// The text that is open.
    utf8: Utf8,
    buffer: &'r mut [u8],
    /// What of the buffer is not written yet.
    start: usize,
    end: usize,
    /// A data frame's head was queued, and not yet all of its payload.
    in_frame: bool,
    /// Inside a call of the writer, or dropped there.
    busy: bool,
    /// Something was written since the last flush.
    unflushed: bool,
}

/// How a half's writes go.
pub(crate) struct Progress {
    /// Since when the writer takes nothing; [`Instant::MAX`] if it does.
    stuck: Cell<Instant>,
    /// Inside a call of the writer.
    writing: Cell<bool>,
}

impl Progress {
    pub(crate) const fn new() -> Self {
        Progress { stuck: Cell::new(Instant::MAX), writing: Cell::new(false) }
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writing.get()
    }
}

/// What is to be sent after what is owed.
pub(crate) enum Job<'a> {
    Nothing,
    Data {
        kind: Kind,
        payload: &'a [u8],
        last: bool,
    },
    /// The rest of a payload.
    Payload {
        head: Head,
        rest: &'a [u8],
    },
    Ping(&'a [u8]),
    Close(CloseCode, &'a str),
    /// The handshake's bytes, of which the first may lie in the buffer already.
    Raw([&'a [u8]; 2]),
    /// What the transport holds.
    Flush,
}

impl<'r, W: Write, M: Masking> Outbox<'r, W, M> {
    pub(crate) fn new(writer: W, core: sockeye::Sender<M>, buffer: &'r mut [u8], config: &'r Config<'r>) -> Self {
        let link = Link {
            writer,
            core,
            utf8: Utf8::new(),
            buffer,
            start: 0,
            end: 0,
            in_frame: false,
            busy: false,
            unflushed: false,
        };
        Outbox {
            config,
            link: RefCell::new(link),
            waiter: Cell::new(None),
            receiver: Cell::new(None),
            replies: RefCell::new(Replies::new()),
            owing: Cell::new(false),
            ping: Cell::new(false),
            closed_at: Cell::new(Instant::MAX),
            failed: Cell::new(None),
        }
    }

    /// Writes what is left in the buffer, what is owed, the job, and what was owed meanwhile.
    pub(crate) async fn send(&self, mut job: Job<'_>, progress: &Progress) -> Result<(), Error<W::Error>> {
        progress.writing.set(false);
        let mut held = self.hold().await?;
        let link = &mut *held.link;
        if link.in_frame || (link.busy && !self.config.cancel_safe) {
            return Err(Error::Aborted);
        }
        let flush = self.config.flush || matches!(job, Job::Flush);
        loop {
            if link.start == link.end {
                link.queue(self, &mut job)?;
            }
            let rest = link.buffer.get(link.start..link.end).unwrap_or_default();
            if rest.is_empty() && !(flush && link.unflushed) {
                return Ok(());
            }
            link.busy = true;
            progress.writing.set(true);
            let written = within(self.config.send_timeout, &progress.stuck, async {
                if rest.is_empty() { link.writer.flush().await.map(|()| 0) } else { link.writer.write(rest).await }
            });
            let written = written.await;
            progress.writing.set(false);
            link.busy = false;
            let failure = match written {
                Some(Ok(len)) if rest.is_empty() == (len == 0) => {
                    link.unflushed = len > 0;
                    link.start = link.end.min(link.start + len);
                    continue;
                }
                Some(Err(error)) => {
                    self.fail(Failure::Lost);
                    return Err(Error::Io(error));
                }
                Some(Ok(_)) => Failure::Lost,
                None => Failure::SlowPeer,
            };
            self.fail(failure);
            return Err(failure.into());
        }
    }

    /// Puts a head into the buffer, which nobody else uses during a handshake.
    pub(crate) fn put<E>(&self, write: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<(), E> {
        let Ok(mut link) = self.link.try_borrow_mut() else { return Ok(()) };
        write(link.buffer).map(|len| (link.start, link.end) = (0, len))
    }

    /// Fails every later call of both halves.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failed.set(Some(failure));
        self.wake_receiver();
    }

    pub(crate) fn failed(&self) -> Option<Failure> {
        self.failed.get()
    }

    /// Owes the peer a reply.
    pub(crate) fn push(&self, reply: Reply) {
        if reply.is_close() {
            self.close_begins();
        }
        if let Ok(mut replies) = self.replies.try_borrow_mut() {
            replies.push(reply);
        }
        self.owing.set(true);
    }

    /// Owes the peer a ping.
    pub(crate) fn push_ping(&self) {
        self.ping.set(true);
        self.owing.set(true);
    }

    /// Whether the keepalive's ping is not queued yet.
    pub(crate) fn ping_waits(&self) -> bool {
        self.ping.get()
    }

    /// Whether there is something to write besides the halves' own jobs.
    pub(crate) fn is_owing(&self) -> bool {
        self.owing.get()
    }

    /// When our close frame was queued or owed; [`Instant::MAX`] is not yet.
    pub(crate) fn closed_at(&self) -> Instant {
        self.closed_at.get()
    }

    /// Has the receiver's task woken when our close frame goes out, or the sender fails.
    pub(crate) fn register_receiver(&self, cx: &Context<'_>) {
        self.receiver.set(Some(cx.waker().clone()));
    }

    /// Waits until the other half lets go of the link.
    async fn hold(&self) -> Result<Held<'_, 'r, W, M>, Error<W::Error>> {
        poll_fn(|cx| {
            if let Some(failure) = self.failed() {
                return Poll::Ready(Err(failure.into()));
            }
            let Ok(link) = self.link.try_borrow_mut() else {
                self.waiter.set(Some(cx.waker().clone()));
                return Poll::Pending;
            };
            Poll::Ready(Ok(Held { outbox: self, link }))
        })
        .await
    }

    fn close_begins(&self) {
        if self.closed_at.get() == Instant::MAX {
            self.closed_at.set(Instant::now());
            self.wake_receiver();
        }
    }
}

/// The link in the hands of one half; free again when it is dropped.
struct Held<'o, 'r, W, M> {
    outbox: &'o Outbox<'r, W, M>,
    link: RefMut<'o, Link<'r, W, M>>,
}

impl<W, M> Outbox<'_, W, M> {
    fn wake_receiver(&self) {
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
    }
}

impl<W, M> Drop for Held<'_, '_, W, M> {
    fn drop(&mut self) {
        if self.link.start < self.link.end && !self.link.in_frame {
            // What a dropped future left here is the receiver's to write, if nobody else does.
            self.outbox.owing.set(true);
            self.outbox.wake_receiver();
        }
        if let Some(waiter) = self.outbox.waiter.take() {
            waiter.wake();
        }
    }
}

impl<W: Write, M: Masking> Link<'_, W, M> {
    /// Fills the buffer, which is empty: with what is owed, then with the job or the next piece of it.
    fn queue(&mut self, outbox: &Outbox<'_, W, M>, job: &mut Job<'_>) -> Result<(), SendError> {
        (self.start, self.end) = (0, 0);
        if !self.in_frame {
            while outbox.owing.get() && self.has_room(MAX_CONTROL) {
                self.queue_owed(outbox);
            }
            // The rest of what is owed comes first: by the next write.
            if outbox.owing.get() {
                return Ok(());
            }
            match *job {
                // A frame that fits is not begun where it would not.
                Job::Data { kind, payload, last } if self.end == 0 || self.has_room(MAX_HEADER + payload.len()) => {
                    let mut utf8 = self.utf8.clone();
                    let valid = kind == Kind::Binary || (utf8.feed(payload).is_ok() && (!last || utf8.is_complete()));
                    if !valid {
                        return Err(SendError::InvalidUtf8);
                    }
                    let head = self.core.chunk(kind, payload.len() as u64, last)?;
                    self.utf8 = utf8;
                    self.in_frame = true;
                    self.append(head.bytes());
                    *job = Job::Payload { head, rest: payload };
                }
                Job::Ping(payload) if self.has_room(MAX_CONTROL) => {
                    self.control(|core, out| core.ping(payload, out).map(<[u8]>::len))?;
                    *job = Job::Nothing;
                }
                Job::Close(code, reason) if self.has_room(MAX_CONTROL) => {
                    self.control(|core, out| core.close(code, reason, out).map(<[u8]>::len))?;
                    outbox.close_begins();
                    *job = Job::Nothing;
                }
                Job::Raw([first, second]) => {
                    let rest = self.append(first);
                    let done = rest.is_empty() && second.is_empty();
                    *job = match rest {
                        _ if done => Job::Nothing,
                        [] => Job::Raw([second, &[]]),
                        rest => Job::Raw([rest, second]),
                    };
                }
                _ => return Ok(()),
            }
        }
        if let Job::Payload { head, rest } = job {
            let start = self.end;
            *rest = self.append(rest);
            head.mask(self.buffer.get_mut(start..self.end).unwrap_or_default());
            self.in_frame = !rest.is_empty();
            if !self.in_frame {
                *job = Job::Nothing;
            }
        }
        Ok(())
    }

    /// Queues what is owed next. After our close that is nothing any more.
    fn queue_owed(&mut self, outbox: &Outbox<'_, W, M>) {
        let reply = outbox.replies.try_borrow_mut().ok().and_then(|mut replies| replies.pop());
        let _ = match reply {
            Some(reply) => self.control(|core, out| core.reply(&reply, out).map(<[u8]>::len)),
            None => {
                outbox.owing.set(false);
                if !outbox.ping.replace(false) {
                    return;
                }
                self.control(|core, out| core.ping(&[], out).map(<[u8]>::len))
            }
        };
    }

    fn control(
        &mut self,
        encode: impl FnOnce(&mut sockeye::Sender<M>, &mut [u8; MAX_CONTROL]) -> Result<usize, SendError>,
    ) -> Result<(), SendError> {
        let out = self.buffer.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut);
        self.end += encode(&mut self.core, out.ok_or(SendError::ControlTooLong)?)?;
        Ok(())
    }

    /// Copies as much of this as there is room for, and gives back the rest.
    fn append<'p>(&mut self, bytes: &'p [u8]) -> &'p [u8] {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let len = bytes.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
        self.end += len;
        bytes.get(len..).unwrap_or_default()
    }

    fn has_room(&self, len: usize) -> bool {
        self.buffer.len().saturating_sub(self.end) >= len
    }
}
