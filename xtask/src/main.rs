//! The project's tasks, one file a subcommand: `cargo xtask --help`.
//!
//! Exit codes: 0 all passed, 1 something failed, 2 the command line is wrong, 3 nothing failed but the machine
//! lacks something, which is named with the command that installs it. `qemu` and `emulate` end with the
//! firmware's own.

mod autobahn;
mod bench;
mod ci;
mod cross;
mod device;
mod elf;
mod emulate;
mod flash;
mod install;
mod markdown;
mod mutants;
mod probe;
mod process;
mod python;
mod qemu;
mod rfc;
mod server;
mod size;
mod table;
mod targets;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::install::{Installer, Missing};

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
    /// Install nothing: name what is missing, with the command that installs it.
    #[arg(long, global = true)]
    no_install: bool,
}

#[derive(Subcommand)]
enum Task {
    /// Everything: unit tests, cross builds, probes, Autobahn, other people's clients and a browser, host and device.
    Test(test::Args),
    /// The Autobahn cases against our server, our client or a device.
    Autobahn(autobahn::Args),
    /// A device program onto a board, and then its log.
    Flash(flash::Args),
    /// A board's own image on a board that is emulated, with its log, until it ends or Ctrl-C.
    Emulate(emulate::Args),
    /// The libraries for every bare-metal target, the images of QEMU's machines, and those of boards.
    Cross(cross::Args),
    /// A device program on one of QEMU's machines.
    Qemu(qemu::Args),
    /// All tests of the firmware, on every machine or on one (half an hour; not all of it is part of `test`).
    Device(test::devices::Args),
    /// What images for QEMU's machines weigh and how deep their stacks get, against docs/size.md.
    Size(size::Args),
    /// The core linked without a panic, and its size.
    Probe(probe::Args),
    /// sockeye against its peers: the server's CPU time a message, memory, instructions (Linux).
    Bench(bench::Args),
    /// docs/rfc.md: every row of the checklist names tests that exist.
    Rfc,
    /// Mutation testing of the core's rules (minutes to hours; not part of `test`).
    Mutants,
    /// What the continuous run does: formatting, clippy, docs, then `test`.
    Ci,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let installer = Installer::new(!cli.no_install);
    let done = match cli.task {
        Task::Test(args) => return test::run(&args, &installer),
        Task::Ci => return ci::run(&installer),
        Task::Autobahn(args) => autobahn::run(&args, &installer),
        Task::Flash(args) => flash::run(&args, &installer),
        Task::Cross(args) => cross::run(&args, &installer),
        Task::Qemu(args) => match qemu::run(&args, &installer) {
            Ok(status) => return status,
            Err(error) => Err(error),
        },
        Task::Emulate(args) => match emulate::run(&args, &installer) {
            Ok(status) => return status,
            Err(error) => Err(error),
        },
        Task::Device(args) => test::devices::run(&args, &installer),
        Task::Size(args) => size::run(&args, &installer),
        Task::Probe(args) => probe::run(&args, &installer),
        Task::Bench(args) => bench::run(&args, &installer),
        Task::Rfc => rfc::run(),
        Task::Mutants => mutants::run(&installer),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Missing>() { 3 } else { 1 })
        }
    }
}
