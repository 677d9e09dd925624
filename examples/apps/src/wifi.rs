//! The network to join: from the environment at build time, never from a file that could be committed.

use embassy_time::Duration;

/// A network of Wi-Fi, and the word that it wants.
pub struct Wifi {
    /// `WIFI_SSID`.
    pub ssid: &'static str,
    /// `WIFI_PASSWORD`; empty, the network is open.
    pub password: &'static str,
}

impl Wifi {
    /// The next attempt after one that failed.
    pub const RETRY: Duration = Duration::from_secs(5);
}

/// The network that this was built for.
///
/// # Panics
///
/// When it was built for none.
pub const fn wifi() -> Wifi {
    let Some(ssid) = option_env!("WIFI_SSID") else { panic!("built without WIFI_SSID, see docs/boards.md") };
    let password = match option_env!("WIFI_PASSWORD") {
        Some(password) => password,
        None => "",
    };
    Wifi { ssid, password }
}
