//! The processor of QEMU's machine `virt` with 32 bits: its clock, its interrupts and its exceptions. The executor is
//! embassy's own for RISC-V, which sleeps by WFI.

pub mod clock;
pub mod exception;
pub(crate) mod plic;

use riscv::interrupt::{self, Interrupt};

/// Starts the clock and lets interrupts come. Call it once, before anything waits.
#[expect(unsafe_code, reason = "interrupts are let in here")]
pub fn start() {
    clock::start();
    // SAFETY: no critical section is open: this is called from the start code, and handlers exist for both sources.
    unsafe {
        interrupt::enable_interrupt(Interrupt::MachineTimer);
        interrupt::enable_interrupt(Interrupt::MachineExternal);
        interrupt::enable();
    }
}
