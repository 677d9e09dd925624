//! Device programs, each written once: a board is pins and a network, then `apps::...::run`.
#![no_std]
#![forbid(unsafe_code)]

mod board;
mod config;
pub mod crash;
pub mod echo;
mod mac_address;
pub mod sensor;
#[cfg(feature = "uplink")]
pub mod uplink;
mod wifi;

use embassy_executor::Spawner;
use embassy_net::Stack;
use sockeye_embassy::{Place, Pool, Spare};
use static_cell::ConstStaticCell;

use crate::config::CONFIG;

pub use board::Board;
pub use mac_address::mac_address;
pub use wifi::{Wifi, wifi};

/// How many clients a device serves at a time.
const CLIENTS: usize = 4;

/// The sockets that an embassy-net stack needs for any program here: one a client, the one that says 503, DHCP's, and
/// where there is a resolver its own.
pub const SOCKETS: usize = CLIENTS + 2 + cfg!(feature = "uplink") as usize;

/// The port of every program here.
const PORT: u16 = 80;

/// Waits for an address and tells it, makes the sockets, and has the spare one served.
async fn listen(spawner: Spawner, stack: Stack<'static>) -> [Place<'static>; CLIENTS] {
    /// TCP's buffers: 2 KiB to receive and 2 KiB to send a client.
    static POOL: ConstStaticCell<Pool<CLIENTS, 2048, 2048>> = ConstStaticCell::new(Pool::new());
    stack.wait_config_up().await;
    let (places, spare) = POOL.take().listen(stack, PORT);
    spawner.spawn(turn_away(spare).expect("there is one spare listener"));
    #[cfg(feature = "defmt")]
    if let Some(config) = stack.config_v4() {
        defmt::info!("listening on http://{}:{}/", config.address.address(), PORT);
    }
    places
}

#[embassy_executor::task]
async fn turn_away(spare: Spare<'static>) {
    spare.turn_away(&CONFIG).await;
}
