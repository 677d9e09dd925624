//! One attempt to connect after the other.

use core::net::Ipv4Addr;

use chacha20::ChaCha20Rng;
use embassy_net::dns::DnsQueryType;
use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, Stack};
use embassy_time::{Duration, Timer, with_timeout};
#[cfg(feature = "tls")]
use sockeye_embassy::Config;
use sockeye_embassy::proto::Backoff;
#[cfg(feature = "tls")]
use sockeye_embassy::tls;
use sockeye_embassy::{ConnectError, wait};

use super::Uplink;
#[cfg(feature = "tls")]
use super::clock::Clock;
use super::session::Session;
use super::settings::Target;
use crate::config::CONFIG;

/// From an address to a connection of TCP, and for a name's address.
const REACH: Duration = Duration::from_secs(10);
/// For the handshake of TLS: seconds of arithmetic on the smallest.
#[cfg(feature = "tls")]
const AGREE: Duration = Duration::from_secs(30);
/// TCP's buffers, each way.
const BUFFER: usize = 2_048;

/// Why an attempt came to nothing, when the server did not say.
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Unreached {
    /// There is no address for the host's name.
    Name,
    /// Nobody answers at the address.
    Tcp,
    #[cfg(feature = "tls")]
    Tls(tls::OpenError),
    #[cfg(feature = "tls")]
    TlsTimeout,
}

#[embassy_executor::task]
pub(super) async fn dial(
    stack: Stack<'static>,
    uplink: &'static Uplink,
    target: &'static Target,
    mut rng: ChaCha20Rng,
) -> ! {
    let mut dialler = Dialler {
        stack,
        target,
        session: Session::new(),
        #[cfg(feature = "tls")]
        clock: Clock::new(),
    };
    let mut backoff = Backoff::new();
    loop {
        stack.wait_config_up().await;
        #[cfg(feature = "defmt")]
        defmt::info!("dialling {}", target.uri.host());
        let retry_after = match dialler.attempt(uplink, &mut rng).await {
            Ok(retry_after) => retry_after,
            Err(_unreached) => {
                #[cfg(feature = "defmt")]
                defmt::warn!("no connection: {}", _unreached);
                None
            }
        };
        if core::mem::take(&mut dialler.session.was_welcome) {
            backoff = Backoff::new();
        }
        if let Some(seconds) = retry_after {
            // An hour at most: who says more is asked whether it is so.
            Timer::after_secs(seconds.min(3_600).into()).await;
        }
        wait(&mut backoff, &mut rng).await;
    }
}

struct Dialler {
    stack: Stack<'static>,
    target: &'static Target,
    session: Session,
    #[cfg(feature = "tls")]
    clock: Clock,
}

impl Dialler {
    /// A connection, to its end. The seconds that the server wants not to be asked again.
    async fn attempt(&mut self, uplink: &Uplink, rng: &mut ChaCha20Rng) -> Result<Option<u32>, Unreached> {
        let (stack, target) = (self.stack, self.target);
        #[cfg(feature = "tls")]
        if target.needs_time() {
            self.clock.set(stack, target.sntp).await;
        }
        let address = match target.address {
            Some(address) => address,
            None => resolve(stack, target.uri.host()).await.ok_or(Unreached::Name)?,
        };
        let (mut rx, mut tx) = ([0; BUFFER], [0; BUFFER]);
        let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
        socket.set_nagle_enabled(false);
        let reached = with_timeout(REACH, socket.connect((address, target.uri.port()))).await;
        if !matches!(reached, Ok(Ok(()))) {
            return Err(Unreached::Tcp);
        }
        let retry_after = self.over(&mut socket, uplink, rng).await;
        // What is still to be sent goes, or the peer is told that nothing comes.
        socket.close();
        let _ = with_timeout(CONFIG.close_timeout, socket.flush()).await;
        socket.abort();
        let _ = with_timeout(CONFIG.close_timeout, socket.flush()).await;
        retry_after
    }

    /// A session over a connection that is open, with TLS if the URL says so.
    async fn over(
        &mut self,
        socket: &mut TcpSocket<'_>,
        uplink: &Uplink,
        rng: &mut ChaCha20Rng,
    ) -> Result<Option<u32>, Unreached> {
        #[cfg(feature = "tls")]
        if self.target.uri.is_secure() {
            return self.over_tls(socket, uplink, rng).await;
        }
        let (reader, writer) = socket.split();
        Ok(retry_after(self.session.run(reader, writer, CONFIG, self.target, uplink, rng).await))
    }

    #[cfg(feature = "tls")]
    async fn over_tls(
        &mut self,
        socket: &mut TcpSocket<'_>,
        uplink: &Uplink,
        rng: &mut ChaCha20Rng,
    ) -> Result<Option<u32>, Unreached> {
        const SECURE: Config<'_> = CONFIG.over_tls();
        let (reader, writer) = socket.split();
        let (transport, mut buffers) = (tls::Transport::new(reader, writer), tls::Buffers::new());
        let trust = self.target.trust(self.clock.now());
        let opening = tls::open(&transport, &mut buffers, self.target.uri.host(), trust, rng);
        let mut secure = match with_timeout(AGREE, opening).await {
            Ok(Ok(secure)) => secure,
            Ok(Err(error)) => {
                self.clock.doubt(&error);
                return Err(Unreached::Tls(error));
            }
            Err(_) => return Err(Unreached::TlsTimeout),
        };
        let (reader, writer) = secure.split();
        Ok(retry_after(self.session.run(reader, writer, SECURE, self.target, uplink, rng).await))
    }
}

/// How a session ended; the seconds that the server wants not to be asked again.
#[cfg(feature = "defmt")]
fn retry_after<E: defmt::Format>(ended: Result<(), ConnectError<E>>) -> Option<u32> {
    match &ended {
        Ok(()) => defmt::info!("the server closed the connection"),
        Err(error) => defmt::warn!("the connection ended: {}", error),
    }
    seconds(&ended)
}

#[cfg(not(feature = "defmt"))]
fn retry_after<E>(ended: Result<(), ConnectError<E>>) -> Option<u32> {
    seconds(&ended)
}

fn seconds<E>(ended: &Result<(), ConnectError<E>>) -> Option<u32> {
    match ended {
        Err(ConnectError::Status { retry_after, .. }) => *retry_after,
        _ => None,
    }
}

/// The address of a host, by DNS if it is a name.
pub(super) async fn resolve(stack: Stack<'static>, host: &str) -> Option<Ipv4Addr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let found = with_timeout(REACH, stack.dns_query(host, DnsQueryType::A)).await.ok()?.ok()?;
    let IpAddress::Ipv4(address) = *found.first()?;
    Some(address)
}
