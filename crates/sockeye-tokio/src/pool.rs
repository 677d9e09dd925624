//! Buffers that connections take while there are bytes, and give back before they wait: an idle connection has none.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sizes of read buffers. A connection begins with the first, and gets the next one after a read that filled its own.
const SIZES: [usize; 3] = [8 * 1024, 64 * 1024, 256 * 1024];
/// So many bytes of read buffers above the first size may be out at a time, over all threads: a peer that fills its
/// buffer and then takes nothing keeps its handler from giving it back.
const LARGE_BYTES: usize = 64 << 20;
/// How many buffers of each size a thread keeps: 4 MiB at most,
const KEPT: [usize; SIZES.len()] = [64, 64, 16];
/// how many queues,
const KEPT_QUEUES: usize = 64;
/// and how large a queue may be to be kept.
const KEPT_QUEUE: usize = 128 * 1024;

static LARGE_BYTES_OUT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static BUFFERS: RefCell<[Vec<Box<[u8]>>; SIZES.len()]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
    static QUEUES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of the last read that are not used yet.
#[derive(Default)]
pub(crate) struct Input {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Which of the sizes the next buffer has.
    size: usize,
    /// Which one this buffer has, if it is of the pool.
    taken: Option<usize>,
}

impl Input {
    /// Bytes that were read before, with the handshake.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        Input { buffer: bytes.into(), start: 0, end: bytes.len(), size: 0, taken: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes that are not used yet.
    pub(crate) fn unused(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    /// Leaves the last `left` bytes, and says where those used last end.
    pub(crate) fn keep(&mut self, left: usize) -> usize {
        self.start = self.end - left;
        self.start
    }

    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    pub(crate) fn get_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.buffer[range]
    }

    /// An empty buffer to read into; [`filled`](Self::filled) says how much was read.
    pub(crate) fn take(&mut self) -> &mut [u8] {
        self.release();
        if self.size > 0 && LARGE_BYTES_OUT.fetch_add(SIZES[self.size], Ordering::Relaxed) > LARGE_BYTES {
            LARGE_BYTES_OUT.fetch_sub(SIZES[self.size], Ordering::Relaxed);
            self.size = 0;
        }
        self.taken = Some(self.size);
        let kept = BUFFERS.with_borrow_mut(|buffers| buffers[self.size].pop());
        self.buffer = kept.unwrap_or_else(|| vec![0; SIZES[self.size]].into_boxed_slice());
        &mut self.buffer
    }

    pub(crate) fn filled(&mut self, len: usize) {
        (self.start, self.end) = (0, len);
        let fits = SIZES.iter().position(|&size| len < size).unwrap_or(SIZES.len() - 1);
        // One size down at a time: a single short read in a stream of long ones changes little.
        self.size = fits.max(self.size.saturating_sub(1));
    }

    /// Gives the buffer back, whatever is in it.
    pub(crate) fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        let buffer = std::mem::take(&mut self.buffer);
        let Some(size) = self.taken.take() else { return };
        if size > 0 {
            LARGE_BYTES_OUT.fetch_sub(buffer.len(), Ordering::Relaxed);
        }
        // A thread that ends has no pool any more; the buffer is freed then.
        let _ = BUFFERS.try_with(|buffers| {
            let kept = &mut buffers.borrow_mut()[size];
            if kept.len() < KEPT[size] {
                kept.push(buffer);
            }
        });
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.release();
    }
}

/// An empty queue with some capacity.
pub(crate) fn take_queue() -> Vec<u8> {
    QUEUES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a queue back, empty again.
pub(crate) fn give_queue(mut queue: Vec<u8>) {
    queue.clear();
    if (1..=KEPT_QUEUE).contains(&queue.capacity()) {
        let _ = QUEUES.try_with(|queues| {
            let mut queues = queues.borrow_mut();
            if queues.len() < KEPT_QUEUES {
                queues.push(queue);
            }
        });
    }
}
