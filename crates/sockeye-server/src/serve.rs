//! `sockeye serve`: listens, and serves until it is told to end.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::ArgMatches;
use tokio::runtime::Runtime;
use tracing::{error, info, warn};

use crate::arrival::accept;
use crate::auth::Auth;
use crate::listen::{inherited, listen};
use crate::server::Server;
use crate::settings::{self, Loaded, Mistakes};
use crate::signals::{Hangup, Interrupt, Stage, notify};
use crate::tls::Tls;
use crate::{descriptors, log, ops, runtime};

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
    settings: settings::Settings,
}

pub(crate) fn run(args: Args, line: &ArgMatches) -> ExitCode {
    let loaded = match settings::load(args.config.as_deref(), line) {
        Ok(loaded) => loaded,
        Err(mistakes) => return wrong(&mistakes),
    };
    if args.print_config {
        print!("{}", loaded.to_toml());
        return ExitCode::SUCCESS;
    }
    match start(args.config, loaded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sockeye: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Every mistake in a file: `sockeye check-config FILE`.
pub(crate) fn check_config(file: &Path) -> ExitCode {
    match settings::check(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistakes) => wrong(&mistakes),
    }
}

fn wrong(Mistakes(mistakes): &Mistakes) -> ExitCode {
    mistakes.iter().for_each(|mistake| eprintln!("sockeye: {mistake}"));
    ExitCode::from(2)
}

fn start(file: Option<PathBuf>, Loaded { settings, tokens, .. }: Loaded) -> Result<(), String> {
    log::init(settings.log_level, settings.log_format);
    let auth = Auth::new(file, tokens, settings.jwt_key.clone())?;
    let tls = Tls::new(&settings)?;
    let threads = match settings.threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let mut listeners = inherited(threads)?;
    if listeners.is_empty() {
        listeners = listen(settings.listen, "--listen", threads)?;
    }
    let ops = match settings.ops_listen.0 {
        Some(address) => listen(address, "--ops-listen", 1)?.pop(),
        None => None,
    };
    let most = descriptors::raise();
    let connections = if settings.limit_connections == 0 { most } else { settings.limit_connections.min(most) };

    let address = listeners[0].local_addr().unwrap_or(settings.listen);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut banner = format!("sockeye listens on {scheme}://{address}/ and takes {connections} connections");
    if let Some(ops) = ops.as_ref().and_then(|ops| ops.local_addr().ok()) {
        banner.push_str(&format!(", its operator is at http://{ops}/metrics"));
    }
    let server = Server::new(settings, auth, tls, connections);
    run_threads(listeners, ops, server, &banner).map_err(|error| format!("cannot start: {error}"))
}

/// A runtime a thread, each with a listener of its own; this thread is the first, and sees to the whole.
fn run_threads(
    mut listeners: Vec<TcpListener>,
    ops: Option<TcpListener>,
    server: Arc<Server>,
    banner: &str,
) -> io::Result<()> {
    let first = listeners.swap_remove(0);
    for (number, listener) in listeners.into_iter().enumerate() {
        let (runtime, server) = (runtime()?, server.clone());
        let name = format!("serve {}", number + 2);
        thread::Builder::new().name(name).spawn(move || serve(&runtime, listener, server))?;
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let listener = tokio::net::TcpListener::from_std(first)?;
        if let Some(ops) = ops {
            tokio::spawn(ops::run(tokio::net::TcpListener::from_std(ops)?, server.clone()));
        }
        let (mut hangup, reloaded) = (Hangup::listen()?, server.clone());
        tokio::spawn(async move {
            loop {
                hangup.recv().await;
                reload(&reloaded);
            }
        });
        println!("{banner}; Ctrl-C ends it");
        notify(Stage::Ready);
        tokio::select! {
            never = accept(&listener, &server) => match never {},
            () = until_drained(&server, &mut interrupt) => Ok(()),
        }
    })
}

/// What the other threads do, for ever.
fn serve(runtime: &Runtime, listener: TcpListener, server: Arc<Server>) {
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => match accept(&listener, &server).await {},
            Err(error) => error!("a thread does not serve: {error}"),
        }
    });
}

/// Waits until this is to end, and then until every connection is closed; meanwhile newcomers are told to come later.
async fn until_drained(server: &Server, interrupt: &mut Interrupt) {
    interrupt.recv().await;
    notify(Stage::Stopping);
    info!("closing {} connections", server.tasks.len());
    tokio::select! {
        () = server.drain() => {}
        () = interrupt.recv() => {}
    }
    if !server.tasks.is_empty() {
        warn!("{} connections are left", server.tasks.len());
    }
}

fn reload(server: &Server) {
    notify(Stage::Reloading);
    if let Some(tls) = &server.tls {
        match tls.reload() {
            Ok(()) => info!("the certificate and its key were read again"),
            Err(why) => error!("the certificate and its key stay as they are: {why}"),
        }
    }
    match server.auth.reload() {
        Ok(true) => info!("the tokens were read again"),
        Ok(false) => info!("there are no tokens: everybody is let in"),
        Err(why) => error!("the tokens stay as they are: {why}"),
    }
    notify(Stage::Ready);
}
