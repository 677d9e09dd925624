//! The Autobahn cases against our server, our client, a device or a board, by one of two judges.
//!
//! `kosoku` runs the cases with a native runner on any Python from 3.10; `wstest` is the original and needs
//! Python 2.7. Both write the same reports, at the end of a run only: so each section is a run of its own.

mod cases;
mod kosoku;
mod relay;
mod report;
mod wstest;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use sockeye_qemu::{Device, Image, Machine, W5500_EVB_PICO};

use self::cases::Selection;
use self::report::Verdict;
use crate::device::{self, DEFAULT_MACHINE};
use crate::emulate;
use crate::install::Installer;
use crate::process::{Running, command, status_within, workspace_dir};
use crate::server::{Server, build};

/// Which side, which cases, which judge.
#[derive(Parser)]
pub(crate) struct Args {
    /// Our side of the connection.
    pub(crate) side: Side,
    /// Case or `*` pattern to run, such as 6.4.* (repeatable) [default: all of 1 to 10, for a board without 9].
    #[arg(long = "cases", value_name = "GLOB", value_parser = cases::pattern)]
    pub(crate) cases: Vec<String>,
    /// Who runs the cases and judges.
    #[arg(long, value_enum, default_value_t = JudgeName::Kosoku)]
    pub(crate) judge: JudgeName,
    /// The machine that the device is.
    #[arg(long, default_value = DEFAULT_MACHINE, value_parser = Machine::named)]
    pub(crate) machine: &'static Machine,
}

/// Our side of the connection.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// `sockeye serve` answers.
    Server,
    /// The `autobahn_client` example asks.
    Client,
    /// The echo of a device answers, on a machine that QEMU has.
    Device,
    /// The same, by a board's own image on a board that is emulated.
    Board,
}

/// Who judges.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JudgeName {
    /// A native runner of the same cases; seconds.
    Kosoku,
    /// The original; needs Python 2.7.
    Wstest,
}

/// All but the many megabytes of section 9, which an emulated board's SPI would take hours for.
const OF_A_BOARD: [&str; 8] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let selection = match args.side {
        Side::Board if args.cases.is_empty() => Selection::new(&OF_A_BOARD.map(str::to_owned)),
        _ => Selection::new(&args.cases),
    };
    let judge = Judge::ready(args.judge, installer)?;
    let bench = match args.side {
        Side::Server => Bench::Server(Server::start()?),
        Side::Client => {
            Bench::Client(build(&["-p", "sockeye-tokio", "--example", "autobahn_client"], "autobahn_client")?)
        }
        Side::Device => Bench::Device(device::boot(&Image::new(args.machine, "echo"), installer)?),
        Side::Board => Bench::Device(emulate::boot("echo", installer)?),
    };
    let label = match args.side {
        Side::Server => "server",
        Side::Client => "client",
        Side::Device => args.machine.name,
        Side::Board => W5500_EVB_PICO.name,
    };
    let judged = bench.run(&judge, &selection, label, limit)?;
    report::conclude(&selection, &judged.verdicts, &judged.broken)
}

/// Which of the cases 1 to 10 a server at this address passes strictly, at the first or at a second try. One that was not
/// run did not pass.
pub(crate) fn judge_server(
    label: &str,
    address: SocketAddr,
    limit: Duration,
    installer: &Installer,
) -> Result<BTreeMap<String, bool>> {
    let selection = Selection::new(&[]);
    let judge = Judge::ready(JudgeName::Kosoku, installer)?;
    let bench = Bench::Other(address);
    let judged = bench.run(&judge, &selection, label, |_| limit)?;
    let passes = |judged: &Judged, case: &String| judged.verdicts.get(case).is_some_and(Verdict::passes);
    let mut passed: BTreeMap<String, bool> =
        selection.cases().iter().map(|case| (case.clone(), passes(&judged, case))).collect();
    // The judge waits half a second for a close: a busy machine fails one here and there.
    let failed: Vec<String> = passed.iter().filter(|(_, good)| !**good).map(|(case, _)| case.clone()).collect();
    if !failed.is_empty() {
        let again = bench.run(&judge, &Selection::new(&failed), &format!("{label}-again"), |_| limit)?;
        passed.extend(failed.into_iter().map(|case| (case.clone(), passes(&again, &case))));
    }
    Ok(passed)
}

/// What is judged.
enum Bench {
    Server(Server),
    Client(PathBuf),
    Device(Device),
    /// A server that is not ours.
    Other(SocketAddr),
}

