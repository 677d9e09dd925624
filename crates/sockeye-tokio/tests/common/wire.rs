//! A transport in memory: two lanes of bytes, each of a bounded capacity, that can be rough, stalled, cut or reset.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Rng;

/// One end of the transport.
pub(crate) struct End {
    input: Wire,
    output: Wire,
    rng: Rng,
}

/// One direction, to look at and to meddle with from outside.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Lane>>);

struct Lane {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// The most bytes a step, if it is Pending half the time; else 0.
    step: u64,
    stalled: bool,
    /// The writer ended its side.
    ended: bool,
    /// The reader is gone.
    abandoned: bool,
    reset: bool,
    reset_at: u64,
    written: u64,
    writes: u64,
    tape: Option<Vec<u8>>,
    /// As a socket: the last one who asked is told, nobody else.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The client's end, the server's end, what goes up to the server, and what goes down to the client.
pub(crate) fn pipe(seed: u64, capacity: usize) -> (End, End, Wire, Wire) {
    let (up, down) = (Wire::new(capacity), Wire::new(capacity));
    let client = End { input: down.clone(), output: up.clone(), rng: Rng::new(seed) };
    let server = End { input: up.clone(), output: down.clone(), rng: Rng::new(!seed) };
    (client, server, up, down)
}

impl Wire {
    fn new(capacity: usize) -> Self {
        Wire(Arc::new(Mutex::new(Lane {
            bytes: VecDeque::new(),
            capacity,
            step: 0,
            stalled: false,
            ended: false,
            abandoned: false,
            reset: false,
            reset_at: u64::MAX,
            written: 0,
            writes: 0,
            tape: None,
            reader: None,
            writer: None,
        })))
    }

    /// From now on: Pending half the time, and 1 to 7 bytes a step.
    pub(crate) fn rough(&self) {
        self.lock().step = 7;
    }

    /// From now on: Pending half the time, and 1 to 300 bytes a step, of which many bring more than one frame.
    pub(crate) fn bursts(&self) {
        self.lock().step = 300;
    }

    /// From now on at most so many bytes are on their way.
    pub(crate) fn narrow(&self, capacity: usize) {
        self.lock().capacity = capacity;
    }

    /// Nothing can be written any more,
    pub(crate) fn stall(&self) {
        self.lock().stalled = true;
    }

    /// or again.
    pub(crate) fn resume(&self) {
        let mut lane = self.lock();
        lane.stalled = false;
        wake(&mut lane.writer);
    }

    /// Both directions fail once so many bytes were written in this one.
    pub(crate) fn reset_at(&self, written: u64) {
        self.lock().reset_at = written;
    }

    /// How many bytes were written, ever.
    pub(crate) fn written(&self) -> u64 {
        self.lock().written
    }

    /// How many writes brought them.
    pub(crate) fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Whether the writer ended its side.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// From now on what is written is kept.
    pub(crate) fn record(&self) {
        self.lock().tape = Some(Vec::new());
    }

    /// What was written since.
    pub(crate) fn tape(&self) -> Vec<u8> {
        self.lock().tape.clone().unwrap_or_default()
    }

    /// Whether such bytes are among them.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        let lane = self.lock();
        lane.tape.as_ref().is_some_and(|tape| tape.windows(bytes.len()).any(|window| window == bytes))
    }

    fn lock(&self) -> MutexGuard<'_, Lane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reset(&self) {
        let mut lane = self.lock();
        lane.reset = true;
        wake(&mut lane.reader);
        wake(&mut lane.writer);
    }

    /// Wakes whoever waits by then, from a task of its own: never the one that asks by way of asking.
    fn wake_later(&self, slot: fn(&mut Lane) -> &mut Option<Waker>) {
        let wire = self.clone();
        tokio::spawn(async move { wake(slot(&mut wire.lock())) });
    }
}

fn wake(slot: &mut Option<Waker>) {
    if let Some(waker) = slot.take() {
        waker.wake();
    }
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut lane = this.input.lock();
        let (pending, step) = pace(&lane, &mut this.rng);
        if pending {
            lane.reader = Some(cx.waker().clone());
            this.input.wake_later(|lane| &mut lane.reader);
            return Poll::Pending;
        }
        if lane.bytes.is_empty() {
            if lane.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if lane.ended {
                return Poll::Ready(Ok(()));
            }
            lane.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = lane.bytes.len().min(step).min(buf.remaining());
        for byte in lane.bytes.drain(..len) {
            buf.put_slice(&[byte]);
        }
        wake(&mut lane.writer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut lane = this.output.lock();
        if lane.reset || lane.abandoned || lane.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let (pending, step) = pace(&lane, &mut this.rng);
        let room = if lane.stalled { 0 } else { lane.capacity.saturating_sub(lane.bytes.len()) };
        if pending || room == 0 {
            lane.writer = Some(cx.waker().clone());
            if pending {
                this.output.wake_later(|lane| &mut lane.writer);
            }
            return Poll::Pending;
        }
        let until_reset = usize::try_from(lane.reset_at - lane.written).unwrap_or(usize::MAX);
        let mut left = room.min(step).min(until_reset);
        let before = lane.written;
        for buf in bufs {
            let taken = &buf[..left.min(buf.len())];
            left -= taken.len();
            lane.bytes.extend(taken);
            lane.written += taken.len() as u64;
            if let Some(tape) = &mut lane.tape {
                tape.extend_from_slice(taken);
            }
        }
        lane.writes += 1;
        wake(&mut lane.reader);
        let (len, reset) = (lane.written - before, lane.written >= lane.reset_at);
        drop(lane);
        if reset {
            this.output.reset();
            this.input.reset();
        }
        Poll::Ready(Ok(len as usize))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut lane = this.output.lock();
        if pace(&lane, &mut this.rng).0 {
            lane.writer = Some(cx.waker().clone());
            this.output.wake_later(|lane| &mut lane.writer);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lane = self.output.lock();
        lane.ended = true;
        wake(&mut lane.reader);
        Poll::Ready(Ok(()))
    }
}

/// As a socket: closed with unread input it resets the connection, and what the peer has not read yet is lost.
impl Drop for End {
    fn drop(&mut self) {
        let unread = {
            let mut lane = self.input.lock();
            lane.abandoned = true;
            wake(&mut lane.writer);
            !lane.bytes.is_empty()
        };
        let mut lane = self.output.lock();
        lane.ended = true;
        if unread {
            lane.bytes.clear();
            lane.reset = true;
        }
        wake(&mut lane.reader);
    }
}

/// Whether to be Pending for no reason, and how many bytes to move at most.
fn pace(lane: &Lane, rng: &mut Rng) -> (bool, usize) {
    if lane.step > 0 { (rng.coin(), 1 + rng.below(lane.step) as usize) } else { (false, usize::MAX) }
}
