//! Everything that is tested, step by step: `cargo xtask test` is the README's test command.

mod clients;
pub(crate) mod devices;
mod secure;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use sockeye_qemu::Machine;

use crate::autobahn::{self, JudgeName, Side};
use crate::bench::{device, instructions};
use crate::device::DEFAULT_MACHINE;
use crate::install::{Installer, Missing};
use crate::process::{self, cargo};
use crate::targets::WINDOWS;
use crate::{cross, probe, rfc, size, table};

/// Which steps.
#[derive(Parser)]
pub(crate) struct Args {
    /// Steps to run, by name or by a name's beginning, such as `clients` [default: all].
    #[arg(value_name = "STEP", value_parser = step)]
    steps: Vec<String>,
}

/// A step by its name.
type Step = (&'static str, fn(&Installer) -> Result<()>);

const STEPS: &[Step] = &[
    ("unit", unit),
    ("rfc", |_| rfc::run()),
    ("cross", |installer| cross::run(&cross::Args::default(), installer)),
    ("check-windows", check_windows),
    ("probe", |installer| probe::run(&probe::Args::default(), installer)),
    ("instructions", |installer| instructions::run(&instructions::Args::default(), installer)),
    ("autobahn-server", |installer| autobahn(Side::Server, &[], installer)),
    ("autobahn-client", |installer| autobahn(Side::Client, &[], installer)),
    ("autobahn-device", |installer| autobahn(Side::Device, &[], installer)),
    ("clients-python", clients::python),
    ("clients-node", clients::node),
    ("clients-browser", clients::browser),
    ("clients-tls", secure::tls),
    ("clients-nginx", secure::nginx),
    ("device-instructions", device::check),
    ("boards", |installer| cross::boards(false, installer)),
    ("board-autobahn", board_autobahn),
    ("board-browser", clients::board_browser),
    ("board-uplink", devices::board_uplink),
    ("size", |installer| size::run(&size::Args::default(), installer)),
    ("device-browser", clients::device_browser),
    ("device-clients", devices::clients),
    ("device-adversarial", devices::adversarial),
    ("device-ethernet", devices::ethernet),
    ("device-uplink", devices::uplink),
    ("device-others", devices::others),
];

pub(crate) fn run(args: &Args, installer: &Installer) -> ExitCode {
    conclude(&steps(&args.steps, installer))
}

/// Runs the steps that were asked for, or all; none of them stops the others.
pub(crate) fn steps(asked: &[String], installer: &Installer) -> Vec<Row> {
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|word| means(word, name));
    let chosen = STEPS.iter().filter(|(name, _)| wanted(name));
    chosen.map(|(name, step)| Row::of(name, || step(installer))).collect()
}

/// Prints how each step ended, and says it with the exit code.
pub(crate) fn conclude(rows: &[Row]) -> ExitCode {
    let cells = |row: &Row| vec![row.name.to_owned(), format!("{:.1}", row.minutes()), row.end.word().to_owned()];
    table::print(&["step", "minutes", ""], &rows.iter().map(cells).collect::<Vec<_>>());
    for row in rows {
        match &row.end {
            End::Passed => {}
            End::Failed(why) => println!("{} failed: {why}", row.name),
            End::Skipped(why) => println!("{} could not be run: {why}", row.name),
        }
    }
    let count = |word| rows.iter().filter(|row| row.end.word() == word).count();
    let (passed, failed, skipped) = (count("passed"), count("failed"), count("skipped"));
    let rest = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("{passed} passed, {failed} failed{rest}");
    ExitCode::from(match (failed, skipped) {
        (0, 0) => 0,
        (0, _) => 3,
        _ => 1,
    })
}

/// A step that was run.
pub(crate) struct Row {
    name: &'static str,
    took: Duration,
    end: End,
}

enum End {
    Passed,
    Failed(String),
    /// The machine lacks something.
    Skipped(String),
}

impl Row {
    /// Runs a step.
    pub(crate) fn of(name: &'static str, step: impl FnOnce() -> Result<()>) -> Self {
        println!("\n== {name} ==");
        let start = Instant::now();
        let end = match step() {
            Ok(()) => End::Passed,
            Err(error) if error.is::<Missing>() => End::Skipped(format!("{error:#}")),
            Err(error) => End::Failed(format!("{error:#}")),
        };
        println!("-- {name} {}", end.word());
        Self { name, took: start.elapsed(), end }
    }

    fn minutes(&self) -> f64 {
        self.took.as_secs_f64() / 60.0
    }
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            End::Passed => "passed",
            End::Failed(_) => "failed",
            End::Skipped(_) => "skipped",
        }
    }
}

/// Checks a step's name from the command line.
fn step(word: &str) -> Result<String, String> {
    if STEPS.iter().any(|(name, _)| means(word, name)) {
        return Ok(word.to_owned());
    }
    let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
    Err(format!("the steps are {}", names.join(", ")))
}

fn means(word: &str, name: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Framing and pings on a board's own image; all of it by `cargo xtask autobahn board`.
fn board_autobahn(installer: &Installer) -> Result<()> {
    autobahn(Side::Board, &["1.*", "2.*"], installer)
}

fn unit(_: &Installer) -> Result<()> {
    // Not all features: defmt's symbols are for firmware, and do not link on the host.
    process::run(cargo().args(["test", "--workspace", "--features", "sockeye-tokio/axum,sockeye-tokio/futures"]))
}

fn check_windows(installer: &Installer) -> Result<()> {
    installer.rust_target(WINDOWS)?;
    process::run(cargo().args(["check", "-p", "sockeye", "-p", "sockeye-tokio", "--target", WINDOWS]))
}

fn autobahn(side: Side, cases: &[&str], installer: &Installer) -> Result<()> {
    let machine = Machine::named(DEFAULT_MACHINE)?;
    let cases = cases.iter().map(|case| (*case).to_owned()).collect();
    let args = autobahn::Args { side, cases, judge: JudgeName::Kosoku, machine };
    autobahn::run(&args, installer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_a_step_or_a_group() {
        let meant = |word| STEPS.iter().filter(|(name, _)| means(word, name)).count();
        assert_eq!(meant("unit"), 1);
        assert_eq!(meant("clients"), 5);
        assert_eq!(meant("clients-node"), 1);
        assert_eq!(meant("client"), 0);
        assert!(step("unknown").is_err());
    }

    #[test]
    fn the_exit_code_tells_failed_from_not_run() {
        let row = |step: fn() -> Result<()>| Row::of("step", step);
        let passed = || row(|| Ok(()));
        let failed = || row(|| anyhow::bail!("no"));
        let skipped = || row(|| anyhow::bail!(Missing("no tool".into())));
        let code = |rows: &[Row]| format!("{:?}", conclude(rows));
        let expect = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&[passed(), passed()]), expect(0));
        assert_eq!(code(&[passed(), failed(), skipped()]), expect(1));
        assert_eq!(code(&[passed(), skipped()]), expect(3));
    }
}
