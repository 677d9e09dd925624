//! Other people's programs that flash: probe-rs and espflash.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::install::{Installer, Missing};
use crate::process::{self, ask, command, found};

const PROBE_RS: &str =
    "probe-rs is missing: cargo install probe-rs-tools --locked, or see probe.rs/docs/getting-started";

/// Whether there is a debug probe, and the program for it.
pub(super) fn has_probe() -> bool {
    !probes().is_empty()
}

/// The debug probes, one a line.
fn probes() -> Vec<String> {
    let said = ask("probe-rs", &["list"]).unwrap_or_default();
    said.lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect()
}

/// Refuses to choose a probe.
pub(super) fn one_probe(chosen: Option<&str>) -> Result<()> {
    if !found("probe-rs") {
        bail!(Missing(PROBE_RS.into()));
    }
    if chosen.is_some() {
        return Ok(());
    }
    match probes().as_slice() {
        [_] => Ok(()),
        [] => bail!("no debug probe is there: connect the board by the USB of its probe, which `probe-rs list` shows"),
        several => bail!("several debug probes are there, choose with --probe:\n  {}", several.join("\n  ")),
    }
}

/// Refuses to choose a port.
pub(super) fn one_port(chosen: Option<&str>, installer: &Installer) -> Result<()> {
    installer.espflash()?;
    if chosen.is_some() {
        return Ok(());
    }
    match ports().as_slice() {
        [_] => Ok(()),
        [] => bail!("no board is there: connect it by USB; `espflash list-ports` shows it"),
        several => bail!("several serial ports are there, choose with --port:\n  {}", several.join("\n  ")),
    }
}

/// Flashes by a debug probe, and follows the log until Ctrl-C. Where the chip is another, probe-rs says so.
pub(super) fn probe_rs(chip: &str, elf: &Path, probe: Option<&str>) -> Result<()> {
    let mut run = command("probe-rs");
    run.args(["run", "--chip", chip]);
    if let Some(probe) = probe {
        run.args(["--probe", probe]);
    }
    follow(run.arg(elf))
}

/// Flashes over USB, and follows the log until Ctrl-C. Where the chip is another, espflash says so.
pub(super) fn espflash(chip: &str, elf: &Path, port: Option<&str>) -> Result<()> {
    let mut flash = command("espflash");
    flash.args(["flash", "--chip", chip, "--monitor", "--log-format", "defmt"]);
    if let Some(port) = port {
        flash.args(["--port", port]);
    }
    follow(flash.arg(elf))
}

/// The serial ports that have a board, one a line.
fn ports() -> Vec<String> {
    let said = ask("espflash", &["list-ports", "--name-only", "--skip-update-check"]).unwrap_or_default();
    said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(super) fn list() {
    for (program, what, there) in [("probe-rs", "debug probes", probes()), ("espflash", "serial ports", ports())] {
        match there.as_slice() {
            _ if !found(program) => println!("{what}: unknown, {program} is not installed"),
            [] => println!("{what}: none"),
            some => println!("{what}:\n  {}", some.join("\n  ")),
        }
    }
}

/// With the terminal's input: both ask, and end with Ctrl-C.
fn follow(program: &mut Command) -> Result<()> {
    println!("+ {}", process::line(program));
    let status = program.status().with_context(|| format!("cannot start {}", process::line(program)))?;
    if !status.success() {
        bail!("{status}: {}", process::line(program));
    }
    Ok(())
}
