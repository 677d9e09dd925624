//! QEMU's RISC-V machine `virt` with 32 bits and 16 MiB of RAM, and a network card.
#![no_std]

mod board;

use drivers::ethernet::virtio::{Buffers, Virtio};
use drivers::riscv::clock;
use embassy_executor::{Executor, SpawnError, SpawnToken, Spawner};
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use riscv::register::mcycle;
use static_cell::{ConstStaticCell, StaticCell};

pub use board::Board;

const _: () = assert!(embassy_time::TICK_HZ == clock::HZ);

/// Starts the clock and the network, and runs what `main` gives beside it.
///
/// # Panics
///
/// When it is called again, there is no network card, or there is no room for the task.
pub fn run<S>(main: impl FnOnce(Spawner, Stack<'static>, Board) -> Result<SpawnToken<S>, SpawnError>) -> ! {
    static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
    static RESOURCES: ConstStaticCell<StackResources<{ apps::SOCKETS }>> = ConstStaticCell::new(StackResources::new());
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();

    drivers::riscv::start();
    let Some(driver) = Virtio::find(BUFFERS.take()) else { panic!("there is no virtio network card") };
    let config = Config::dhcpv4(DhcpConfig::default());
    // The machine has no entropy, but this counter is the host's.
    let seed = mcycle::read64();
    let (stack, runner) = embassy_net::new(driver, config, RESOURCES.take(), seed);
    EXECUTOR.init(Executor::new()).run(|spawner| {
        spawner.spawn(net(runner).expect("there is room for one network"));
        spawner.spawn(main(spawner, stack, Board::new()).expect("there is room for the task"));
    })
}

#[embassy_executor::task]
async fn net(mut runner: Runner<'static, Virtio>) -> ! {
    runner.run().await
}
