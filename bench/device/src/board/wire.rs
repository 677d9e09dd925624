//! The transport: what the script sends lies in memory and is read from there, as much as is asked for, and what is
//! written is kept. A step is over when all of it was read and more is asked for: then its answer must be there.
//!
//! What is counted is the whole way of a step, with the transport's own instructions.

use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;

use embedded_io_async::{ErrorType, Read, Write};

use super::counter::{self, Moment};
use super::frames;
use super::machine::{print, print_number};
use super::script::Step;

/// Begins a connection.
pub(super) fn begin(steps: &'static [Step]) {
    WIRE.with(|wire| {
        wire.steps = steps;
        wire.current = None;
    });
}

/// Ends it: a step that is left has failed, unless its answer is there.
pub(super) fn end() {
    while WIRE.with(Wire::next) {}
}

static WIRE: Shared<Wire> = Shared(UnsafeCell::new(Wire {
    steps: &[],
    current: None,
    input: [0; 2048],
    taken: 0,
    filled: 0,
    output: [0; 2048],
    written: 0,
    late: false,
    began: None,
}));

struct Wire {
    /// What is to come.
    steps: &'static [Step],
    current: Option<&'static Step>,
    input: [u8; 2048],
    taken: usize,
    filled: usize,
    output: [u8; 2048],
    written: usize,
    late: bool,
    began: Option<Moment>,
}

impl Wire {
    /// Ends the step at hand, and begins the next; false if there is none.
    #[inline(never)]
    fn next(&mut self) -> bool {
        let ended = counter::now();
        if let Some(step) = self.current.take() {
            let good = self.taken == self.filled
                && frames::is_answer(step.what, self.output.get(..self.written).unwrap_or_default());
            print(step.name);
            print_number(self.began.map_or(0, |began| counter::between(began, ended)));
            print(if good { "\n" } else { " wrong\n" });
        }
        let Some((step, rest)) = self.steps.split_first() else { return false };
        self.steps = rest;
        self.current = Some(step);
        self.late = step.late;
        (self.taken, self.written) = (0, 0);
        self.filled = frames::write(step.what, &mut self.input);
        self.began = None;
        true
    }

    /// Whether there is something to read, in a moment.
    fn is_ready(&mut self) -> bool {
        if self.taken == self.filled && !self.next() {
            return true;
        }
        self.began.get_or_insert_with(counter::now);
        !core::mem::take(&mut self.late)
    }

    #[inline(never)]
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = self.input.get(self.taken..self.filled).unwrap_or_default();
        let len = waiting.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), waiting.get(..len)) {
            to.copy_from_slice(from);
        }
        self.taken += len;
        len
    }

    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) {
        let room = self.output.get_mut(self.written..).unwrap_or_default();
        if let Some(room) = room.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.written += bytes.len();
    }
}

/// The half that reads.
#[derive(Debug)]
pub struct Reader;

impl ErrorType for Reader {
    type Error = Infallible;
}

impl Read for Reader {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| if WIRE.with(Wire::is_ready) { Poll::Ready(()) } else { Poll::Pending }).await;
        Ok(WIRE.with(|wire| wire.read(buffer)))
    }
}

/// The half that writes.
#[derive(Debug)]
pub struct Writer;

impl ErrorType for Writer {
    type Error = Infallible;
}

impl Write for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        WIRE.with(|wire| wire.write(bytes));
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(feature = "picoserve")]
impl picoserve::io::Write for Writer {
    async fn write_with<F: FnOnce(picoserve::mem::BorrowedCursor<'_>) -> R, R>(
        &mut self,
        fill: F,
    ) -> Result<R, Infallible> {
        Ok(WIRE.with(|wire| {
            let room = wire.output.get_mut(wire.written..).unwrap_or_default();
            let mut buffer = picoserve::mem::BorrowedBuffer::new(room);
            let filled = fill(buffer.unfilled());
            wire.written += buffer.len();
            filled
        }))
    }
}

/// Both halves.
#[derive(Debug)]
pub struct Stream;

impl ErrorType for Stream {
    type Error = Infallible;
}

impl Read for Stream {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Reader.read(buffer).await
    }
}

impl Write for Stream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Writer.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(feature = "embedded-websocket")]
impl embedded_websocket::framer::Stream<Infallible> for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        // It has no other way to wait.
        while !WIRE.with(Wire::is_ready) {}
        Ok(WIRE.with(|wire| wire.read(buffer)))
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        WIRE.with(|wire| wire.write(bytes));
        Ok(())
    }
}

/// What the one core shares with nobody.
struct Shared<T>(UnsafeCell<T>);

#[expect(unsafe_code, reason = "a variable of the whole image")]
// SAFETY: there is one core, and no interrupt is on.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        #[expect(unsafe_code, reason = "a variable of the whole image")]
        // SAFETY: nothing that runs in here comes here again.
        let value = unsafe { &mut *self.0.get() };
        f(value)
    }
}
