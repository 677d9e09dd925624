//! What QEMU's host tells, and no board has.

use core::mem::MaybeUninit;

use semihosting::sys::arm_compat::{sys_elapsed, sys_get_cmdline_uninit, sys_time};
use static_cell::ConstStaticCell;

/// The words that QEMU was started with for the program (`-semihosting-config arg=WORD`), with a space between them.
///
/// # Panics
///
/// When it is called again.
pub fn command_line() -> &'static str {
    static LINE: ConstStaticCell<[MaybeUninit<u8>; 4096]> = ConstStaticCell::new([MaybeUninit::uninit(); 4096]);
    let line = sys_get_cmdline_uninit(LINE.take());
    line.ok().and_then(|line| core::str::from_utf8(line).ok()).unwrap_or_default()
}

/// Bytes that differ from one start to the next: the host's time, to nanoseconds. Who knows when the machine was
/// started can guess them, which is why this is for an emulator only.
pub fn entropy(bytes: &mut [u8]) {
    let started = sys_time().unwrap_or_default().to_le_bytes();
    for (at, chunk) in bytes.chunks_mut(8).enumerate() {
        let now = sys_elapsed().unwrap_or_default().to_le_bytes();
        let source = if at == 0 { &started[..] } else { &now };
        chunk.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
    }
}
