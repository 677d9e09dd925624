//! How a program ends: its status becomes QEMU's, and its last words are logged.

#[cfg(feature = "defmt")]
use defmt_semihosting as _;

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

/// The status after a panic, as of a program on the host.
pub const PANIC: i32 = 101;

/// The status after a fault of the processor.
pub const FAULT: i32 = 102;

/// Ends QEMU with this status.
pub fn exit(status: i32) -> ! {
    semihosting::process::exit(status)
}

/// Runs `last_words`, which may log, then ends QEMU with this status.
pub fn fail(status: i32, last_words: impl FnOnce()) -> ! {
    static FAILED: AtomicBool = AtomicBool::new(false);
    // Logging may be what failed: it is tried once.
    if !FAILED.swap(true, Ordering::Relaxed) {
        last_words();
    }
    exit(status)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fail(PANIC, || log_panic(info))
}

#[cfg(feature = "defmt")]
fn log_panic(info: &PanicInfo<'_>) {
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    defmt::error!("panicked at {=str}:{=u32}: {}", file, line, defmt::Display2Format(&info.message()));
}

#[cfg(not(feature = "defmt"))]
fn log_panic(_: &PanicInfo<'_>) {}
