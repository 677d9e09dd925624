//! Words to QEMU, and the end.

use core::arch::asm;
use core::panic::PanicInfo;

const WRITEC: u32 = 0x03;
const EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x2_0026;

/// The status after a panic.
const PANIC: u32 = 101;

/// Prints a text.
pub(super) fn print(text: &str) {
    for byte in text.as_bytes() {
        call(WRITEC, core::ptr::from_ref(byte) as u32);
    }
}

/// Prints a line of a name and a number.
pub fn print_line(name: &str, number: u32) {
    print(name);
    print_number(number);
    print("\n");
}

/// Prints a number, after a space.
pub(super) fn print_number(number: u32) {
    let mut digits = [b'0'; 10];
    let mut rest = number;
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
        first = at;
        if rest == 0 {
            break;
        }
    }
    print(" ");
    print(core::str::from_utf8(digits.get(first..).unwrap_or_default()).unwrap_or_default());
}

/// Ends QEMU with this status.
pub fn exit(status: u32) -> ! {
    let block = [APPLICATION_EXIT, status];
    loop {
        call(EXIT_EXTENDED, block.as_ptr() as u32);
    }
}

fn call(operation: u32, argument: u32) {
    #[expect(unsafe_code, reason = "a call of the debugger")]
    // SAFETY: QEMU reads what the argument points to, which lives, and writes nothing but the register.
    unsafe {
        asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument, options(nostack, readonly));
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(PANIC)
}
