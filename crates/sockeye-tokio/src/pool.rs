//! Buffers that connections take while there are bytes, and give back before they wait: an idle connection has none.

use std::cell::RefCell;
use std::ops::Range;

/// A read starts with this much room,
const SMALL: usize = 8 * 1024;
/// and gets this much after one that was filled.
const LARGE: usize = 64 * 1024;
/// How many buffers of each size a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static SMALL_BUFFERS: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static LARGE_BUFFERS: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
    static QUEUES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of the last read that are not used yet.
#[derive(Default)]
pub(crate) struct Input {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    large: bool,
}

impl Input {
    /// Bytes that were read before, with the handshake.
    pub(crate) fn with(bytes: &[u8]) -> Self {
        Input { buffer: bytes.into(), start: 0, end: bytes.len(), large: false }
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

    /// An empty buffer to read into; `filled` says how much was read.
    pub(crate) fn take(&mut self) -> &mut [u8] {
        self.release();
        let (pool, size) = if self.large { (&LARGE_BUFFERS, LARGE) } else { (&SMALL_BUFFERS, SMALL) };
        let kept = pool.with_borrow_mut(Vec::pop);
        self.buffer = kept.unwrap_or_else(|| vec![0; size].into_boxed_slice());
        &mut self.buffer
    }

    pub(crate) fn filled(&mut self, len: usize) {
        (self.start, self.end) = (0, len);
        self.large = len == self.buffer.len() || (self.large && len > SMALL);
    }

    /// Gives the buffer back, whatever is in it.
    pub(crate) fn release(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        (self.start, self.end) = (0, 0);
        let pool = match buffer.len() {
            SMALL => &SMALL_BUFFERS,
            LARGE => &LARGE_BUFFERS,
            _ => return,
        };
        // A thread that ends has no pool any more; the buffer is freed then.
        let _ = pool.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(buffer);
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
    if (1..=2 * LARGE).contains(&queue.capacity()) {
        let _ = QUEUES.try_with(|queues| {
            let mut queues = queues.borrow_mut();
            if queues.len() < KEPT {
                queues.push(queue);
            }
        });
    }
}
