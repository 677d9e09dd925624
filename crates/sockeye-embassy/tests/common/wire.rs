//! A transport in memory: two lanes of bytes, each of a bounded capacity, that can be rough, stalled, cut or reset, and
//! careless about futures that are dropped.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

use super::Rng;

/// One end of the transport, in two halves.
pub(crate) struct End {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

pub(crate) struct Reader(Wire);

pub(crate) struct Writer(Wire);

/// One direction, to look at and to meddle with from outside.
#[derive(Clone)]
pub(crate) struct Wire(Rc<RefCell<Lane>>);

struct Lane {
    bytes: VecDeque<u8>,
    capacity: usize,
    rng: Rng,
    rough: bool,
    careless: bool,
    stalled: bool,
    flush_stalled: bool,
    ended: bool,
    reset: bool,
    reset_at: u64,
    written: u64,
    writes: u64,
    tape: Option<Vec<u8>>,
    /// As a socket: the last one who asked is told, nobody else.
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The other direction, which is reset with this one.
    back: Weak<RefCell<Lane>>,
}

/// Whose waker.
#[derive(Clone, Copy)]
enum Side {
    Reader,
    Writer,
}

thread_local! {
    /// Who was Pending for no reason.
    static LATER: RefCell<Vec<(Wire, Side)>> = const { RefCell::new(Vec::new()) };
}

/// Wakes those that were Pending for no reason, or who waits in their place by now. Whether there were any.
pub(crate) fn wake_later() -> bool {
    let later = LATER.take();
    for (wire, side) in &later {
        wire.wake(*side);
    }
    !later.is_empty()
}

/// What was to be woken by a test before is none of ours.
pub(crate) fn forget() {
    LATER.take();
}

/// The client's end, the server's end, what goes up to the server, and what goes down to the client.
pub(crate) fn pipe(seed: u64, capacity: usize) -> (End, End, Wire, Wire) {
    let (up, down) = (Wire::new(seed, capacity), Wire::new(!seed, capacity));
    up.0.borrow_mut().back = Rc::downgrade(&down.0);
    down.0.borrow_mut().back = Rc::downgrade(&up.0);
    let client = End { reader: Reader(down.clone()), writer: Writer(up.clone()) };
    let server = End { reader: Reader(up.clone()), writer: Writer(down.clone()) };
    (client, server, up, down)
}

impl Wire {
    fn new(seed: u64, capacity: usize) -> Self {
        Wire(Rc::new(RefCell::new(Lane {
            bytes: VecDeque::new(),
            capacity,
            rng: Rng::new(seed),
            rough: false,
            careless: false,
            stalled: false,
            flush_stalled: false,
            ended: false,
            reset: false,
            reset_at: u64::MAX,
            written: 0,
            writes: 0,
            tape: None,
            reader: None,
            writer: None,
            back: Weak::new(),
        })))
    }

    /// From now on: Pending half the time, and 1 to 7 bytes a step.
    pub(crate) fn rough(&self) {
        self.0.borrow_mut().rough = true;
    }

    /// From now on a read or write that is dropped while it is Pending may have moved bytes.
    pub(crate) fn careless(&self) {
        self.0.borrow_mut().careless = true;
    }

    /// From now on at most so many bytes are on their way.
    pub(crate) fn narrow(&self, capacity: usize) {
        self.0.borrow_mut().capacity = capacity;
        self.wake(Side::Writer);
    }

    /// Nothing can be written any more,
    pub(crate) fn stall(&self) {
        self.0.borrow_mut().stalled = true;
    }

    /// or again.
    pub(crate) fn resume(&self) {
        self.0.borrow_mut().stalled = false;
        self.wake(Side::Writer);
    }

    /// What was written is never passed on.
    pub(crate) fn stall_flush(&self) {
        self.0.borrow_mut().flush_stalled = true;
    }

    /// The writer ends its side.
    pub(crate) fn end(&self) {
        self.0.borrow_mut().ended = true;
        self.wake(Side::Reader);
    }

    /// It fails, both to read and to write.
    pub(crate) fn reset(&self) {
        self.0.borrow_mut().reset = true;
        self.wake(Side::Reader);
        self.wake(Side::Writer);
    }

    /// Both directions fail once so many bytes were written in this one.
    pub(crate) fn reset_at(&self, written: u64) {
        self.0.borrow_mut().reset_at = written;
    }

    /// How many bytes were written, ever.
    pub(crate) fn written(&self) -> u64 {
        self.0.borrow().written
    }

    /// How many writes brought them.
    pub(crate) fn writes(&self) -> u64 {
        self.0.borrow().writes
    }

    /// How many bytes are on their way.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().bytes.len()
    }

    /// From now on what is written is kept.
    pub(crate) fn record(&self) {
        self.0.borrow_mut().tape = Some(Vec::new());
    }

    /// What was written since.
    pub(crate) fn tape(&self) -> Vec<u8> {
        self.0.borrow().tape.clone().unwrap_or_default()
    }

    /// Writes from outside, whatever the capacity is.
    pub(crate) fn put(&self, bytes: &[u8]) {
        self.0.borrow_mut().push(bytes);
        self.wake(Side::Reader);
    }

