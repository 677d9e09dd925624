//! The platform-level interrupt controller, which says what device interrupts (RISC-V PLIC specification 1.0.0).

/// Lets this source interrupt. All have one priority.
pub(crate) fn enable(source: u8) {
    let (word, bit) = (source / 32, source % 32);
    let enabled = registers::enable(word);
    registers::priority(source).write(1);
    enabled.write(enabled.read() | 1 << bit);
    registers::THRESHOLD.write(0);
}

/// The source that interrupts, if one does. It does not again until [`complete`].
pub(crate) fn claim() -> Option<u8> {
    // 0 is none. What does not fit cannot have been enabled.
    u8::try_from(registers::CLAIM.read()).ok().filter(|source| *source != 0)
}

/// A claimed source is handled, and may interrupt again.
pub(crate) fn complete(source: u8) {
    registers::CLAIM.write(source.into());
}

/// Where there is one for each context, those of context 0: the first hart, in machine mode.
mod registers {
    use crate::register::Register;

    pub(super) const THRESHOLD: Register = at(0x20_0000);
    /// Read it is a claim, written a completion.
    pub(super) const CLAIM: Register = at(0x20_0004);

    /// A source's priority, from 1. With 0 it never interrupts.
    pub(super) const fn priority(source: u8) -> Register {
        at(4 * source as usize)
    }

    /// A bit for each of 32 sources.
    pub(super) const fn enable(word: u8) -> Register {
        at(0x2000 + 4 * word as usize)
    }

    const fn at(offset: usize) -> Register {
        // SAFETY: the controller's, which has no access to memory, and in both arrays has one for any u8.
        #[expect(unsafe_code, reason = "the addresses are the machine's")]
        unsafe {
            Register::new(0x0C00_0000 + offset)
        }
    }
}
