//! Ends badly when it is asked to.
#![no_std]
#![no_main]

use cortex_m::asm::udf;
use embassy_executor::Spawner;
use embassy_net::Stack;

#[cortex_m_rt::entry]
fn main() -> ! {
    qemu_lm3s6965::run(|spawner, stack, _| app(spawner, stack))
}

#[embassy_executor::task]
async fn app(spawner: Spawner, stack: Stack<'static>) {
    apps::crash::run(spawner, stack, udf).await;
}
