//! The time of day, by SNTP (RFC 5905 section 14): an authority's certificates need it.

use core::net::{IpAddr, SocketAddr};

use embassy_net::Stack;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_time::{Duration, Instant, with_timeout};
use sntpc::{NtpContext, NtpTimestampGenerator, get_time};
use sntpc_net_embassy::UdpSocketWrapper;
use sockeye_embassy::tls::{OpenError, Untrusted};

use super::dial::resolve;

const ANSWER: Duration = Duration::from_secs(5);
const PORT: u16 = 123;
/// When this was built, in seconds since 1970: it is later now.
const BUILT: u64 = {
    let Ok(built) = u64::from_str_radix(env!("BUILT"), 10) else { panic!("BUILT is a number") };
    built
};

/// Runs by `embassy_time` once it was set.
pub(super) struct Clock {
    /// When `Instant` was 0, in seconds since 1970.
    start: Option<u64>,
}

impl Clock {
    pub(super) const fn new() -> Self {
        Clock { start: None }
    }

    /// Seconds since 1970, if they are known.
    pub(super) fn now(&self) -> Option<u64> {
        Some(self.start? + Instant::now().as_secs())
    }

    /// Asks a server, unless it is set. Nobody signs the answer: it is believed as far as it is not from before this
    /// was built, so that a certificate whose key was stolen and that has expired by then stays expired.
    pub(super) async fn set(&mut self, stack: Stack<'static>, server: &str) {
        if self.start.is_some() {
            return;
        }
        match ask(stack, server).await {
            Some(now) if now >= BUILT => self.start = Some(now - Instant::now().as_secs()),
            Some(_now) => {
                #[cfg(feature = "defmt")]
                defmt::warn!("{} says a time from before this was built: {}", server, _now);
            }
            None => {
                #[cfg(feature = "defmt")]
                defmt::warn!("{} does not tell the time", server);
            }
        }
    }

    /// A certificate that is not good now may be so because the time is wrong: it is asked for again.
    pub(super) fn doubt(&mut self, error: &OpenError) {
        if matches!(error, OpenError::Untrusted(Untrusted::Expired | Untrusted::NotYetValid)) {
            self.start = None;
        }
    }
}

async fn ask(stack: Stack<'static>, server: &str) -> Option<u64> {
    let (host, port) = match server.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (server, PORT),
    };
    let address = SocketAddr::new(IpAddr::V4(resolve(stack, host).await?), port);
    let (mut rx_metadata, mut tx_metadata) = ([PacketMetadata::EMPTY; 2], [PacketMetadata::EMPTY; 2]);
    let (mut rx, mut tx) = ([0; 128], [0; 128]);
    let mut socket = UdpSocket::new(stack, &mut rx_metadata, &mut rx, &mut tx_metadata, &mut tx);
    // Any port that is free.
    socket.bind(0).ok()?;
    let socket = UdpSocketWrapper::from(socket);
    let answer = with_timeout(ANSWER, get_time(address, &socket, NtpContext::new(Uptime(Instant::MIN)))).await;
    answer.ok()?.ok().map(|time| time.sec())
}

/// What the device tells of its own time: since it was started.
#[derive(Clone, Copy)]
struct Uptime(Instant);

impl NtpTimestampGenerator for Uptime {
    fn init(&mut self) {
        self.0 = Instant::now();
    }

    fn timestamp_sec(&self) -> u64 {
        self.0.as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        // Below a million.
        u32::try_from(self.0.as_micros() % 1_000_000).unwrap_or_default()
    }
}
