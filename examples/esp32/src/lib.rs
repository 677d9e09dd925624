//! Espressif's boards with an ESP32-C3 or ESP32-C6: Wi-Fi, entropy, and the LED of a DevKit.
#![no_std]

#[cfg(not(any(feature = "esp32c3", feature = "esp32c6")))]
compile_error!("a feature names the chip: esp32c3 or esp32c6");

mod led;

use defmt::{info, warn};
use embassy_executor::Spawner;
use embassy_net::{Config, DhcpConfig, Runner, Stack, StackResources};
use embassy_time::Timer;
use esp_backtrace as _;
use esp_hal::clock::CpuClock;
use esp_hal::rng::Rng;
use esp_hal::timer::timg::TimerGroup;
use esp_hal::tsens::{self, TemperatureSensor};
use esp_println as _;
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{AuthenticationMethodConfig, Config as WifiConfig, ControllerConfig, Interface, WifiController};
use static_cell::ConstStaticCell;

use crate::led::Led;

esp_bootloader_esp_idf::esp_app_desc!();

/// The board's parts.
pub struct Board {
    led: Led,
    thermometer: TemperatureSensor<'static>,
    rng: Rng,
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        self.led.set(on);
    }

    fn temperature(&mut self) -> Option<i32> {
        let temperature = self.thermometer.get_temperature();
        // What the crate says of it, in thousandths: raw * 0.4386 - offset * 27.88 - 20.52.
        Some(i32::from(temperature.raw_value) * 4_386 / 10 - i32::from(temperature.offset) * 27_880 - 20_520)
    }

    /// With the radio on, it is of noise.
    fn entropy(&mut self, bytes: &mut [u8]) {
        self.rng.read(bytes);
    }
}

/// Starts the radio and the network, which takes its address from DHCP.
///
/// # Panics
///
/// When it is called again, or it was built without a network's name.
#[expect(clippy::unused_async, reason = "as on every board")]
pub async fn start(spawner: Spawner) -> (Stack<'static>, Board) {
    static RESOURCES: ConstStaticCell<StackResources<{ apps::SOCKETS }>> = ConstStaticCell::new(StackResources::new());

    let p = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    // The radio's driver takes 47 to 57 KB of it.
    esp_alloc::heap_allocator!(size: 64 * 1024);
    esp_rtos::start(TimerGroup::new(p.TIMG0).timer0, p.FROM_CPU_INTR0);

    let wifi = apps::wifi();
    let password = wifi.password.try_into().expect("WIFI_PASSWORD has at most 64 bytes");
    let method = match wifi.password {
        "" => AuthenticationMethodConfig::Open,
        _ => AuthenticationMethodConfig::Wpa2Personal(password),
    };
    let ssid = wifi.ssid.try_into().expect("WIFI_SSID has at most 32 bytes");
    let station = WifiConfig::Station(StationConfig::default().with_ssid(ssid).with_authentication(method));
    let mut controller = WifiController::new(p.WIFI, ControllerConfig::default()).expect("the radio starts");
    controller.set_config(&station).expect("the configuration is a station's");

    // With the radio on, the chip's random numbers are.
    let rng = Rng::new();
    let seed = u64::from(rng.random()) << 32 | u64::from(rng.random());
    let device = Interface::station();
    let (stack, net) = embassy_net::new(device, Config::dhcpv4(DhcpConfig::default()), RESOURCES.take(), seed);
    spawner.spawn(run_net(net).expect("there is one network"));
    spawner.spawn(stay_joined(controller).expect("there is one radio"));
    let thermometer = TemperatureSensor::new(p.TSENS, tsens::Config::default()).expect("the configuration is right");
    (stack, Board { led: Led::new(p.RMT, p.GPIO8), thermometer, rng })
}

#[embassy_executor::task]
async fn run_net(mut net: Runner<'static, Interface>) -> ! {
    net.run().await
}

/// Joins, and joins again when the link is lost.
#[embassy_executor::task]
async fn stay_joined(mut controller: WifiController<'static>) -> ! {
    let wifi = apps::wifi();
    loop {
        match controller.connect_async().await {
            Ok(_) => {
                info!("joined {}", wifi.ssid);
                // Either way it is to join again.
                let _ = controller.wait_for_disconnect_async().await;
                warn!("lost {}", wifi.ssid);
            }
            Err(error) => {
                warn!("cannot join {}: {}", wifi.ssid, error);
                Timer::after(apps::Wifi::RETRY).await;
            }
        }
    }
}
