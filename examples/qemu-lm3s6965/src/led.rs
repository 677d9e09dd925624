//! The board's LED, at pin 0 of GPIO port F.

pub(crate) fn init() {
    use registers::{DEN, DIR, PF0, RCGC2, RCGC2_GPIOF};
    RCGC2.write(RCGC2.read() | RCGC2_GPIOF);
    // The port has its clock three cycles later: as long as it takes to read back.
    RCGC2.read();
    DIR.write(DIR.read() | PF0);
    DEN.write(DEN.read() | PF0);
}

pub(crate) fn set(on: bool) {
    registers::DATA_PF0.write(if on { registers::PF0 } else { 0 });
}

mod registers {
    use drivers::register::Register;

    pub(super) const RCGC2: Register = at(0x400F_E108);
    pub(super) const RCGC2_GPIOF: u32 = 1 << 5;

    pub(super) const PF0: u32 = 1 << 0;
    /// The data of those pins that the address selects.
    pub(super) const DATA_PF0: Register = at(0x4002_5000 + ((PF0 as usize) << 2));
    pub(super) const DIR: Register = at(0x4002_5400);
    pub(super) const DEN: Register = at(0x4002_551C);

    const fn at(address: usize) -> Register {
        // SAFETY: the system control's or the port's, which has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the datasheet's")]
        unsafe {
            Register::new(address)
        }
    }
}
