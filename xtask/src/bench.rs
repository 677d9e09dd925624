//! sockeye against raw TCP and against its peers: docs/performance/README.md.
//!
//! All servers run at the same time on core 0 and the load on core 1; a round gives each the same load, in an order
//! that changes. What counts is the server's CPU time a message, and its ratio to raw TCP within a round. Raw TCP runs
//! twice: how far the two are apart is what the machine makes of no difference.

mod cases;
pub(crate) mod device;
pub(crate) mod instructions;
mod load;
mod memory;
mod plot;
mod report;
mod rounds;
mod servers;
mod stats;
mod threads;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use self::cases::{CASES, CONNECTIONS, DEPTHS, FRAGMENTS, ROOMS};
use self::memory::Held;
use self::plot::Bar;
use self::rounds::{Bench, Rounds};
use self::servers::{Pool, RAW, SERVE, SOCKEYE, TWIN};
use crate::install::Installer;
use crate::markdown;
use crate::process::found;
use crate::server::build;

/// Options of `bench`.
#[derive(ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Paired rounds a case: a verdict takes 15.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Only what has this in its name: a case as `125 B` or `receive`, or the tables `growth`, `rooms`, `fragments`,
    /// `threads`, `memory`.
    #[arg(long, default_value = "")]
    only: String,
    /// Another server to compare with: a name and the command that starts its echo at `/` on `{port}`.
    #[arg(long = "server", value_name = "NAME=CMD", value_parser = parse_server)]
    others: Vec<(String, String)>,
    /// Leave the other libraries out.
    #[arg(long)]
    no_peers: bool,
    /// Connections that wait, for the memory; 0 leaves it out.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Rewrite the tables and plots in docs/performance.
    #[arg(long)]
    write: bool,
}

/// What else can be compared.
#[derive(Subcommand)]
enum What {
    /// The library for microcontrollers and its peers on a Cortex-M3: instructions, flash, RAM (minutes).
    Device(device::Args),
    /// User-space instructions a message, against the committed numbers (part of `test`).
    Instructions(instructions::Args),
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    match &args.what {
        Some(What::Device(args)) => return device::run(args, installer),
        Some(What::Instructions(args)) => return instructions::run(args, installer),
        None => {}
    }
    installer.debian("taskset", &["util-linux"], || found("taskset"))?;
    let servers = servers::all(!args.no_peers, &args.others)?;
    let load = load()?;
    let seed = rand::random();
    println!("the order of the rounds is that of seed {seed}");
    let mut bench = Bench {
        servers: &servers,
        pool: Pool::default(),
        load: &load,
        rounds: args.rounds,
        random: StdRng::seed_from_u64(seed),
    };
    let named = |name: &str| name.contains(&args.only);

    // Memory first, while no other server has the machine's.
    let held = if named("memory") && args.idle > 0 { memory::measure(&servers, &load, args.idle)? } else { Vec::new() };
    let mut measured = Vec::new();
    for case in CASES.iter().filter(|case| named(&case.name())) {
        measured.push(bench.measure(case, |_| true)?);
    }
    let own = |server: &servers::Server| [RAW, TWIN, SOCKEYE, SERVE].contains(&server.name.as_str());
    let (mut growth, mut rooms, mut fragments) = (Vec::new(), Vec::new(), Vec::new());
    if named("growth") {
        for (depth, connections) in DEPTHS.iter().flat_map(|depth| CONNECTIONS.iter().map(move |count| (depth, count)))
        {
            growth.push(bench.measure(&cases::grown(*connections, *depth), own)?);
        }
    }
    if named("rooms") {
        for count in ROOMS {
            rooms.push(bench.measure(&cases::housed(*count), |server| own(server) && server.name != SOCKEYE)?);
        }
    }
    if named("fragments") {
        for count in FRAGMENTS {
            fragments.push(bench.measure(&cases::fragmented(*count), |server| own(server) && server.name != SERVE)?);
        }
    }

