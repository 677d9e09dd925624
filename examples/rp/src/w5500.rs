//! WIZnet's W5500-EVB-Pico and W5500-EVB-Pico2: Ethernet by a W5500 at the SPI.

use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Stack, StackResources};
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, State};
use embassy_rp::bind_interrupts;
use embassy_rp::dma;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{Async, Config as SpiConfig, Spi};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::{ConstStaticCell, StaticCell};

use crate::chip::{self, Random, Thermometer};

/// What the W5500 takes (datasheet, section 5.5.4: 33.3 MHz are guaranteed).
const SPI_HERTZ: u32 = 33_000_000;

/// Frames that wait in memory, each way.
const QUEUE: usize = 4;

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;
type Ethernet = embassy_net_wiznet::Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

/// The board's parts.
pub struct Board {
    led: Output<'static>,
    thermometer: Thermometer,
    random: Random,
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        self.led.set_level(on.into());
    }

    fn temperature(&mut self) -> Option<i32> {
        self.thermometer.read()
    }

    fn entropy(&mut self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }
}

/// Starts the network, which takes its address from DHCP.
///
/// # Panics
///
/// When it is called again, or the W5500 does not answer.
pub async fn start(spawner: Spawner) -> (Stack<'static>, Board) {
    static STATE: ConstStaticCell<State<QUEUE, QUEUE>> = ConstStaticCell::new(State::new());
    static RESOURCES: StaticCell<StackResources<{ apps::SOCKETS }>> = StaticCell::new();

    let p = embassy_rp::init(embassy_rp::config::Config::default());
    let mut config = SpiConfig::default();
    config.frequency = SPI_HERTZ;
    let spi = Spi::new(p.SPI0, p.PIN_18, p.PIN_19, p.PIN_16, p.DMA_CH0, p.DMA_CH1, Interrupts, config);
    let Ok(bus) = ExclusiveDevice::new(spi, Output::new(p.PIN_17, Level::High), Delay);
    let (interrupt, reset) = (Input::new(p.PIN_21, Pull::Up), Output::new(p.PIN_20, Level::High));
    #[cfg(feature = "rp2040")]
    let number = chip::number(p.FLASH);
    #[cfg(feature = "rp2350")]
    let number = chip::number();
    let (device, ethernet) = embassy_net_wiznet::new(apps::mac_address(&number), STATE.take(), bus, interrupt, reset)
        .await
        .expect("a W5500 is at the SPI");
    let resources = RESOURCES.init(StackResources::new());
    let mut random = chip::random!(p);
    let seed = random.next_u64();
    let (stack, net) = embassy_net::new(device, Config::dhcpv4(DhcpConfig::default()), resources, seed);
    spawner.spawn(run_ethernet(ethernet).expect("there is one W5500"));
    spawner.spawn(run_net(net).expect("there is one network"));
    let thermometer = Thermometer::new(p.ADC, p.ADC_TEMP_SENSOR);
    (stack, Board { led: Output::new(p.PIN_25, Level::Low), thermometer, random })
}

#[embassy_executor::task]
async fn run_ethernet(ethernet: Ethernet) -> ! {
    ethernet.run().await
}

#[embassy_executor::task]
async fn run_net(mut net: embassy_net::Runner<'static, Device<'static>>) -> ! {
    net.run().await
}
