//! embassy's clock: SysTick counts, and a timer of the machine wakes.
//!
//! SysTick runs freely. It gives an interrupt once a period, which is as long as its 24 bits allow: one every
//! millisecond would lose time in QEMU.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, TICK_HZ};
use embassy_time_queue_utils::Queue;

use super::alarm;
use super::interrupt::{self, Vector};

/// How long SysTick counts, in the processor's cycles: a whole number of microseconds on both machines.
const PERIOD: u32 = 12_500_000;

const PERIOD_MICROS: u64 = PERIOD as u64 * TICK_HZ / alarm::CLOCK_HZ as u64;

/// 12.5 or 25 cycles are a microsecond.
const CYCLES_IN_2_MICROS: u32 = alarm::CLOCK_HZ / 500_000;

/// The longest alarm, in microseconds: so many cycles fit in 32 bits. After it the queue is looked at again.
const LONGEST_ALARM: u64 = 60_000_000;

const _: () = {
    assert!(TICK_HZ == 1_000_000);
    assert!(PERIOD < 1 << 24);
    assert!(LONGEST_ALARM * (CYCLES_IN_2_MICROS as u64) < u32::MAX as u64);
};

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    started: AtomicBool::new(false),
    periods: Mutex::new(Cell::new(0)),
    queue: Mutex::new(Cell::new(Queue::new())),
});

/// Starts the clock at 0.
pub fn start(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(PERIOD - 1);
    systick.clear_current();
    systick.enable_counter();
    // Going from 0 to the first period is no end of one.
    while SYST::get_current() == 0 {}
    systick.enable_interrupt();
    alarm::init();
    interrupt::enable(INTERRUPT);
    CLOCK.started.store(true, Ordering::Relaxed);
}

/// The alarm's place in the vector table.
pub const INTERRUPT: u16 = alarm::INTERRUPT;

/// What belongs there.
pub const ON_INTERRUPT: Vector = on_interrupt;

extern "C" fn on_interrupt() {
    critical_section::with(|cs| CLOCK.set_alarm(cs));
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| {
        let periods = CLOCK.periods.borrow(cs);
        periods.set(periods.get() + 1);
        // While the counter is still at 0, it looks like the end of the period that begins.
        while SYST::get_current() == 0 {}
    });
}

struct Clock {
    started: AtomicBool,
    /// The whole periods that have passed.
    periods: Mutex<Cell<u64>>,
    /// Taken out to be used and put back, so it is never found borrowed.
    queue: Mutex<Cell<Queue>>,
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.micros(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let queue = self.queue.borrow(cs);
            let mut taken = queue.replace(Queue::new());
            let is_changed = taken.schedule_wake(at, waker);
            queue.set(taken);
            if is_changed {
                self.set_alarm(cs);
            }
        });
    }
}

impl Clock {
    /// The time since the start. SysTick's interrupt may be pending, since this is a critical section.
    fn micros(&self, cs: CriticalSection<'_>) -> u64 {
        if !self.started.load(Ordering::Relaxed) {
            return 0;
        }
        let periods = self.periods.borrow(cs).get();
        loop {
            let is_pending = SCB::is_pendst_pending();
            let left = SYST::get_current();
            if left == 0 {
                // The period is over, and QEMU may be late to say so.
                return (periods + 1) * PERIOD_MICROS;
            }
            // If a period ended meanwhile, it is not known whether before or after the counter was read.
            if SCB::is_pendst_pending() == is_pending {
                let micros = (PERIOD - left) * 2 / CYCLES_IN_2_MICROS;
                return (periods + u64::from(is_pending)) * PERIOD_MICROS + u64::from(micros);
            }
        }
    }

    /// Wakes what is due, and sets the alarm for what is next.
    fn set_alarm(&self, cs: CriticalSection<'_>) {
        let queue = self.queue.borrow(cs);
        let mut taken = queue.replace(Queue::new());
        let now = self.micros(cs);
        let next = taken.next_expiration(now);
        queue.set(taken);
        if next == u64::MAX {
            alarm::stop();
        } else {
            let micros = next.saturating_sub(now).min(LONGEST_ALARM) as u32;
            // Rounded up: an alarm that came early would have to be set again.
            alarm::start(micros * CYCLES_IN_2_MICROS / 2 + 1);
        }
    }
}
