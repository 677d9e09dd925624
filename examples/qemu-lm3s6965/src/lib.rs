//! QEMU's lm3s6965evb: a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM.
#![no_std]

mod adc;
mod board;
mod led;
mod vectors;

use cortex_m::Peripherals;
use drivers::cortex_m::{clock, executor};
use drivers::ethernet::stellaris::{Buffers, Stellaris};
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use static_cell::ConstStaticCell;

pub use board::Board;

/// The machine has no entropy: ports and sequence numbers begin alike each time.
const SEED: u64 = 0x5eed;

/// Starts the clock and the network, and runs what `main` gives beside it.
///
/// # Panics
///
/// When it is called again, or there is no room for the task.
pub fn run<S>(main: impl FnOnce(Spawner, Stack<'static>, Board) -> Result<SpawnToken<S>, SpawnError>) -> ! {
    static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
    static RESOURCES: ConstStaticCell<StackResources<{ apps::SOCKETS }>> = ConstStaticCell::new(StackResources::new());

    clock::start(Peripherals::take().expect("the machine is started once").SYST);
    let driver = Stellaris::new(BUFFERS.take());
    let config = Config::dhcpv4(DhcpConfig::default());
    let (stack, runner) = embassy_net::new(driver, config, RESOURCES.take(), SEED);
    executor::run(|spawner| {
        spawner.spawn(net(runner).expect("there is room for one network"));
        spawner.spawn(main(spawner, stack, Board::new()).expect("there is room for the task"));
    })
}

#[embassy_executor::task]
async fn net(mut runner: Runner<'static, Stellaris>) -> ! {
    runner.run().await
}
