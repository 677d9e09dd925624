//! Dials the host server and stays connected: publishes readings into a room, and takes commands from it. While the
//! server is away the readings are kept, and follow with their age when it is back, each once.
//!
//! A reading's way: `sample` → `readings.rs` → `session.rs: publish` → the room, which sends it to all of its members,
//! the device too: that is how the device learns that it is there, and forgets it. What was said before the connection
//! was lost, and whether the device had heard of it, is in the history that the room sends to who comes back
//! (docs/rooms.md): so nothing is lost and nothing comes twice, as long as the server lives.
//!
//! A reading is a message whose text is a JSON object: `n`, which counts from 0 at each boot; `boot`, a random number;
//! `age_ms` at the time that it was sent, from which the host knows the time; `temperature_mc` in thousandths of a
//! degree Celsius, or null; `led`; and `lost`, how many of this boot's readings had to be let go before it was known
//! that the room has them, because there was no room for more here. The texts `led on` and `led off` of anybody else are
//! commands; those that were given while the device was away are not carried out.

#[cfg(feature = "tls")]
mod clock;
mod dial;
mod envelopes;
mod readings;
mod session;
mod settings;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Ticker};
use sha2::{Digest as _, Sha256};
use static_cell::StaticCell;

use self::readings::Readings;
use crate::Board;

pub use self::settings::Settings;

/// A reading is taken so often.
const INTERVAL: Duration = Duration::from_secs(1);

/// What the two tasks share.
struct Uplink {
    readings: Readings,
    /// What the LED is to be.
    led: Signal<NoopRawMutex, bool>,
    /// The number of this life of the device.
    boot: u32,
}

/// Dials as the settings say as soon as the network has an address, and takes readings for ever.
///
/// # Panics
///
/// When a setting is wrong, with its name; or when it is called again.
pub async fn run(spawner: Spawner, stack: Stack<'static>, mut board: impl Board, settings: Settings) -> ! {
    static UPLINK: StaticCell<Uplink> = StaticCell::new();
    let mut rng = generator(&mut board);
    let boot = rng.next_u32();
    let uplink = &*UPLINK.init(Uplink { readings: Readings::new(), led: Signal::new(), boot });
    let target = settings.check().unwrap_or_else(|(name, why)| panic!("{name}: {why}"));
    spawner.spawn(dial::dial(stack, uplink, target, rng).expect("there is one task that dials"));
    uplink.sample(board).await
}

/// From much of what the board has, which may not be all even: a ring oscillator's bits are not.
fn generator(board: &mut impl Board) -> ChaCha20Rng {
    let mut entropy = [0; 512];
    board.entropy(&mut entropy);
    ChaCha20Rng::from_seed(Sha256::digest(entropy).into())
}

impl Uplink {
    /// Takes readings for ever, and switches the LED.
    async fn sample(&self, mut board: impl Board) -> ! {
        let mut ticker = Ticker::every(INTERVAL);
        let mut led = false;
        loop {
            if let Either::Second(wanted) = select(ticker.next(), self.led.wait()).await {
                led = wanted;
                board.set_led(led);
                #[cfg(feature = "defmt")]
                defmt::info!("led {}", if led { "on" } else { "off" });
            }
            board.feed_watchdog();
            self.readings.take(board.temperature(), led);
        }
    }
}
