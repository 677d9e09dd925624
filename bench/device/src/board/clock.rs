//! A clock that stands still: it is asked as any clock is, and no deadline comes.

use core::ptr::read_volatile;
use core::task::Waker;

use embassy_time_driver::Driver;

struct Clock {
    ticks: u64,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock { ticks: 1 });

impl Driver for Clock {
    #[inline(never)]
    fn now(&self) -> u64 {
        #[expect(unsafe_code, reason = "else the compiler knows what time it is")]
        // SAFETY: a reference, which is as good as any pointer.
        unsafe {
            read_volatile(&raw const self.ticks)
        }
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {}
}
