//! The LM3S6965's general-purpose timer module 0: here a timer that runs once. QEMU cannot read its count.

/// The processor's clock after reset, which the timer counts.
pub(super) const CLOCK_HZ: u32 = 12_500_000;

/// Timer 0A.
pub(super) const INTERRUPT: u16 = 19;

pub(super) fn init() {
    use registers::{CFG, CFG_32_BIT, IMR, RCGC1, RCGC1_TIMER0, TAMR, TAMR_ONE_SHOT, TATO};
    RCGC1.write(RCGC1.read() | RCGC1_TIMER0);
    // The timer has its clock three cycles later: as long as it takes to read back.
    RCGC1.read();
    stop();
    CFG.write(CFG_32_BIT);
    TAMR.write(TAMR_ONE_SHOT);
    IMR.write(TATO);
}

/// Gives an interrupt after so many cycles, and none before.
pub(super) fn start(cycles: u32) {
    use registers::{CTL, CTL_TAEN, TAILR};
    stop();
    TAILR.write(cycles);
    CTL.write(CTL_TAEN);
}

/// Gives no interrupt.
pub(super) fn stop() {
    use registers::{CTL, ICR, TATO};
    CTL.write(0);
    ICR.write(TATO);
}

mod registers {
    use crate::register::Register;

    pub(super) const RCGC1: Register = at(0x400F_E104);
    pub(super) const RCGC1_TIMER0: u32 = 1 << 16;

    pub(super) const CFG: Register = at(0x4003_0000);
    pub(super) const CFG_32_BIT: u32 = 0;
    pub(super) const TAMR: Register = at(0x4003_0004);
    pub(super) const TAMR_ONE_SHOT: u32 = 1;
    pub(super) const CTL: Register = at(0x4003_000C);
    pub(super) const CTL_TAEN: u32 = 1;
    pub(super) const IMR: Register = at(0x4003_0018);
    pub(super) const ICR: Register = at(0x4003_0024);
    pub(super) const TAILR: Register = at(0x4003_0028);
    /// Time-out of timer A, in IMR and ICR.
    pub(super) const TATO: u32 = 1;

    const fn at(address: usize) -> Register {
        // SAFETY: the system control's or the timer's, and the timer has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the datasheet's")]
        unsafe {
            Register::new(address)
        }
    }
}