/// What came of the sections.
#[derive(Default)]
struct Judged {
    verdicts: Verdicts,
    /// Sections that have no report.
    broken: Vec<String>,
}

impl Bench {
    fn run(
        &self,
        judge: &Judge,
        selection: &Selection,
        label: &str,
        limit: impl Fn(u32) -> Duration,
    ) -> Result<Judged> {
        let reports = workspace_dir("autobahn").join(format!("{label}-{}", judge.name()));
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        let mut judged = Judged::default();
        for (section, cases) in selection.sections() {
            let dir = reports.join(section.to_string());
            match self.judge_twice(judge, &cases, &dir, limit(section)) {
                Ok(found) => judged.verdicts.extend(found),
                Err(error) => judged.broken.push(format!("section {section}: {error:#}")),
            }
        }
        Ok(judged)
    }

    /// The cases once, and those for which the judge gave up waiting once more.
    fn judge_twice(&self, judge: &Judge, cases: &[String], dir: &Path, limit: Duration) -> Result<Verdicts> {
        let mut found = self.judge(judge, cases, dir, limit)?;
        let late = report::timed_out(&found);
        if !late.is_empty() && !judge.is_original() {
            println!("timed out, run once more: {}", late.join(" "));
            found.extend(self.judge(judge, &late, &dir.join("again"), limit)?);
        }
        Ok(found)
    }

    fn judge(&self, judge: &Judge, cases: &[String], dir: &Path, limit: Duration) -> Result<Verdicts> {
        fs::create_dir_all(dir)?;
        match self {
            Self::Server(server) => judge.test_server(server.address, cases, dir, limit)?,
            Self::Device(device) => judge.test_server(device.address(), cases, dir, limit)?,
            Self::Other(address) => judge.test_server(*address, cases, dir, limit)?,
            Self::Client(program) => judge.test_client(program, cases, dir, limit)?,
        }
        report::read(dir)
    }
}

/// By case.
type Verdicts = BTreeMap<String, Verdict>;

/// A judge that is installed.
pub(crate) enum Judge {
    Kosoku(PathBuf),
    Wstest(PathBuf),
}

impl Judge {
    fn ready(name: JudgeName, installer: &Installer) -> Result<Self> {
        Ok(match name {
            JudgeName::Kosoku => Self::Kosoku(kosoku::ready(installer)?),
            JudgeName::Wstest => Self::Wstest(wstest::ready(installer)?),
        })
    }

    fn is_original(&self) -> bool {
        matches!(self, Self::Wstest(_))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Kosoku(_) => "kosoku",
            Self::Wstest(_) => "wstest",
        }
    }

    fn test_server(&self, address: SocketAddr, cases: &[String], dir: &Path, limit: Duration) -> Result<()> {
        match self {
            Self::Kosoku(program) => kosoku::test_server(program, address, cases, dir, limit),
            Self::Wstest(program) => wstest::test_server(program, address, cases, dir, limit),
        }
    }

    fn test_client(&self, client: &Path, cases: &[String], dir: &Path, limit: Duration) -> Result<()> {
        let run = |address| run_client(client, address, limit);
        match self {
            Self::Kosoku(program) => kosoku::test_client(program, run, cases, dir),
            Self::Wstest(program) => wstest::test_client(program, run, cases, dir),
        }
    }
}

/// Runs our client against a fuzzing server; how it exits is told, the cases are what counts.
fn run_client(client: &Path, address: SocketAddr, limit: Duration) -> Result<()> {
    let url = format!("ws://{address}");
    let status: ExitStatus = status_within(command(client).arg(&url), limit)?;
    if !status.success() {
        println!("note: the client ended with {status}");
    }
    Ok(())
}

/// Sections 12 and 13 send a thousand messages a case; the others take seconds.
fn limit(section: u32) -> Duration {
    let minutes = if section >= 12 { 45 } else { 4 };
    Duration::from_secs(minutes * 60)
}

/// Waits for a judge that was told that its work is done.
fn finish(judge: Running) -> Result<ExitStatus> {
    judge.wait(Duration::from_secs(60)).context("the judge did not write its reports")
}

/// Refuses a judge that ended well but wrote nothing.
fn written(dir: &Path) -> Result<()> {
    let index = dir.join("index.json");
    if !index.is_file() {
        bail!("the judge wrote no {}", index.display());
    }
    Ok(())
}
