//! Serves a page with the board's temperature and its LED.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;
use qemu_mps2::Board;

#[cortex_m_rt::entry]
fn main() -> ! {
    qemu_mps2::run(app)
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>, board: Board) {
    apps::sensor::run(spawner, stack, board).await;
}
