//! How deep a stack becomes.

use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

const PAINT: u32 = 0x5aa5_c33c;

/// No stack is looked at any deeper.
const DEEPEST: usize = 16 * 1024;

/// What lies below the stack pointer now.
pub(super) struct Stack {
    top: usize,
    bottom: usize,
}

/// Paints what lies below the stack pointer.
#[inline(always)]
pub(super) fn paint() -> Stack {
    let top: usize;
    #[expect(unsafe_code, reason = "a register is read")]
    // SAFETY: it is only read.
    unsafe {
        asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags));
    }
    let stack = Stack { top, bottom: top - DEEPEST };
    for address in (stack.bottom..stack.top).step_by(4) {
        #[expect(unsafe_code, reason = "memory that nothing has is written")]
        // SAFETY: nothing lies below the stack pointer, neither a frame nor, so close to the memory's end, a variable.
        unsafe {
            write_volatile(address as *mut u32, PAINT);
        }
    }
    stack
}

impl Stack {
    /// The bytes down to the deepest that was used.
    pub(super) fn depth(&self) -> u32 {
        let mut bottom = self.bottom;
        #[expect(unsafe_code, reason = "memory that nothing has is read")]
        // SAFETY: it was painted, and nobody changes it meanwhile.
        while bottom < self.top && unsafe { read_volatile(bottom as *const u32) } == PAINT {
            bottom += 4;
        }
        (self.top - bottom) as u32
    }
}
