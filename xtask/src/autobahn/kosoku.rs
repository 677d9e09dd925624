//! The judge of every run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::relay::Relay;
use super::{finish, written};
use crate::install::Installer;
use crate::process::{self, Running, command, root, workspace_dir};
use crate::python;
use crate::server::listening;

/// The installed program.
pub(crate) fn ready(installer: &Installer) -> Result<PathBuf> {
    let requirements = root().join("xtask/kosoku.txt");
    python::environment("kosoku", &requirements, installer)?;
    Ok(python::program(&workspace_dir("kosoku"), "kosoku"))
}

/// Runs cases against a server.
pub(crate) fn test_server(
    program: &Path,
    address: SocketAddr,
    cases: &[String],
    dir: &Path,
    limit: Duration,
) -> Result<()> {
    let relay = Relay::start(address)?;
    let mut judge = with_cases(program, "fuzzingclient", cases, dir);
    judge.arg(relay.address.to_string());
    announce(&judge, cases.len());
    // It names each failed case on standard error; the table does that here.
    let judge = Running::start(judge.stdout(Stdio::null()).stderr(Stdio::null()))?;
    judge.wait(limit)?;
    written(dir)
}

/// Runs cases against a client, which `run` starts.
pub(crate) fn test_client(
    program: &Path,
    run: impl Fn(SocketAddr) -> Result<()>,
    cases: &[String],
    dir: &Path,
) -> Result<()> {
    let mut judge = with_cases(program, "fuzzingserver", cases, dir);
    judge.arg("127.0.0.1:0");
    announce(&judge, cases.len());
    let (judge, address) = listening(&mut judge, &dir.join("judge.log")).context("kosoku did not start")?;
    let relay = Relay::start(address)?;
    run(relay.address)?;
    finish(judge)?;
    written(dir)
}

fn with_cases(program: &Path, mode: &str, cases: &[String], dir: &Path) -> Command {
    let mut judge = command(program);
    judge.args(["-m", mode]).arg("-o").arg(dir);
    for case in cases {
        judge.args(["-i", case]);
    }
    judge
}

/// Prints the command without its hundred case names.
fn announce(judge: &Command, cases: usize) {
    let line = process::line(judge);
    let mut words: Vec<&str> = line.split(' ').collect();
    let first = words.iter().position(|word| *word == "-i");
    let last = words.iter().rposition(|word| *word == "-i");
    if let (Some(first), Some(last)) = (first, last) {
        words.drain(first + 2..last + 2);
    }
    println!("+ {} ({cases} cases)", words.join(" "));
}
