//! Sends back every message.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;

#[riscv_rt::entry]
fn main() -> ! {
    qemu_virt_riscv32::run(|spawner, stack, _| app(spawner, stack))
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>) {
    apps::echo::run(spawner, stack).await;
}
