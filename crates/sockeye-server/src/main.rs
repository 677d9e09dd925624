//! The host server where devices and browsers meet: `sockeye serve`; a client for a terminal: `sockeye connect`; a load:
//! `sockeye bench`.

mod api;
mod arrival;
mod auth;
mod bench;
mod connect;
mod descriptors;
mod door;
mod echo;
mod journal;
mod listen;
mod log;
mod meter;
mod metrics;
mod ops;
mod pages;
mod rate;
mod rooms;
mod route;
mod serve;
mod server;
mod settings;
mod show;
mod signals;
mod tls;
mod way;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// WebSockets from a 64 KiB microcontroller to a host with 100,000 connections.
///
/// Without a subcommand it serves.
#[derive(Parser)]
#[command(name = "sockeye", version = VERSION, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    serve: serve::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("SOCKEYE_COMMIT"), ")");

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is taken apart at once")]
enum Command {
    /// Serve an echo, rooms, and the pages that show them.
    Serve(serve::Args),
    /// Look for mistakes in a file of settings: each in a line, and exit code 2; 0 if there is none.
    CheckConfig {
        /// A file as `serve --config` takes it.
        file: PathBuf,
    },
    /// Connect to a WebSocket server: lines go out as messages, messages are printed.
    Connect(connect::Args),
    /// Put an echo of your own under load, and tell what it takes.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches().and_then(|line| Ok((Cli::from_arg_matches(&line)?, line)));
    let (cli, line) = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => return wrong(&error),
        Err(help) => help.exit(),
    };
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve::run(args, of_serve(&line)),
        Command::CheckConfig { file } => serve::check_config(&file),
        Command::Connect(args) => run(connect::run(args)),
        Command::Bench(args) => run(bench::run(args)),
    }
}

/// Runs a client to its end.
fn run(client: impl Future<Output = ExitCode>) -> ExitCode {
    match runtime() {
        Ok(runtime) => {
            let code = runtime.block_on(client);
            // A thread may still wait for a line from the terminal.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("sockeye: the runtime does not start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime of one thread.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// What was said of `serve`, with its name or without.
fn of_serve(line: &ArgMatches) -> &ArgMatches {
    line.subcommand_matches("serve").unwrap_or(line)
}

/// A mistake on the command line, in one line.
fn wrong(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    eprintln!("sockeye: {}; see --help", line.strip_prefix("error: ").unwrap_or(&line));
    ExitCode::from(2)
}
