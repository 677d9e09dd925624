//! Serves a page with the board's temperature and its LED.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let (stack, board) = esp32::start(spawner).await;
    apps::sensor::run(spawner, stack, board).await;
}
