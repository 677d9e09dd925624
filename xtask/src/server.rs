//! The release server, built once and started on a free port.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{self, Running, cargo, command, workspace_dir};

/// How long a started program may take to say where it listens.
pub(crate) const START: Duration = Duration::from_secs(10);

/// A running `sockeye serve`; dropping it ends it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _running: Running,
}

impl Server {
    /// Builds the server and starts it; its output goes to a log file under target/xtask.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(more: &[&str]) -> Result<Self> {
        let program = build(&["-p", "sockeye-server", "--bin", "sockeye"], "sockeye")?;
        let log = workspace_dir("server.log");
        let mut serve = command(program);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "off"]).args(more);
        println!("+ {}", process::line(&serve));
        let (running, address) = listening(&mut serve, &log)
            .with_context(|| format!("sockeye serve did not start; see {}", log.display()))?;
        Ok(Self { address, _running: running })
    }
}

/// Builds a release program and returns its path.
pub(crate) fn build(what: &[&str], name: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release"]).args(what);
    build.arg("--message-format=json-render-diagnostics");
    let messages = process::output(&mut build)?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == name;
        let path = message["executable"].as_str().filter(|_| ours)?;
        Some(PathBuf::from(path))
    });
    executable.with_context(|| format!("cargo build made no program {name}"))
}

/// Starts a program, writes what it prints to a log, and waits until a line of it names a loopback port.
pub(crate) fn listening(command: &mut Command, log: &Path) -> Result<(Running, SocketAddr)> {
    let (running, addresses) = addresses(command, log, 1)?;
    Ok((running, addresses[0]))
}

/// The same for a program that names so many ports, each in a line of its own.
pub(crate) fn addresses(command: &mut Command, log: &Path, count: usize) -> Result<(Running, Vec<SocketAddr>)> {
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let log = File::create(log)?;
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (found, addresses) = mpsc::channel();
    if let Some(stdout) = running.child.stdout.take() {
        follow(stdout, log.try_clone()?, found.clone());
    }
    if let Some(stderr) = running.child.stderr.take() {
        follow(stderr, log, found);
    }
    let addresses = (0..count).map(|_| wait_for(&addresses)).collect::<Result<_>>()?;
    Ok((running, addresses))
}

fn wait_for(address: &Receiver<SocketAddr>) -> Result<SocketAddr> {
    address.recv_timeout(START).with_context(|| format!("no line with an address within {} s", START.as_secs()))
}

fn follow(output: impl std::io::Read + Send + 'static, mut log: File, found: Sender<SocketAddr>) {
    // The thread reads to the end, so that the program never waits on a full pipe.
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let _ = writeln!(log, "{line}");
            if let Some(address) = address_in(&line) {
                let _ = found.send(address);
            }
        }
    });
}

/// The address of the first loopback URL in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("://127.0.0.1:")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_servers_print() {
        let port = |line| address_in(line).map(|address| address.port());
        assert_eq!(port("sockeye: open http://127.0.0.1:40123/ in a browser"), Some(40123));
        assert_eq!(port("fuzzingserver listening on ws://127.0.0.1:9001"), Some(9001));
        assert_eq!(port("listening on 0.0.0.0:9001"), None);
        assert_eq!(port("http://127.0.0.1:99999/"), None);
    }
}
