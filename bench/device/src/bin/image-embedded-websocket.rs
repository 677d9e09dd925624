//! `embedded-websocket` on the board.
#![no_std]
#![no_main]

use device_bench::board::{Stream, run};
use device_bench::echo::embedded_websocket::{BUFFERS, serve};

#[cortex_m_rt::entry]
fn main() -> ! {
    let (mut read, mut message, mut write) = ([0; BUFFERS[0]], [0; BUFFERS[1]], [0; BUFFERS[2]]);
    // It blocks: all that it keeps is on the stack.
    run(async || serve(&mut Stream, &mut read, &mut message, &mut write), BUFFERS.iter().sum(), 0)
}