    /// Writes from outside as much as there is room for.
    pub(crate) fn put_some(&self, bytes: &[u8]) -> usize {
        let room = self.0.borrow().room();
        let len = bytes.len().min(room);
        if len > 0 {
            self.put(&bytes[..len]);
        }
        len
    }

    /// Reads from outside.
    pub(crate) fn take(&self, max: usize) -> Vec<u8> {
        let taken: Vec<u8> = {
            let mut lane = self.0.borrow_mut();
            let len = lane.bytes.len().min(max);
            lane.bytes.drain(..len).collect()
        };
        if !taken.is_empty() {
            self.wake(Side::Writer);
        }
        taken
    }

    /// All that is there.
    pub(crate) fn take_all(&self) -> Vec<u8> {
        self.take(usize::MAX)
    }

    fn wake(&self, side: Side) {
        let waker = {
            let mut lane = self.0.borrow_mut();
            match side {
                Side::Reader => lane.reader.take(),
                Side::Writer => lane.writer.take(),
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Remembers who asks.
    fn register(&self, side: Side, cx: &Context<'_>, later: bool) {
        let mut lane = self.0.borrow_mut();
        let slot = match side {
            Side::Reader => &mut lane.reader,
            Side::Writer => &mut lane.writer,
        };
        *slot = Some(cx.waker().clone());
        if later {
            LATER.with_borrow_mut(|wakes| wakes.push((self.clone(), side)));
        }
    }

    fn poll_read(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let (pending, step) = self.0.borrow_mut().pace();
        if pending {
            self.register(Side::Reader, cx, true);
            return Poll::Pending;
        }
        let len = {
            let mut lane = self.0.borrow_mut();
            if lane.reset {
                return Poll::Ready(Err(ErrorKind::ConnectionReset));
            }
            let len = lane.bytes.len().min(step).min(buf.len());
            let (front, back) = lane.bytes.as_slices();
            let in_front = len.min(front.len());
            buf[..in_front].copy_from_slice(&front[..in_front]);
            buf[in_front..len].copy_from_slice(&back[..len - in_front]);
            lane.bytes.drain(..len);
            len
        };
        if len == 0 && !self.0.borrow().ended {
            self.register(Side::Reader, cx, false);
            return Poll::Pending;
        }
        self.wake(Side::Writer);
        Poll::Ready(Ok(len))
    }

    fn poll_write(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        let (pending, step) = self.0.borrow_mut().pace();
        if self.0.borrow().reset {
            return Poll::Ready(Err(ErrorKind::ConnectionReset));
        }
        let room = self.0.borrow().room();
        if pending || room == 0 {
            self.register(Side::Writer, cx, pending);
            return Poll::Pending;
        }
        let (len, reset) = {
            let mut lane = self.0.borrow_mut();
            let until_reset = usize::try_from(lane.reset_at - lane.written).unwrap_or(usize::MAX);
            let len = room.min(step).min(until_reset).min(buf.len());
            lane.push(&buf[..len]);
            lane.writes += 1;
            (len, lane.written >= lane.reset_at)
        };
        self.wake(Side::Reader);
        if reset {
            self.reset();
            let back = self.0.borrow().back.upgrade();
            if let Some(back) = back {
                Wire(back).reset();
            }
            if len == 0 {
                return Poll::Ready(Err(ErrorKind::ConnectionReset));
            }
        }
        Poll::Ready(Ok(len))
    }

    /// Pending a few times for no reason.
    async fn dawdle(&self, side: Side) {
        let mut times = self.0.borrow_mut().rng.below(3);
        poll_fn(|cx| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            self.register(side, cx, true);
            Poll::Pending
        })
        .await;
    }
}

impl Lane {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.written += bytes.len() as u64;
        if let Some(tape) = &mut self.tape {
            tape.extend_from_slice(bytes);
        }
    }

    fn room(&self) -> usize {
        if self.stalled { 0 } else { self.capacity.saturating_sub(self.bytes.len()) }
    }

    /// Whether to be Pending for no reason, and how many bytes to move at most.
    fn pace(&mut self) -> (bool, usize) {
        if self.rough { (self.rng.coin(), 1 + self.rng.below(7) as usize) } else { (false, usize::MAX) }
    }
}

impl ErrorType for Reader {
    type Error = ErrorKind;
}

impl ErrorType for Writer {
    type Error = ErrorKind;
}

impl Read for Reader {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let len = poll_fn(|cx| self.0.poll_read(cx, buf)).await?;
        if self.0.0.borrow().careless {
            // Dropped here, the bytes are lost.
            self.0.dawdle(Side::Reader).await;
        }
        Ok(len)
    }
}

impl Write for Writer {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "a write of nothing");
        let len = poll_fn(|cx| self.0.poll_write(cx, buf)).await?;
        if self.0.0.borrow().careless {
            // Dropped here, the bytes were written, and nobody knows.
            self.0.dawdle(Side::Writer).await;
        }
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|cx| {
            let pending = self.0.0.borrow_mut().pace().0;
            if pending || self.0.0.borrow().flush_stalled {
                self.0.register(Side::Writer, cx, pending);
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}
