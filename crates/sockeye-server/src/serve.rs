//! `sockeye serve`: listens, and serves until Ctrl-C.

use std::future::Future;
use std::io;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use sockeye_tokio::proto::{Limits, Reject};
use sockeye_tokio::{AcceptError, Config, Error, Host, Incoming, Origin};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::descriptors;
use crate::rooms::Rooms;
use crate::route::{self, Failure, Service};

/// How to serve.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The address to listen on. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
    /// A name that this server is reached by, besides IP addresses and localhost. `*` takes every name, and gives up
    /// the protection against DNS rebinding.
    #[arg(long = "host", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    hosts: Vec<String>,
    /// An origin whose pages may connect, such as https://example.com, besides this server's own. `*` takes every
    /// origin, and gives up the protection against cross-site hijacking.
    #[arg(long = "origin", value_name = "ORIGIN", value_parser = parse_origin)]
    origins: Vec<String>,
}

/// At a shutdown the connections together have so long,
const SHUTDOWN: Duration = Duration::from_secs(5);
/// of which each closing handshake may take this much.
const CLOSE: Duration = Duration::from_secs(3);
/// When there is no room: come back after so many seconds.
const RETRY_AFTER: u32 = 5;
/// Newcomers that are told so at the same time; more than these are hung up on.
const TURNED_AWAY: usize = 32;

/// What all connections share.
pub(crate) struct Server {
    pub(crate) rooms: Rooms,
    config: Arc<Config>,
    shutdown: CancellationToken,
}

impl Server {
    /// The future's output, or `None` if the server shuts down before.
    pub(crate) async fn until_shutdown<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // First the shutdown: a peer that floods would keep it from its turn.
            biased;
            () = self.shutdown.cancelled() => None,
            output = future => Some(output),
        }
    }
}

pub(crate) async fn run(args: Args) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();

    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("sockeye: {}", why_no_listener(args.listen, &error));
            return ExitCode::FAILURE;
        }
    };
    let mut interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("sockeye: signals cannot be listened to: {error}");
            return ExitCode::FAILURE;
        }
    };
    let connections = descriptors::raise();
    let address = listener.local_addr().unwrap_or(args.listen);
    println!("sockeye listens on http://{address}/ and takes {connections} connections; Ctrl-C ends it");

    let server =
        Arc::new(Server { rooms: Rooms::new(), config: Arc::new(config(args)), shutdown: CancellationToken::new() });
    let tasks = TaskTracker::new();
    tokio::select! {
        () = accept(&listener, &server, &tasks, connections) => {}
        () = interrupt.recv() => {}
    }

    drop(listener);
    info!("closing {} connections", tasks.len());
    server.shutdown.cancel();
    tasks.close();
    tokio::select! {
        waited = timeout(SHUTDOWN, tasks.wait()) => if waited.is_err() {
            warn!("{} connections did not close in time", tasks.len());
        },
        () = interrupt.recv() => {}
    }
    ExitCode::SUCCESS
}

fn config(args: Args) -> Config {
    let any = |list: &[String]| list.iter().any(|item| item == "*");
    Config {
        // Whoever reassembles messages sets a limit of their own; the echo streams.
        limits: Limits::NONE,
        close_timeout: CLOSE,
        hosts: if any(&args.hosts) { Host::Any } else { Host::Named(args.hosts) },
        origins: if any(&args.origins) { Origin::Any } else { Origin::Listed(args.origins) },
        ..Config::default()
    }
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

async fn accept(listener: &TcpListener, server: &Arc<Server>, tasks: &TaskTracker, connections: usize) {
    let room = Arc::new(Semaphore::new(connections));
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
        if let Ok(permit) = room.clone().try_acquire_owned() {
            tasks.spawn(async move {
                serve(socket, peer, &server).await;
                drop(permit);
            });
        } else if let Ok(permit) = turned_away.clone().try_acquire_owned() {
            tasks.spawn(async move {
                if let Ok(incoming) = Incoming::read(socket, server.config.clone()).await {
                    let _ = incoming.reject::<()>(Reject::Unavailable { retry_after: RETRY_AFTER }).await;
                }
                drop(permit);
            });
        }
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, server: &Server) {
    let _ = socket.set_nodelay(true);
    // The two are apart, and each is boxed: a connection that is open is not to take what its handshake took.
    let Some(begun) = server.until_shutdown(Box::pin(begin(socket, peer, server))).await else { return };
    let served = match begun {
        Ok(service) => service.await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => {}
        // Somebody looked whether the port is open, or a browser's spare connection: no news.
        Err(Failure::Accept(AcceptError::Lost)) => {}
        Err(Failure::Accept(error)) => warn!(%peer, "handshake failed: {error}"),
        Err(Failure::Connection(Error::Lost)) => info!(%peer, "{}", Error::Lost),
        Err(Failure::Connection(error)) => warn!(%peer, "connection failed: {error}"),
    }
}

/// From a connection to what serves it.
async fn begin(socket: TcpStream, peer: SocketAddr, server: &Server) -> Result<Service<'_>, AcceptError> {
    Ok(route::find(Incoming::read(socket, server.config.clone()).await?, peer, server))
}

fn why_no_listener(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken; end what listens there, or choose another port with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{address} needs privileges; choose a port above 1023 with --listen")
        }
        io::ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; see --listen"),
        _ => format!("cannot listen on {address}: {error}"),
    }
}

fn parse_origin(origin: &str) -> Result<String, String> {
    let host = origin.split_once("://").map(|(_, host)| host);
    let bare = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
    if origin == "*" || origin == "null" || bare {
        Ok(origin.to_owned())
    } else {
        Err("an origin is a scheme and a host, such as https://example.com:8443, without a path".into())
    }
}
