//! Dials a host server, as QEMU's command line says.
#![no_std]
#![no_main]

use apps::uplink::Settings;
use embassy_executor::Spawner;
use embassy_net::Stack;
use qemu_mps2::Board;
use static_cell::StaticCell;

#[cortex_m_rt::entry]
fn main() -> ! {
    qemu_mps2::run(app)
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>, board: Board) {
    static SETTINGS: StaticCell<Settings> = StaticCell::new();
    let settings = SETTINGS.init(Settings::from_line(drivers::host::command_line()));
    apps::uplink::run(spawner, stack, board, settings).await;
}
