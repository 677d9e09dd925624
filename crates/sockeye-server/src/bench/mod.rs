//! `sockeye bench URL`: what an echo of one's own takes.

mod echo;
mod summary;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sockeye_tokio::proto::handshake::Uri;
use sockeye_tokio::proto::{Limits, Offer};
use sockeye_tokio::{Config, Kind};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until};

use self::summary::{Shared, Summary};
use crate::way::{Way, without_secrets};
use crate::{descriptors, runtime};

/// What load, and on what.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes:\n  0  every message came back as it was sent\n  1  a connection failed, or something else \
    came back\n  2  the command line is wrong\n\n\
    Connections are opened one after the other, as RFC 6455 asks of a client; then all of them send for some seconds."
)]
pub(crate) struct Args {
    /// An echo: ws://HOST:PORT/PATH, or wss:// for TLS
    url: String,
    #[command(flatten)]
    way: Way,
    /// Connections at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Messages on their way at a time, on each connection
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Bytes of payload a message
    #[arg(long, value_name = "NUMBER", default_value_t = 125, value_parser = clap::value_parser!(u32).range(..=64 << 20))]
    bytes: u32,
    /// How long to send
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Send texts, not binary messages
    #[arg(long)]
    text: bool,
}

/// What every connection is to do, and what all of them have done so far.
struct Load {
    url: String,
    config: Arc<Config>,
    in_flight: usize,
    bytes: usize,
    kind: Kind,
    /// Who opens a connection has it: a time that is waited for others does not count.
    turn: Mutex<()>,
    /// Connections that are open.
    open: AtomicUsize,
    /// Those that were opened, and those that could not be.
    settled: AtomicUsize,
    /// Messages that came back.
    echoed: AtomicU64,
    phase: watch::Sender<Phase>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Sending,
    Over,
}

/// The display is drawn so often.
const FRAME: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: Args) -> ExitCode {
    let shown = without_secrets(&args.url).to_owned();
    let (connections, seconds) = (args.connections as usize, Duration::from_secs(args.seconds.into()));
    let load = match load(args) {
        Ok(load) => Arc::new(load),
        Err(why) => {
            eprintln!("sockeye: {why}");
            return ExitCode::from(2);
        }
    };
    descriptors::raise();
    match measure(&load, connections, seconds).await {
        Ok(summary) => {
            print!("{}", summary.to_text(&shown, &load));
            if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("sockeye: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(args: Args) -> Result<Load, String> {
    let limits = Limits::message(args.bytes.max(1).into());
    let config = Config { limits, ..args.way.config()? };
    check(&args.url, &config)?;
    Ok(Load {
        url: args.url,
        config: config.into(),
        in_flight: args.in_flight as usize,
        bytes: args.bytes as usize,
        kind: if args.text { Kind::Text } else { Kind::Binary },
        turn: Mutex::default(),
        open: AtomicUsize::new(0),
        settled: AtomicUsize::new(0),
        echoed: AtomicU64::new(0),
        phase: watch::Sender::new(Phase::Connecting),
    })
}

/// A mistake of the command line is told once, and not by every connection.
fn check(url: &str, config: &Config) -> Result<(), String> {
    let uri = Uri::parse(url).map_err(|error| format!("{}: {error}", without_secrets(url)))?;
    let headers: Vec<_> = config.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let subprotocols: Vec<_> = config.subprotocols.iter().map(String::as_str).collect();
    let offer = Offer::new(uri, &mut rand::rng()).subprotocols(&subprotocols).headers(&headers);
    offer.write(&mut [0; 64 * 1024]).map_err(|error| error.to_string())?;
    Ok(())
}

/// A thread a core, each with its share of the connections; this one shows how far it is.
async fn measure(load: &Arc<Load>, connections: usize, seconds: Duration) -> io::Result<Summary> {
    let count = thread::available_parallelism().map_or(1, usize::from).min(connections);
    let mut threads = Vec::new();
    for number in 0..count {
        let (runtime, load) = (runtime()?, load.clone());
        let share = connections / count + usize::from(number < connections % count);
        threads.push(thread::spawn(move || runtime.block_on(open(load, share))));
    }
    let mut summary = Summary::new(connections, watch_over(load, connections, seconds).await?);
    for thread in threads {
        summary.add(thread.join().map_err(|_| io::Error::other("a thread of the load panicked"))?);
    }
    Ok(summary)
}

async fn open(load: Arc<Load>, connections: usize) -> Summary {
    let summary = Shared::default();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(echo::run(load.clone(), summary.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(why) = ended.map_err(|error| error.to_string()).flatten() {
            summary.get().fail(why);
        }
    }
    std::mem::take(&mut *summary.get())
}

/// Lets the connections begin when all are settled; how long they sent. It ends earlier by Ctrl-C, and when none is left.
async fn watch_over(load: &Load, connections: usize, seconds: Duration) -> io::Result<Duration> {
    let mut frames = interval(FRAME);
    let mut interrupt = Box::pin(tokio::signal::ctrl_c());
    let bar = bar(connections as u64, "{pos} of {len} connections {wide_bar} {elapsed}");
    while load.settled.load(Ordering::Acquire) < connections {
        tokio::select! {
            _ = frames.tick() => bar.set_position(load.settled.load(Ordering::Relaxed) as u64),
            interrupted = &mut interrupt => {
                bar.finish_and_clear();
                return interrupted.and(Err(io::Error::other("interrupted while it connected")));
            }
        }
    }
    bar.finish_and_clear();
    if load.open.load(Ordering::Relaxed) == 0 {
        load.phase.send_replace(Phase::Over);
        return Ok(Duration::ZERO);
    }

    let start = Instant::now();
    load.phase.send_replace(Phase::Sending);
    let bar = bar_of_time(seconds);
    let mut end = Box::pin(sleep_until(start + seconds));
    while load.open.load(Ordering::Relaxed) > 0 {
        tokio::select! {
            _ = frames.tick() => {
                bar.set_position(start.elapsed().as_millis() as u64);
                let rate = load.echoed.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
                bar.set_message(format!("{} messages a second", indicatif::HumanCount(rate as u64)));
            }
            () = &mut end => break,
            interrupted = &mut interrupt => {
                interrupted?;
                break;
            }
        }
    }
    load.phase.send_replace(Phase::Over);
    let took = start.elapsed();
    bar.finish_and_clear();
    Ok(took)
}

fn bar_of_time(seconds: Duration) -> ProgressBar {
    bar(seconds.as_millis() as u64, "{msg} {wide_bar} {elapsed}")
}

/// On standard error, if that is a terminal.
fn bar(len: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(len);
    // The templates are the two above.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
