//! Dials a host server, as the environment had it when this was built.
#![no_std]
#![no_main]

use apps::uplink::Settings;
use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let (stack, board) = stm32::start(spawner).await;
    apps::uplink::run(spawner, stack, board, Settings::BUILT_IN).await;
}
