//! `sockeye-embassy` on the board.
#![no_std]
#![no_main]

use device_bench::board::{Reader, Writer, run};
use device_bench::echo::sockeye::{BUFFERS, serve};

#[cortex_m_rt::entry]
fn main() -> ! {
    run(async || serve(Reader, Writer).await, BUFFERS, BUFFERS)
}
