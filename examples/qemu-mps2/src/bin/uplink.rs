//! Dials a host server, as QEMU's command line says.
#![no_std]
#![no_main]

use apps::uplink::Settings;
use embassy_executor::Spawner;
use embassy_net::Stack;
use qemu_mps2::Board;

#[cortex_m_rt::entry]
fn main() -> ! {
    qemu_mps2::run(app)
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>, board: Board) {
    apps::uplink::run(spawner, stack, board, Settings::from_line(drivers::host::command_line())).await;
}
