//! Serves a page with the board's temperature and its LED.
#![no_std]
#![no_main]

use embassy_executor::Spawner;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let (stack, board) = rp::start(spawner).await;
    apps::sensor::run(spawner, stack, board).await;
}
