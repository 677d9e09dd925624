//! sockeye against a peer: the server's CPU time a message, in paired rounds.
//!
//! All servers run at the same time on core 0 and the load on core 1; a round gives each the same load, in an order
//! that changes. What counts is the ratio within a round. A second sockeye shows what the machine makes of no
//! difference at all.

mod device;

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args as ClapArgs, Subcommand};

use crate::install::Installer;
use crate::process::{self, Running, command, workspace_dir};
use crate::server::{build, listening};
use crate::table;

/// Options of `bench`.
#[derive(ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Paired rounds a case.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Only the cases whose name has this in it, as `64 B` or `16 in flight`.
    #[arg(long, default_value = "")]
    only: String,
}

/// What else can be compared.
#[derive(Subcommand)]
enum What {
    /// The library for microcontrollers and its peers on a Cortex-M3: instructions, flash, RAM (minutes).
    Device(device::Args),
}

/// One load.
struct Case {
    bytes: usize,
    connections: usize,
    in_flight: usize,
    /// Messages a round: about 0.3 s of a server's time.
    messages: usize,
}

/// A peer that runs.
struct Server {
    address: SocketAddr,
    running: Running,
}

const SOCKEYE: usize = 0;
const PEER: usize = 1;
const TWIN: usize = 2;
const RAW: usize = 3;

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    if let Some(What::Device(args)) = &args.what {
        return device::run(args, installer);
    }
    let bench = |name| build(&["-p", "sockeye-bench", "--bin", name], name);
    let (sockeye, peer, raw) = (bench("echo-sockeye")?, bench("echo-tungstenite")?, bench("echo-raw")?);
    let load = bench("load")?;
    let programs = [("sockeye", &sockeye), ("tungstenite", &peer), ("sockeye-twin", &sockeye), ("raw", &raw)];
    let servers = programs.into_iter().map(|(name, program)| {
        let mut server = pinned(0, program);
        let (running, address) = listening(&mut server, &workspace_dir(&format!("bench-{name}.log")))?;
        Ok(Server { address, running })
    });
    let servers: Vec<Server> = servers.collect::<Result<_>>()?;

    let mut rows = Vec::new();
    for case in cases().into_iter().filter(|case| case.name().contains(&args.only)) {
        let rounds: Vec<[f64; 4]> =
            (0..args.rounds).map(|round| one_round(round, &case, &servers, &load)).collect::<Result<_>>()?;
        let ratio = Spread::of(rounds.iter().map(|round| round[SOCKEYE] / round[PEER]));
        rows.push(vec![
            case.name(),
            format!("{:.3}", Spread::of(rounds.iter().map(|round| round[SOCKEYE])).median),
            format!("{:.3}", Spread::of(rounds.iter().map(|round| round[PEER])).median),
            format!("{:.3}", ratio.median),
            format!("{:.3}-{:.3}", ratio.low, ratio.high),
            format!("{:.3}", Spread::of(rounds.iter().map(|round| round[TWIN] / round[SOCKEYE])).median),
            format!("{:.3}", Spread::of(rounds.iter().map(|round| round[RAW] / round[PEER])).median),
        ]);
        eprintln!("{} done", case.name());
    }
    println!(
        "Server CPU in microseconds a message: medians of {} paired rounds, and the ratio of the pairs",
        args.rounds
    );
    println!(
        "with the interval that has its median with 95 % confidence; twin is sockeye against itself, limit a raw TCP echo against the peer."
    );
    table::print(&["case", "sockeye", "tungstenite", "ratio", "95 %", "twin", "limit"], &rows);
    Ok(())
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for bytes in [64, 64 * 1024] {
        for connections in [1, 64] {
            for in_flight in [1, 16] {
                let messages = match (bytes, in_flight) {
                    (64, 1) => 40_000,
                    (64, _) => 300_000,
                    _ => 6_000,
                };
                cases.push(Case { bytes, connections, in_flight, messages });
            }
        }
    }
    cases
}

impl Case {
    fn name(&self) -> String {
        let size = if self.bytes < 1024 { format!("{} B", self.bytes) } else { format!("{} KiB", self.bytes / 1024) };
        format!("{size}, {} connections, {} in flight", self.connections, self.in_flight)
    }
}

/// Each server's CPU microseconds a message.
fn one_round(round: usize, case: &Case, servers: &[Server], load: &std::path::Path) -> Result<[f64; 4]> {
    let mut costs = [0.0; 4];
    for turn in 0..servers.len() {
        let at = (round + turn) % servers.len();
        let Server { address, running } = &servers[at];
        let before = cpu_nanoseconds(running.child.id())?;
        let mut client = pinned(1, load);
        client.arg(address.to_string());
        client.args([case.connections, case.bytes, case.in_flight, case.messages].map(|number| number.to_string()));
        let output =
            client.arg(if at == RAW { "raw" } else { "binary" }).output().context("the load does not start")?;
        if !output.status.success() {
            bail!("{}: {}", process::line(&client), String::from_utf8_lossy(&output.stderr));
        }
        let spent = cpu_nanoseconds(running.child.id())? - before;
        costs[at] = spent as f64 / 1e3 / case.messages as f64;
    }
    Ok(costs)
}

fn pinned(core: usize, program: &std::path::Path) -> Command {
    let mut pinned = command("taskset");
    pinned.args(["-c", &core.to_string()]).arg(program);
    pinned
}

/// What all threads of a process have been on a core, user and kernel, by the scheduler's own clock.
fn cpu_nanoseconds(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("bench needs Linux")? {
        let stat = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += stat.split_whitespace().next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(sum)
}

/// A median and, by order statistics, the interval that has the true one with at least 95 % confidence.
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (len, middle) = (sorted.len(), sorted.len() / 2);
        // The binomial distribution's tail: how many of the lowest may be left out at 2.5 % on each side.
        let (mut out, mut below, mut term) = (0, 0.0, 0.5f64.powi(len as i32));
        while out < middle && below + term <= 0.025 {
            below += term;
            term *= (len - out) as f64 / (out + 1) as f64;
            out += 1;
        }
        let low = sorted[out.saturating_sub(1)];
        let high = sorted[len - out.max(1)];
        Self { median: sorted[middle], low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_values_leave_out_three_on_each_side() {
        let spread = Spread::of((1..=15).map(f64::from));
        assert_eq!((spread.low, spread.median, spread.high), (4.0, 8.0, 12.0));
    }
}
