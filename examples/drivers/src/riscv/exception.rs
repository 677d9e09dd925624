//! Exceptions: every one is a fault, is logged and ends the program.

use riscv_rt::TrapFrame;

use crate::exit;

#[expect(unsafe_code, reason = "the start code calls this symbol")]
// SAFETY: the name and the signature are riscv-rt's, and nothing else defines it.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception(frame: &TrapFrame) -> ! {
    exit::fail(exit::FAULT, || log(frame))
}

/// Reads where there is nothing.
pub fn provoke() -> ! {
    #[expect(unsafe_code, reason = "a fault is wanted")]
    // SAFETY: nothing is read, and nothing comes after it: the exception handler does not return.
    unsafe {
        core::ptr::read_volatile(0xf000_0000 as *const u32);
    }
    unreachable!("there is memory at 0xf000_0000")
}

#[cfg(feature = "defmt")]
fn log(frame: &TrapFrame) {
    use riscv::register::{mcause, mepc, mtval};

    defmt::error!(
        "exception: mcause {=usize} mepc {=usize:#010x} mtval {=usize:#010x} ra {=usize:#010x}",
        mcause::read().code(),
        mepc::read(),
        mtval::read(),
        frame.ra
    );
}

#[cfg(not(feature = "defmt"))]
fn log(_: &TrapFrame) {}
