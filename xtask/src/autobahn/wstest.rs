//! The original judge, where a Python 2.7 can be found.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::written;
use crate::install::{Installer, Missing, attempt};
use crate::process::{Running, ask, command, run, run_within, workspace_dir};
use crate::python;
use crate::server::START;

const VERSION: &str = "autobahntestsuite==25.10.1";

/// The installed program.
pub(crate) fn ready(installer: &Installer) -> Result<PathBuf> {
    let dir = workspace_dir("wstest");
    let program = python::program(&dir, "wstest");
    if program.is_file() {
        return Ok(program);
    }
    let Some(old) = python_2_7() else {
        bail!(Missing("wstest needs Python 2.7: pyenv install 2.7.18, or use --judge kosoku".into()));
    };
    // A current virtualenv can no longer make an environment of Python 2.7, and that Python's pip cannot
    // make one of its own.
    let tools = workspace_dir("wstest-tools");
    python::create(&tools, installer)?;
    attempt(
        "virtualenv",
        command(python::program(&tools, "python")).args(["-m", "pip", "install", "--quiet", "virtualenv<20.22"]),
    )?;
    let virtualenv = python::program(&tools, "virtualenv");
    run(command(virtualenv).arg("--quiet").arg("-p").arg(old).arg(&dir))?;
    let python = python::program(&dir, "python");
    attempt(VERSION, command(python).args(["-m", "pip", "install", "--quiet", VERSION]))?;
    Ok(program)
}

/// Runs cases against a server.
pub(crate) fn test_server(
    program: &Path,
    address: SocketAddr,
    cases: &[String],
    dir: &Path,
    limit: Duration,
) -> Result<()> {
    let url = format!("ws://{address}");
    let servers = json!([{ "agent": "sockeye", "url": url }]);
    let mut judge = with_spec(
        program,
        "fuzzingclient",
        dir,
        &json!({
            "outdir": dir,
            "servers": servers,
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }),
    )?;
    run_within(judge.stdout(Stdio::null()), limit)?;
    written(dir)
}

/// Runs cases against a client, which `run` starts.
pub(crate) fn test_client(
    program: &Path,
    run: impl Fn(SocketAddr) -> Result<()>,
    cases: &[String],
    dir: &Path,
) -> Result<()> {
    let address = free_port()?;
    let url = format!("ws://{address}");
    let mut judge = with_spec(
        program,
        "fuzzingserver",
        dir,
        &json!({
            "url": url,
            "outdir": dir,
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }),
    )?;
    judge.args(["-u", "0"]).stdout(Stdio::null());
    println!("+ {}", crate::process::line(&judge));
    let judge = Running::start(&mut judge)?;
    until(START, || TcpStream::connect(address).is_ok(), "wstest does not listen")?;
    run(address)?;
    // It goes on serving after the client has asked for the reports; they are there when the index can be read.
    let end = Duration::from_secs(60);
    until(end, || super::report::read(dir).is_ok(), "wstest wrote no reports")?;
    drop(judge);
    Ok(())
}

fn with_spec(program: &Path, mode: &str, dir: &Path, spec: &serde_json::Value) -> Result<Command> {
    let file = dir.join("spec.json");
    fs::write(&file, format!("{spec:#}\n"))?;
    let mut judge = command(program);
    judge.args(["-m", mode, "-s"]).arg(file);
    Ok(judge)
}

/// It takes no port 0, so a free one is looked for.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn until(limit: Duration, done: impl Fn() -> bool, otherwise: &str) -> Result<()> {
    let end = Instant::now() + limit;
    while !done() {
        if Instant::now() >= end {
            bail!("{otherwise} after {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn python_2_7() -> Option<PathBuf> {
    let works = |program: &Path| {
        let version = "import sys; assert sys.version_info[:2] == (2, 7)";
        ask(program, &["-c", version]).is_some()
    };
    let on_path = PathBuf::from("python2.7");
    if works(&on_path) {
        return Some(on_path);
    }
    let versions = PathBuf::from(ask("pyenv", &["root"])?).join("versions");
    let installed = fs::read_dir(versions).ok()?.flatten();
    installed.map(|version| version.path().join("bin/python2.7")).find(|program| works(program))
}
