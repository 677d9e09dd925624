//! From reset to `main`, and the panic handler that must not be linked.
#![expect(
    unsafe_code,
    reason = "start code, a symbol of its own for it, and the declaration of what must not be linked"
)]

use core::panic::PanicInfo;

use crate::transport::Transport;

#[cfg(target_arch = "arm")]
core::arch::global_asm!(
    ".section .vectors, \"ax\"",
    ".word _stack_top",
    ".word _start",
    ".global _start",
    ".type _start, %function",
    ".thumb_func",
    "_start: b probe_main",
);

#[cfg(target_arch = "riscv32")]
core::arch::global_asm!(".section .vectors, \"ax\"", ".global _start", "_start: la sp, _stack_top", "j probe_main",);

// SAFETY: the only symbol of this name; the start code above jumps to it.
#[unsafe(no_mangle)]
extern "C" fn probe_main() -> ! {
    let transport = Transport::new();
    #[cfg(feature = "can-panic")]
    let mut transport = transport;
    #[cfg(feature = "can-panic")]
    core::hint::black_box([0; 2][usize::from(transport.read_byte())]);
    crate::main(transport)
}

#[cfg(not(feature = "wrapper"))]
// SAFETY: nothing defines it, so that no image that could call it links.
unsafe extern "C" {
    safe fn sockeye_must_not_panic() -> !;
}

#[cfg(not(feature = "wrapper"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    sockeye_must_not_panic()
}

#[cfg(feature = "wrapper")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[expect(clippy::empty_loop, reason = "nothing is left to do")]
    loop {}
}
