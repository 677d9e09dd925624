//! `picoserve` on the board.
#![no_std]
#![no_main]

use device_bench::board::{Reader, Writer, run};
use device_bench::echo::picoserve::{BUFFERS, serve};

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut http = [0; BUFFERS[0]];
    let [head, message] = BUFFERS;
    run(async || serve(Reader, Writer, &mut http, || [0; BUFFERS[1]]).await, head + message, message)
}
