//! Where the processor finds what to call at an interrupt.

use drivers::cortex_m::clock;
use drivers::cortex_m::interrupt::{Vector, unexpected};
use drivers::ethernet::stellaris;

#[expect(unsafe_code, reason = "cortex-m-rt places what has this name and section")]
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Vector; 44] = {
    let mut vectors: [Vector; 44] = [unexpected; 44];
    vectors[clock::INTERRUPT as usize] = clock::ON_INTERRUPT;
    vectors[stellaris::INTERRUPT as usize] = stellaris::ON_INTERRUPT;
    vectors
};
