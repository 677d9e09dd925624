//! Faults end the program, and say where.
#![expect(unsafe_code, reason = "cortex-m-rt wants it of a handler that runs in whatever state the fault left")]

use cortex_m_rt::{ExceptionFrame, exception};

use crate::exit::{FAULT, fail};

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    fail(FAULT, || log(frame))
}

#[cfg(feature = "defmt")]
fn log(frame: &ExceptionFrame) {
    defmt::error!("hard fault: pc {=u32:#010x}, lr {=u32:#010x}", frame.pc(), frame.lr());
}

#[cfg(not(feature = "defmt"))]
fn log(_: &ExceptionFrame) {}
