//! Instructions, by the time that QEMU makes them take: with `-icount shift=10` each is 1,024 ns, and a tick of
//! SysTick is 80 ns. So a count is exact. It holds for 1.3 million instructions, then the timer is around.

use core::ptr::{read_volatile, write_volatile};

const CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
const RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
const CURRENT: *mut u32 = 0xe000_e018 as *mut u32;

const ENABLE: u32 = 1;
const CORE_CLOCK: u32 = 4;
const MAX: u32 = 0x00ff_ffff;

const NANOSECONDS_A_TICK: u32 = 80;
const NANOSECONDS_AN_INSTRUCTION: u32 = 1024;

/// A moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment(u32);

/// Starts the timer.
pub fn start() {
    set(RELOAD, MAX);
    set(CURRENT, 0);
    set(CONTROL, ENABLE | CORE_CLOCK);
    while current() == 0 {}
}

/// Now.
#[inline(always)]
pub fn now() -> Moment {
    Moment(current())
}

/// How many instructions there were from one moment to another, without those of looking at the timer.
pub fn between(began: Moment, ended: Moment) -> u32 {
    let looking = instructions(now(), now());
    instructions(began, ended).saturating_sub(looking)
}

fn instructions(began: Moment, ended: Moment) -> u32 {
    // It counts down.
    let ticks = began.0.wrapping_sub(ended.0) & MAX;
    (ticks * NANOSECONDS_A_TICK + NANOSECONDS_AN_INSTRUCTION / 2) / NANOSECONDS_AN_INSTRUCTION
}

#[inline(always)]
fn current() -> u32 {
    #[expect(unsafe_code, reason = "a register is read")]
    // SAFETY: a register of the processor, aligned, and reading it changes nothing.
    unsafe {
        read_volatile(CURRENT)
    }
}

fn set(register: *mut u32, value: u32) {
    #[expect(unsafe_code, reason = "a register is written")]
    // SAFETY: a register of the processor, aligned; only `start` writes any.
    unsafe {
        write_volatile(register, value);
    }
}
