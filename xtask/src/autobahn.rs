//! The Autobahn cases against our server or our client, by one of two judges.
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

use self::cases::Selection;
use self::report::Verdict;
use crate::install::Installer;
use crate::process::{Running, command, status_within, workspace_dir};
use crate::server::{Server, build};

/// Which side, which cases, which judge.
#[derive(Parser)]
pub(crate) struct Args {
    /// Our side of the connection.
    pub(crate) side: Side,
    /// Case or `*` pattern to run, such as 6.4.* (repeatable) [default: all of 1 to 10].
    #[arg(long = "cases", value_name = "GLOB", value_parser = cases::pattern)]
    pub(crate) cases: Vec<String>,
    /// Who runs the cases and judges.
    #[arg(long, value_enum, default_value_t = JudgeName::Kosoku)]
    pub(crate) judge: JudgeName,
}

/// Our side of the connection.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// `sockeye serve` answers.
    Server,
    /// The `autobahn_client` example asks.
    Client,
}

/// Who judges.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum JudgeName {
    /// A native runner of the same cases; seconds.
    Kosoku,
    /// The original; needs Python 2.7.
    Wstest,
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let selection = Selection::new(&args.cases);
    let judge = Judge::ready(args.judge, installer)?;
    let reports = workspace_dir("autobahn").join(judge.label(args.side));
    if reports.exists() {
        fs::remove_dir_all(&reports)?;
    }
    let bench = match args.side {
        Side::Server => Bench::Server(Server::start()?),
        Side::Client => {
            Bench::Client(build(&["-p", "sockeye-tokio", "--example", "autobahn_client"], "autobahn_client")?)
        }
    };
    let mut verdicts = BTreeMap::new();
    let mut broken = Vec::new();
    for (section, cases) in selection.sections() {
        let dir = reports.join(section.to_string());
        let judged = bench.judge(&judge, &cases, &dir, limit(section)).and_then(|found| {
            let late: Vec<String> = report::timed_out(&found);
            if late.is_empty() || judge.is_original() {
                return Ok(found);
            }
            println!("timed out, run once more: {}", late.join(" "));
            let again = bench.judge(&judge, &late, &dir.join("again"), limit(section))?;
            Ok(found.into_iter().chain(again).collect())
        });
        match judged {
            Ok(found) => verdicts.extend(found),
            Err(error) => broken.push(format!("section {section}: {error:#}")),
        }
    }
    report::conclude(&selection, &verdicts, &broken)
}

/// What is judged.
enum Bench {
    Server(Server),
    Client(PathBuf),
}

impl Bench {
    fn judge(&self, judge: &Judge, cases: &[String], dir: &Path, limit: Duration) -> Result<BTreeMap<String, Verdict>> {
        fs::create_dir_all(dir)?;
        match self {
            Self::Server(server) => judge.test_server(server.address, cases, dir, limit)?,
            Self::Client(program) => judge.test_client(program, cases, dir, limit)?,
        }
        report::read(dir)
    }
}

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

    fn label(&self, side: Side) -> &'static str {
        match (side, self) {
            (Side::Server, Self::Kosoku(_)) => "server-kosoku",
            (Side::Server, Self::Wstest(_)) => "server-wstest",
            (Side::Client, Self::Kosoku(_)) => "client-kosoku",
            (Side::Client, Self::Wstest(_)) => "client-wstest",
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
