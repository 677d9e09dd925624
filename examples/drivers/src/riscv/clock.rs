//! embassy's clock: `mtime` counts from power on, `mtimecmp` is its alarm (RISC-V privileged architecture, 3.2.1).

use core::cell::Cell;
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use riscv::interrupt::Interrupt;

/// What `mtime` counts in a second: embassy-time's feature `tick-hz-10_000_000` has to be on.
pub const HZ: u64 = 10_000_000;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock { queue: Mutex::new(Cell::new(Queue::new())) });

/// Before it the alarm may be anywhere.
pub(super) fn start() {
    critical_section::with(|cs| set_alarm(u64::MAX, cs));
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn on_alarm() {
    critical_section::with(|cs| CLOCK.wake_expired(cs));
}

struct Clock {
    /// Taken out to be used and put back, so it is never found borrowed.
    queue: Mutex<Cell<Queue>>,
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        mtime()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let queue = self.queue.borrow(cs);
            let mut taken = queue.replace(Queue::new());
            let is_changed = taken.schedule_wake(at, waker);
            queue.set(taken);
            if is_changed {
                self.wake_expired(cs);
            }
        });
    }
}

impl Clock {
    /// Wakes what is due, and sets the alarm for what is next.
    fn wake_expired(&self, cs: CriticalSection<'_>) {
        let queue = self.queue.borrow(cs);
        let mut taken = queue.replace(Queue::new());
        let next = taken.next_expiration(mtime());
        queue.set(taken);
        set_alarm(next, cs);
    }
}

fn mtime() -> u64 {
    use registers::{MTIME, MTIMEH};
    loop {
        let high = MTIMEH.read();
        let low = MTIME.read();
        // Otherwise the low half ran over meanwhile.
        if MTIMEH.read() == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// The interrupt is on as long as `mtime` is at least `at`: one for the past comes at once, none is missed.
fn set_alarm(at: u64, _: CriticalSection<'_>) {
    use registers::{MTIMECMP, MTIMECMPH};
    // In this order there is no time on the way that is earlier than both the old and the new one.
    MTIMECMPH.write(u32::MAX);
    MTIMECMP.write(at as u32);
    MTIMECMPH.write((at >> 32) as u32);
}

mod registers {
    use crate::register::Register;

    pub(super) const MTIMECMP: Register = at(0x4000);
    pub(super) const MTIMECMPH: Register = at(0x4004);
    pub(super) const MTIME: Register = at(0xBFF8);
    pub(super) const MTIMEH: Register = at(0xBFFC);

    const fn at(offset: usize) -> Register {
        // SAFETY: the core-local interruptor's, which has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the machine's")]
        unsafe {
            Register::new(0x0200_0000 + offset)
        }
    }
}
