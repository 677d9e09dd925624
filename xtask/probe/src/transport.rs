//! A byte at a time through a pair of registers: where a machine has a network.

use core::ptr::{read_volatile, write_volatile};

/// Bit 0: a byte is there to be read. Bit 1: a byte can be written. Writing it hangs up.
const STATUS: *mut u32 = 0x4000_0000 as *mut u32;
/// The byte.
const DATA: *mut u32 = 0x4000_0004 as *mut u32;

const READABLE: u32 = 1;
const WRITABLE: u32 = 2;

/// The only user of the registers.
pub(crate) struct Transport(());

impl Transport {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// Whether a byte is there.
    #[cfg(feature = "wrapper")]
    pub(crate) fn is_readable() -> bool {
        status() & READABLE != 0
    }

    /// At least one byte, then as many as are there.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let mut len = 0;
        for slot in buffer {
            if len > 0 && status() & READABLE == 0 {
                break;
            }
            *slot = self.read_byte();
            len += 1;
        }
        len
    }

    #[inline(never)]
    pub(crate) fn read_byte(&mut self) -> u8 {
        while status() & READABLE == 0 {}
        #[expect(unsafe_code, reason = "a register is read")]
        // SAFETY: a register of the machine, aligned, and nobody else uses it.
        let word = unsafe { read_volatile(DATA) };
        word.to_le_bytes()[0]
    }

    #[inline(never)]
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while status() & WRITABLE == 0 {}
            set(DATA, u32::from(*byte));
        }
    }

    pub(crate) fn hang_up(&mut self) {
        set(STATUS, 0);
    }
}

fn status() -> u32 {
    #[expect(unsafe_code, reason = "a register is read")]
    // SAFETY: a register of the machine, aligned, and nobody else uses it.
    unsafe {
        read_volatile(STATUS)
    }
}

fn set(register: *mut u32, value: u32) {
    #[expect(unsafe_code, reason = "a register is written")]
    // SAFETY: a register of the machine, aligned, and nobody else uses it.
    unsafe {
        write_volatile(register, value);
    }
}
