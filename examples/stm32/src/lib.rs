//! ST's NUCLEO boards with Ethernet: their clocks, their pins, their network, their entropy.
#![no_std]

#[cfg(not(any(feature = "nucleo-f429zi", feature = "nucleo-h563zi")))]
compile_error!("a feature names the board: nucleo-f429zi or nucleo-h563zi");

mod clocks;

use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use embassy_stm32::eth::{Ethernet, GenericPhy, InterruptHandler, PacketQueue, Sma};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::{bind_interrupts, uid};
use panic_probe as _;
use static_cell::{ConstStaticCell, StaticCell};

/// Frames that the Ethernet may hold, each way.
const QUEUE: usize = 4;

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;

#[cfg(feature = "nucleo-f429zi")]
bind_interrupts!(struct Interrupts {
    ETH => InterruptHandler;
    HASH_RNG => rng::InterruptHandler<RNG>;
});

#[cfg(feature = "nucleo-h563zi")]
bind_interrupts!(struct Interrupts {
    ETH => InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
});

/// The board's parts.
pub struct Board {
    led: Output<'static>,
    rng: Rng<'static, RNG>,
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        self.led.set_level(on.into());
    }

    fn temperature(&mut self) -> Option<i32> {
        None
    }

    fn entropy(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }
}

/// Starts the network, which takes its address from DHCP.
///
/// # Panics
///
/// When it is called again.
#[expect(clippy::unused_async, reason = "as on every board")]
pub async fn start(spawner: Spawner) -> (Stack<'static>, Board) {
    static QUEUES: StaticCell<PacketQueue<QUEUE, QUEUE>> = StaticCell::new();
    static RESOURCES: ConstStaticCell<StackResources<{ apps::SOCKETS }>> = ConstStaticCell::new(StackResources::new());

    let p = embassy_stm32::init(clocks::config());
    let mut rng = Rng::new(p.RNG, Interrupts);
    let seed = rng.next_u64();
    #[cfg(feature = "nucleo-f429zi")]
    let data_1 = p.PB13;
    #[cfg(feature = "nucleo-h563zi")]
    let data_1 = p.PB15;
    let device = Ethernet::new(
        QUEUES.init(PacketQueue::new()),
        p.ETH,
        Interrupts,
        p.PA1,
        p.PA7,
        p.PC4,
        p.PC5,
        p.PG13,
        data_1,
        p.PG11,
        apps::mac_address(&uid::uid()),
        p.ETH_SMA,
        p.PA2,
        p.PC1,
    );
    let (stack, net) = embassy_net::new(device, Config::dhcpv4(DhcpConfig::default()), RESOURCES.take(), seed);
    spawner.spawn(run_net(net).expect("there is one network"));
    (stack, Board { led: Output::new(p.PB0, Level::Low, Speed::Low), rng })
}

#[embassy_executor::task]
async fn run_net(mut net: Runner<'static, Device>) -> ! {
    net.run().await
}
