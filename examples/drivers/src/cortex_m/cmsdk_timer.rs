//! The MPS2's timer 0, which is that of Arm's Cortex-M System Design Kit.

/// The clock of the processor and of the timer.
pub(super) const CLOCK_HZ: u32 = 25_000_000;

/// Timer 0.
pub(super) const INTERRUPT: u16 = 8;

pub(super) fn init() {
    stop();
    // With nothing to reload it runs once.
    registers::RELOAD.write(0);
}

/// Gives an interrupt after so many cycles, and none before.
pub(super) fn start(cycles: u32) {
    use registers::{CTRL, CTRL_ENABLE, CTRL_INTERRUPT, VALUE};
    stop();
    VALUE.write(cycles);
    CTRL.write(CTRL_ENABLE | CTRL_INTERRUPT);
}

/// Gives no interrupt.
pub(super) fn stop() {
    use registers::{CTRL, INTCLEAR};
    CTRL.write(0);
    INTCLEAR.write(1);
}

mod registers {
    use crate::register::Register;

    pub(super) const CTRL: Register = at(0x0);
    pub(super) const CTRL_ENABLE: u32 = 1 << 0;
    pub(super) const CTRL_INTERRUPT: u32 = 1 << 3;
    pub(super) const VALUE: Register = at(0x4);
    pub(super) const RELOAD: Register = at(0x8);
    pub(super) const INTCLEAR: Register = at(0xC);

    const fn at(offset: usize) -> Register {
        // SAFETY: the timer's, which has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the datasheet's")]
        unsafe {
            Register::new(0x4000_0000 + offset)
        }
    }
}
