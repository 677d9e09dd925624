//! Sends back every message.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let (stack, _) = esp32::start(spawner).await;
    apps::echo::run(spawner, stack).await;
}
