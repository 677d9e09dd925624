//! `sockeye serve`: listens, and serves until it is told to end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use sockeye_tokio::proto::{CloseCode, Limits};
use sockeye_tokio::{AcceptError, Config, Error, Incoming};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::auth::{Auth, Grant};
use crate::door::{Door, Pass};
use crate::metrics::{METRICS, observe_ping};
use crate::rooms::Rooms;
use crate::route::{self, Caller, Failure, Farewell, Refusal, Service};
use crate::settings::{self, Loaded, Mistakes, Settings};
use crate::{descriptors, journal, log, ops};

/// How to serve.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A file of settings. Its keys are the flags below: `[limit] connections` is --limit-connections, and
    /// SOCKEYE_LIMIT_CONNECTIONS in the environment. The environment is stronger than the file, a flag than both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the settings in force as a file, with where each comes from, and end.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    settings: Settings,
}

/// When there is no room: come back after so many seconds.
pub(crate) const RETRY_AFTER: u32 = 5;
/// Newcomers that are told so at the same time; more than these are hung up on.
const TURNED_AWAY: usize = 32;

/// What all connections share.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) config: Arc<Config>,
    pub(crate) auth: Auth,
    pub(crate) rooms: Rooms,
    door: Arc<Door>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Server {
    /// Whether connections are being closed, and nobody new is let in.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// What a message to a room may be.
    pub(crate) fn room_limits(&self) -> Limits {
        Limits::message(self.settings.limit_message.get() as u64)
    }

    /// What serves a connection, until the server goes down or the right to be here ends.
    pub(crate) async fn until_its_time(
        &self,
        grant: &Grant,
        served: impl Future<Output = Result<Option<Farewell>, Error>>,
    ) -> Result<Option<Farewell>, Error> {
        tokio::select! {
            // First the end: a peer that floods would keep it from its turn.
            biased;
            () = self.shut_down() => Ok(Some(GOING_AWAY)),
            () = expired(grant) => Ok(Some(EXPIRED)),
            served = served => served,
        }
    }

    /// Ready when it is this connection's turn to be closed.
    async fn shut_down(&self) {
        self.shutdown.cancelled().await;
        let spread = self.settings.drain_spread;
        if !spread.is_zero() {
            // Boxed: a connection is not to keep room for a timer that it seldom needs.
            Box::pin(sleep(spread.mul_f64(rand::random()))).await;
        }
    }
}

const GOING_AWAY: Farewell =
    Farewell { code: CloseCode::GOING_AWAY, reason: "the server goes down", counted: "shutdown" };
const EXPIRED: Farewell = Farewell { code: CloseCode::POLICY, reason: "the token has expired", counted: "expired" };

async fn expired(grant: &Grant) {
    match grant.time_left() {
        Some(left) => Box::pin(sleep(left)).await,
        None => std::future::pending().await,
    }
}

pub(crate) async fn run(args: Args, line: &ArgMatches) -> ExitCode {
    let loaded = match settings::load(args.config.as_deref(), line) {
        Ok(loaded) => loaded,
        Err(mistakes) => return wrong(&mistakes),
    };
    if args.print_config {
        print!("{}", loaded.to_toml());
        return ExitCode::SUCCESS;
    }
    match start(loaded).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sockeye: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Every mistake in a file: `sockeye check-config FILE`.
pub(crate) fn check_config(file: &std::path::Path) -> ExitCode {
    match settings::check(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistakes) => wrong(&mistakes),
    }
}

fn wrong(Mistakes(mistakes): &Mistakes) -> ExitCode {
    mistakes.iter().for_each(|mistake| eprintln!("sockeye: {mistake}"));
    ExitCode::from(2)
}

