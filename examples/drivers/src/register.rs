//! Device registers.

/// A device's register of 32 bits, by its address.
#[derive(Debug, Clone, Copy)]
pub struct Register(usize);

#[expect(unsafe_code, reason = "a register is an address that only the datasheet knows")]
impl Register {
    /// # Safety
    ///
    /// At this address, which is a multiple of four, the machine has a register, and reading or writing it changes no
    /// memory.
    pub const unsafe fn new(address: usize) -> Self {
        Register(address)
    }

    /// Reads it, which may do something in the device.
    pub fn read(self) -> u32 {
        // SAFETY: who called `new` said that it is a register.
        unsafe { (self.0 as *const u32).read_volatile() }
    }

    /// Writes it.
    pub fn write(self, value: u32) {
        // SAFETY: who called `new` said that it is a register.
        unsafe { (self.0 as *mut u32).write_volatile(value) }
    }
}
