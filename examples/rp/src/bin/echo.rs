//! Sends back every message.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let (stack, _) = rp::start(spawner).await;
    apps::echo::run(spawner, stack).await;
}
