//! Raspberry Pi's Pico W and Pico 2 W: Wi-Fi by a CYW43439, which has the LED too.

use cyw43::{A4, Aligned, Control, JoinOptions, NetDriver, SpiBus};
use cyw43_pio::{DEFAULT_CLOCK_DIVIDER, PioSpi};
use defmt::{info, warn};
use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_net::{Config, DhcpConfig, Stack, StackResources};
use embassy_rp::bind_interrupts;
use embassy_rp::dma;
use embassy_rp::gpio::{Level, Output};
use embassy_rp::peripherals::{DMA_CH0, PIO0};
use embassy_rp::pio::{InterruptHandler, Pio};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use static_cell::StaticCell;

use crate::chip::{self, Random, Thermometer};

type Radio = cyw43::Runner<'static, SpiBus<Output<'static>, PioSpi<'static, PIO0, 0>>>;

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>;
    PIO0_IRQ_0 => InterruptHandler<PIO0>;
});

/// What the LED, which hangs at the radio, is to be.
static LED: Signal<CriticalSectionRawMutex, bool> = Signal::new();

/// The board's parts.
pub struct Board {
    thermometer: Thermometer,
    random: Random,
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        LED.signal(on);
    }

    fn temperature(&mut self) -> Option<i32> {
        self.thermometer.read()
    }

    fn entropy(&mut self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }
}

/// Starts the radio and the network, which takes its address from DHCP.
///
/// # Panics
///
/// When it is called again, the radio does not answer, or it was built without its calibration or a network's name.
pub async fn start(spawner: Spawner) -> (Stack<'static>, Board) {
    static STATE: StaticCell<cyw43::State> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<{ apps::SOCKETS }>> = StaticCell::new();
    static FIRMWARE: &Aligned<A4, [u8]> = &Aligned(*cyw43_firmware::CYW43_43439A0);
    static CALIBRATION: &Aligned<A4, [u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/nvram.bin")));
    assert!(!CALIBRATION.is_empty(), "built without CYW43_NVRAM, see docs/boards.md");

    let p = embassy_rp::init(embassy_rp::config::Config::default());
    let (power, select) = (Output::new(p.PIN_23, Level::Low), Output::new(p.PIN_25, Level::High));
    let mut pio = Pio::new(p.PIO0, Interrupts);
    let dma = dma::Channel::new(p.DMA_CH0, Interrupts);
    let spi = PioSpi::new(&mut pio.common, pio.sm0, DEFAULT_CLOCK_DIVIDER, pio.irq0, select, p.PIN_24, p.PIN_29, dma);
    let (device, mut control, radio) =
        cyw43::new(STATE.init(cyw43::State::new()), power, spi, FIRMWARE, CALIBRATION).await;
    spawner.spawn(run_radio(radio).expect("there is one radio"));
    control.init(cyw43_firmware::CYW43_43439A0_CLM).await;

    let resources = RESOURCES.init(StackResources::new());
    let mut random = chip::random!(p);
    let seed = random.next_u64();
    let (stack, net) = embassy_net::new(device, Config::dhcpv4(DhcpConfig::default()), resources, seed);
    spawner.spawn(run_net(net).expect("there is one network"));
    spawner.spawn(stay_joined(control, stack).expect("there is one radio"));
    (stack, Board { thermometer: Thermometer::new(p.ADC, p.ADC_TEMP_SENSOR), random })
}

#[embassy_executor::task]
async fn run_radio(radio: Radio) -> ! {
    radio.run().await
}

#[embassy_executor::task]
async fn run_net(mut net: embassy_net::Runner<'static, NetDriver<'static>>) -> ! {
    net.run().await
}

/// Joins, joins again when the link is lost, and switches the LED.
#[embassy_executor::task]
async fn stay_joined(mut control: Control<'static>, stack: Stack<'static>) -> ! {
    let wifi = apps::wifi();
    loop {
        let options =
            if wifi.password.is_empty() { JoinOptions::new_open() } else { JoinOptions::new(wifi.password.as_bytes()) };
        match control.join(wifi.ssid, options).await {
            Ok(()) => info!("joined {}", wifi.ssid),
            Err(error) => {
                warn!("cannot join {}: {}", wifi.ssid, error);
                Timer::after(apps::Wifi::RETRY).await;
                continue;
            }
        }
        while let Either::First(on) = select(LED.wait(), stack.wait_link_down()).await {
            control.gpio_set(0, on).await;
        }
    }
}
