//! A clock in a register, and an alarm that nobody waits for.

use core::ptr::read_volatile;
use core::task::Waker;

use embassy_time_driver::Driver;

const TICKS: *mut u32 = 0x4000_0008 as *mut u32;

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

impl Driver for Clock {
    fn now(&self) -> u64 {
        #[expect(unsafe_code, reason = "a register is read")]
        // SAFETY: a register of the machine, aligned, and nobody else uses it.
        let ticks = unsafe { read_volatile(TICKS) };
        ticks.into()
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {}
}
