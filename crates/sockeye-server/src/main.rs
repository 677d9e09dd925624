//! The host server where devices and browsers meet: `sockeye serve`, and a client for a terminal: `sockeye connect`.

mod connect;
mod descriptors;
mod echo;
mod pages;
mod rooms;
mod route;
mod serve;
mod show;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

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
enum Command {
    /// Serve an echo, rooms, and the pages that show them.
    Serve(serve::Args),
    /// Connect to a WebSocket server: lines go out as messages, messages are printed.
    Connect(connect::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return wrong(&error),
        Err(help) => help.exit(),
    };
    // On one core there is nobody to share the work with.
    let alone = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if alone { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sockeye: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve(cli.serve)) {
            Command::Serve(args) => serve::run(args).await,
            Command::Connect(args) => connect::run(args).await,
        }
    });
    // A thread may still wait for a line from the terminal.
    runtime.shutdown_background();
    code
}

/// A mistake on the command line, in one line.
fn wrong(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    eprintln!("sockeye: {}; see --help", line.strip_prefix("error: ").unwrap_or(&line));
    ExitCode::from(2)
}
