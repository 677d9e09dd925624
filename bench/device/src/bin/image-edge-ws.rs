//! `edge-ws` on the board.
#![no_std]
#![no_main]

use device_bench::board::{Stream, run};
use device_bench::echo::edge_ws::{BUFFERS, serve};

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut buffer = [0; BUFFERS];
    run(async || serve(Stream, &mut buffer).await, BUFFERS, 0)
}
