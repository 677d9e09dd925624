//! The settings of every program here.

use sockeye_embassy::Config;

/// The defaults.
#[cfg(not(feature = "short-deadlines"))]
pub(crate) const CONFIG: Config<'_> = Config::new();

/// For tests, which wait for what happens at a deadline.
#[cfg(feature = "short-deadlines")]
pub(crate) const CONFIG: Config<'_> = Config {
    handshake_timeout: embassy_time::Duration::from_secs(2),
    message_timeout: embassy_time::Duration::from_secs(3),
    ping_interval: Some(embassy_time::Duration::from_secs(1)),
    pong_timeout: embassy_time::Duration::from_secs(1),
    send_timeout: embassy_time::Duration::from_secs(2),
    close_timeout: embassy_time::Duration::from_secs(1),
    ..Config::new()
};
