//! Interrupts by their number.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// What the processor calls at an interrupt.
pub type Vector = extern "C" fn();

/// Lets an interrupt through.
pub fn enable(number: u16) {
    // SAFETY: no critical section here relies on a single interrupt being masked.
    #[expect(unsafe_code, reason = "a mask could be what a critical section relies on")]
    unsafe {
        NVIC::unmask(Number(number));
    }
}

/// For the interrupts that nothing enables.
pub extern "C" fn unexpected() {
    panic!("an interrupt that nothing enabled");
}

#[derive(Clone, Copy)]
struct Number(u16);

// SAFETY: the numbers that drivers give are constants from the datasheet.
#[expect(unsafe_code, reason = "a number that is too high would end in another register")]
unsafe impl InterruptNumber for Number {
    fn number(self) -> u16 {
        self.0
    }
}