    let serve = servers.iter().find(|server| server.name == SERVE).filter(|_| named("threads"));
    let threads = serve.map(|serve| threads::measure(serve, &load, args.rounds)).transpose()?.unwrap_or_default();

    let mut sections = vec![("versions", report::versions(args.rounds)?)];
    if !measured.is_empty() {
        sections.push(("bars", report::bars(&measured)));
        sections.push(("peers", report::peers(&measured, &servers)));
        sections.push(("speeds", report::speeds(&measured)));
    }
    if !growth.is_empty() {
        sections.push(("growth", report::growth(&growth)));
    }
    if !rooms.is_empty() {
        sections.push(("rooms", report::rooms(&rooms)));
    }
    if !fragments.is_empty() {
        sections.push(("fragments", report::fragments(&fragments)));
    }
    if !threads.is_empty() {
        sections.push(("threads", threads::report(&threads)));
    }
    if !held.is_empty() {
        sections.push(("memory", memory::report(&held, args.idle)));
    }
    for (_, section) in &sections {
        println!("\n{section}");
    }
    if args.write {
        markdown::write(report::DOCUMENT, &sections)?;
        plots(&measured, &held)?;
    }
    let missed = report::missed(&measured).into_iter().chain(threads::missed(&threads)).chain(memory::missed(&held));
    let missed: Vec<String> = missed.collect();
    if missed.is_empty() {
        println!("every bar of what was measured holds");
        return Ok(());
    }
    bail!("bars that do not hold:\n  {}", missed.join("\n  "))
}

/// The plot that tells the story, and the one of memory.
fn plots(measured: &[Rounds], held: &[Held]) -> Result<()> {
    let is_own = |name: &str| [SOCKEYE, SERVE].contains(&name);
    if let Some(story) = measured.iter().find(|rounds| report::is_story(&rounds.case)) {
        let mut bars: Vec<Bar> = story
            .names()
            .filter(|name| *name != TWIN)
            .filter_map(|name| {
                let value = story.median(name, |sample| Some(sample.cost))?;
                Some(Bar { name: name.into(), value, label: format!("{value:.2} us"), own: is_own(name) })
            })
            .collect();
        bars.sort_by(|one, other| one.value.total_cmp(&other.value));
        let title = "What a message costs a server, with 16 of them in flight";
        let subtitle = "CPU time, user and kernel, of an echo of 125 bytes by the loop of each library's documentation";
        plot::write("message", title, subtitle, &bars)?;
    }
    let mut bars: Vec<Bar> = held
        .iter()
        .filter_map(|held| {
            let value = held.bytes.get(1)?.1 as f64;
            let name = held.name.as_str();
            let label = format!("{} B", markdown::grouped(value as u64));
            Some(Bar { name: name.into(), value, label, own: name.starts_with("sockeye-tokio") || name == SERVE })
        })
        .collect();
    if !bars.is_empty() {
        bars.sort_by(|one, other| one.value.total_cmp(&other.value));
        let title = "What a connection that waits holds";
        plot::write("memory", title, "RSS a connection after one message of 1 KiB on each of 10,000", &bars)?;
    }
    Ok(())
}

/// The load's program.
fn load() -> Result<PathBuf> {
    build(&["-p", "sockeye-bench", "--bin", "load"], "load")
}

fn parse_server(text: &str) -> Result<(String, String), String> {
    let (name, command) = text.split_once('=').ok_or("it is NAME=CMD")?;
    if !command.contains("{port}") {
        return Err("the command is to have {port} in it, where the port goes".into());
    }
    Ok((name.into(), command.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> = CASES.iter().map(cases::Case::name).collect();
        assert_eq!(names.len(), CASES.len());
        assert!(CASES.iter().any(report::is_story));
        assert!(CASES.iter().any(|case| case.mode == cases::Mode::Connect));
    }

    #[test]
    fn a_server_is_a_name_and_a_command_with_a_port() {
        assert_eq!(parse_server("uws=./echo {port}"), Ok(("uws".into(), "./echo {port}".into())));
        assert!(parse_server("uws").is_err() && parse_server("uws=./echo").is_err());
    }
}
