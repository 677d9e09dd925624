//! `websocketz` on the board.
#![no_std]
#![no_main]

use device_bench::board::{Stream, run};
use device_bench::echo::websocketz::{BUFFERS, serve};

#[cortex_m_rt::entry]
fn main() -> ! {
    let (mut read, mut write, mut message) = ([0; BUFFERS[0]], [0; BUFFERS[1]], [0; BUFFERS[2]]);
    run(async || serve(Stream, &mut read, &mut write, &mut message).await, BUFFERS.iter().sum(), 0)
}
