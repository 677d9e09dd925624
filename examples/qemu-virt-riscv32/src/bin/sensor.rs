//! Serves a page with the board's LED.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;
use qemu_virt_riscv32::Board;

#[riscv_rt::entry]
fn main() -> ! {
    qemu_virt_riscv32::run(app)
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>, board: Board) {
    apps::sensor::run(spawner, stack, board).await;
}