async fn start(Loaded { settings, tokens, .. }: Loaded) -> Result<(), String> {
    log::init(settings.log_level, settings.log_format);
    let auth = Auth::new(tokens, &settings.jwt_key)?;
    let listener = listen(settings.listen, "--listen").await?;
    let ops = match settings.ops_listen.0 {
        Some(address) => Some(listen(address, "--ops-listen").await?),
        None => None,
    };
    let mut interrupt = Interrupt::listen().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let most = descriptors::raise();
    let connections = if settings.limit_connections == 0 { most } else { settings.limit_connections.min(most) };

    let address = listener.local_addr().unwrap_or(settings.listen);
    print!("sockeye listens on http://{address}/ and takes {connections} connections");
    if let Some(ops) = ops.as_ref().and_then(|ops| ops.local_addr().ok()) {
        print!(", its operator is at http://{ops}/metrics");
    }
    println!("; Ctrl-C ends it");

    let door = Door::new(
        connections,
        settings.limit_connections_per_address,
        settings.limit_handshakes,
        settings.proxy.clone(),
    );
    let server = Arc::new(Server {
        config: Arc::new(Config { on_round_trip: Some(observe_ping), ..settings.config() }),
        rooms: Rooms::new(&settings),
        auth,
        settings,
        door,
        tasks: TaskTracker::new(),
        shutdown: CancellationToken::new(),
    });
    if let Some(ops) = ops {
        tokio::spawn(ops::run(ops, server.clone()));
    }
    tokio::select! {
        never = accept(&listener, &server) => match never {},
        () = interrupt.recv() => {}
    }
    drain(&listener, &server, &mut interrupt).await;
    Ok(())
}

/// Closes every connection, while newcomers are told to come back later.
async fn drain(listener: &TcpListener, server: &Arc<Server>, interrupt: &mut Interrupt) {
    info!("closing {} connections", server.tasks.len());
    server.shutdown.cancel();
    server.tasks.close();
    tokio::select! {
        never = accept(listener, server) => match never {},
        waited = timeout(server.settings.drain_deadline, server.tasks.wait()) => if waited.is_err() {
            warn!("{} connections did not close in time", server.tasks.len());
        },
        () = interrupt.recv() => warn!("{} connections are left", server.tasks.len()),
    }
}

async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken; end what listens there, or choose another port with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{address} needs privileges; choose a port above 1023 with {flag}")
        }
        io::ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; see {flag}"),
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// Ctrl-C, or the same from a service manager.
struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

impl Interrupt {
    /// From here on the signals are ours.
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Interrupt { signals: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    #[cfg(not(unix))]
    fn listen() -> io::Result<Self> {
        Ok(Interrupt {})
    }

    #[cfg(unix)]
    async fn recv(&mut self) {
        let [interrupt, terminate] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Takes connections for ever.
async fn accept(listener: &TcpListener, server: &Arc<Server>) -> std::convert::Infallible {
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!("a connection could not be accepted: {error}");
                // Out of descriptors, say: the next attempt would fail at once, too.
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let server = server.clone();
        let entered =
            if server.is_draining() { Err(Refusal::Draining) } else { server.door.enter(peer).map_err(Refusal::Full) };
        match entered {
            Ok(pass) => {
                server.tasks.clone().spawn(serve(socket, peer, pass, server));
            }
            Err(refusal) => match turned_away.clone().try_acquire_owned() {
                Ok(turn) => {
                    tokio::spawn(async move {
                        turn_away(socket, peer, refusal, &server).await;
                        drop(turn);
                    });
                }
                Err(_) => METRICS.refused("hung-up"),
            },
        }
    }
}

/// Tells somebody why there is no place.
async fn turn_away(socket: TcpStream, peer: SocketAddr, refusal: Refusal, server: &Server) {
    if let Ok(incoming) = Incoming::read(socket, server.config.clone()).await {
        refusal.tell(peer, &incoming.request());
        // Whoever does not hear it does not get in either.
        let _ = route::refuse(incoming, refusal).await;
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, mut pass: Pass, server: Arc<Server>) {
    let _ = socket.set_nodelay(true);
    // The two are apart, and each is boxed: a connection that is open is not to take what its handshake took.
    let begun = tokio::select! {
        biased;
        () = server.shutdown.cancelled() => return,
        begun = Box::pin(begin(socket, peer, &mut pass, &server)) => begun,
    };
    let served = match begun {
        Ok(service) => service.await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => {}
        // Somebody looked whether the port is open, or a browser's spare connection: no news.
        Err(Failure::Accept(AcceptError::Lost)) => {}
        Err(Failure::Accept(error)) => {
            METRICS.refused("handshake");
            journal::tell(peer, &format!("handshake failed: {error}"), "");
        }
        Err(Failure::Connection(error)) => {
            METRICS.closed("failed");
            journal::tell(peer, &format!("connection failed: {error}"), "");
        }
    }
}

/// From a connection to what serves it.
async fn begin<'s>(
    socket: TcpStream,
    peer: SocketAddr,
    pass: &mut Pass,
    server: &'s Server,
) -> Result<Service<'s>, AcceptError> {
    let since = Instant::now();
    let incoming = Incoming::read(socket, server.config.clone()).await?;
    Ok(route::find(incoming, Caller { peer, pass, since }, server))
}
