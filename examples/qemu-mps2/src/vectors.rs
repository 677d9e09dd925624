//! Where the processor finds what to call at an interrupt.

use drivers::cortex_m::clock;
use drivers::cortex_m::interrupt::{Vector, unexpected};
use drivers::ethernet::lan9118;

#[expect(unsafe_code, reason = "cortex-m-rt places what has this name and section")]
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Vector; 32] = {
    let mut vectors: [Vector; 32] = [unexpected; 32];
    vectors[clock::INTERRUPT as usize] = clock::ON_INTERRUPT;
    vectors[lan9118::INTERRUPT as usize] = lan9118::ON_INTERRUPT;
    vectors
};
