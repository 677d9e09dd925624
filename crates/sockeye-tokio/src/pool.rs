//! Buffers that connections take while there are bytes, and give back before they wait: an idle connection has none.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sizes of read buffers. A read that filled its buffer is followed by one of the next size; the first size is for
/// when too many larger ones are out.
const SIZES: [usize; 3] = [8 * 1024, 64 * 1024, 256 * 1024];
/// The one to begin with.
const USUAL: u8 = 1;
/// With so many bytes of read buffers out, over all threads, the next ones are of the first size: a peer that fills its
/// buffer and then takes nothing keeps its handler from giving it back.
const LARGE_BYTES: usize = 64 << 20;
/// How many buffers of each size a thread keeps: 4 MiB at most,
const KEPT: [usize; SIZES.len()] = [64, 64, 16];
/// how many bytes of queues,
const KEPT_QUEUES: usize = 4 << 20;
/// and how large a queue may be to be kept.
const KEPT_QUEUE: usize = 128 * 1024;
/// A new queue's capacity: a burst to a thousand members takes a thousand queues.
const NEW_QUEUE: usize = 2048;

static BYTES_OUT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static BUFFERS: RefCell<[Vec<Box<[u8]>>; SIZES.len()]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
    static QUEUES: RefCell<Queues> = const { RefCell::new(Queues::new()) };
}

/// The bytes of the last read that are not used yet.
pub(crate) struct Input {
    buffer: Box<[u8]>,
    start: u32,
    end: u32,
    /// Which of the sizes the next buffer has.
    size: u8,
    /// Which one this buffer has, if it is of the pool.
    taken: Option<u8>,
}

impl Input {
    /// Bytes that were read before, with the handshake.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        Input { buffer: bytes.into(), start: 0, end: bytes.len() as u32, size: USUAL, taken: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes that are not used yet.
    pub(crate) fn unused(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start as usize..self.end as usize]
    }

    /// Leaves the last `left` bytes, and says where those used last end.
    pub(crate) fn keep(&mut self, left: usize) -> usize {
        self.start = self.end - left as u32;
        self.start as usize
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
        let mut size = usize::from(self.size);
        if BYTES_OUT.fetch_add(SIZES[size], Ordering::Relaxed) > LARGE_BYTES {
            BYTES_OUT.fetch_sub(SIZES[size] - SIZES[0], Ordering::Relaxed);
            size = 0;
        }
        self.taken = Some(size as u8);
        let kept = BUFFERS.with_borrow_mut(|buffers| buffers[size].pop());
        self.buffer = kept.unwrap_or_else(|| vec![0; SIZES[size]].into_boxed_slice());
        &mut self.buffer
    }

    pub(crate) fn filled(&mut self, len: usize) {
        (self.start, self.end) = (0, len as u32);
        let fits = SIZES.iter().position(|&size| len < size).unwrap_or(SIZES.len() - 1);
        // One size down at a time: a single short read in a stream of long ones changes little.
        self.size = USUAL.max(fits as u8).max(self.size.saturating_sub(1));
    }

    /// Gives the buffer back, whatever is in it.
    pub(crate) fn release(&mut self) {
        (self.start, self.end) = (0, 0);
        let buffer = std::mem::take(&mut self.buffer);
        let Some(size) = self.taken.take() else { return };
        BYTES_OUT.fetch_sub(buffer.len(), Ordering::Relaxed);
        // A thread that ends has no pool any more; the buffer is freed then.
        let _ = BUFFERS.try_with(|buffers| {
            let kept = &mut buffers.borrow_mut()[usize::from(size)];
            if kept.len() < KEPT[usize::from(size)] {
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
    QUEUES.with_borrow_mut(Queues::take).unwrap_or_else(|| Vec::with_capacity(NEW_QUEUE))
}

/// Gives a queue back, empty again.
pub(crate) fn give_queue(mut queue: Vec<u8>) {
    queue.clear();
    if (1..=KEPT_QUEUE).contains(&queue.capacity()) {
        let _ = QUEUES.try_with(|queues| queues.borrow_mut().give(queue));
    }
}

/// Queues that are not in use.
struct Queues {
    kept: Vec<Vec<u8>>,
    bytes: usize,
}

impl Queues {
    const fn new() -> Self {
        Queues { kept: Vec::new(), bytes: 0 }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let queue = self.kept.pop()?;
        self.bytes -= queue.capacity();
        Some(queue)
    }

    fn give(&mut self, queue: Vec<u8>) {
        if self.bytes + queue.capacity() <= KEPT_QUEUES {
            self.bytes += queue.capacity();
            self.kept.push(queue);
        }
    }
}
