//! An image for the board: what it weighs, and what it counts in QEMU.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use crate::install::Installer;
use crate::process::{self, Running, command, target_dir};
use crate::server::build;

const TARGET: &str = "thumbv7m-none-eabi";
const QEMU: &str = "qemu-system-arm";

/// An image runs for less than a second.
const LIMIT: Duration = Duration::from_secs(60);

/// What was found out of an image.
pub(super) struct Image {
    /// Bytes in flash, and in RAM of what is static.
    pub(super) flash: u64,
    pub(super) ram: u64,
    lines: BTreeMap<String, Line>,
}

/// A number, and whether what it is of was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    number: u32,
    right: bool,
}

impl Image {
    /// Builds an image, runs it twice, and looks whether it counts the same.
    pub(super) fn measure(name: &str, library: Option<&str>, installer: &Installer) -> Result<Self> {
        installer.rust_target(TARGET)?;
        installer.qemu(QEMU)?;
        let name = format!("image-{name}");
        let features = library.map_or("board".to_owned(), |library| format!("board,{library}"));
        let path = program(&name, &features, Some(TARGET))?;
        let printed = once(&path)?;
        let again = once(&path)?;
        if printed != again {
            bail!("{name} counts differently in two runs:\n{printed}\n{again}");
        }
        println!("{name}: two runs count the same");
        let (flash, ram) = sizes(&path)?;
        Ok(Self { flash, ram, lines: parse(&printed)? })
    }

    /// A number that has to be there.
    pub(super) fn number(&self, name: &str) -> Result<u32> {
        let line = self.lines.get(name).with_context(|| format!("the image prints no {name}"))?;
        Ok(line.number)
    }

    /// A number of something that was as it should be.
    pub(super) fn right(&self, name: &str) -> Result<Option<u32>> {
        let number = self.number(name)?;
        Ok(self.lines.get(name).filter(|line| line.right).map(|_| number))
    }
}

/// Builds a program of `bench/device`.
pub(super) fn program(name: &str, features: &str, target: Option<&str>) -> Result<PathBuf> {
    let dir = target_dir().join("bench-device").display().to_string();
    let mut arguments = vec!["--manifest-path", "bench/device/Cargo.toml", "--target-dir", &dir];
    arguments.extend(["--features", features, "--bin", name]);
    if let Some(target) = target {
        arguments.extend(["--target", target]);
    }
    build(&arguments, name)
}

/// What an image prints. With this shift each instruction takes 1,024 ns, whatever the host does meanwhile.
fn once(image: &Path) -> Result<String> {
    let mut qemu = command(QEMU);
    qemu.args(["-M", "lm3s6965evb", "-icount", "shift=10", "-nic", "none"]);
    qemu.args(["-display", "none", "-serial", "none", "-monitor", "none", "-chardev", "stdio,id=out"]);
    qemu.args(["-semihosting-config", "enable=on,target=native,chardev=out", "-kernel"]).arg(image);
    println!("+ {}", process::line(&qemu));
    // What it prints fits into the pipes.
    let mut running = Running::start(qemu.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
    let status = running.wait(LIMIT)?;
    let printed = io::read_to_string(stdout.context("QEMU has no output")?)?;
    if !status.success() {
        let complaints = io::read_to_string(stderr.context("QEMU has no errors")?)?;
        bail!("{} ended with {status} after:\n{printed}{complaints}", image.display());
    }
    Ok(printed)
}

/// Each line is a name and a number, and `wrong` behind it.
fn parse(printed: &str) -> Result<BTreeMap<String, Line>> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let (number, right) = rest.strip_suffix(" wrong").map_or((rest, true), |number| (number, false));
        Some((name.to_owned(), Line { number: number.parse().ok()?, right }))
    };
    let parsed = |text: &str| line(text).with_context(|| format!("an image prints {text:?}"));
    printed.lines().map(parsed).collect()
}

/// Of `.text`, `.rodata` and `.data`, and of `.data`, `.bss` and what else is static.
fn sizes(image: &Path) -> Result<(u64, u64)> {
    let bytes = fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
    let file = object::File::parse(bytes.as_slice())?;
    let sum = |names: &[&str]| -> u64 {
        let sections = names.iter().filter_map(|name| file.section_by_name(name));
        sections.map(|section| section.size()).sum()
    };
    Ok((sum(&[".text", ".rodata", ".data"]), sum(&[".data", ".bss", ".uninit"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_name_a_number_and_a_verdict() {
        let lines = parse("ping 543\nfirefox 156621 wrong\n").expect("both are lines");
        assert_eq!(lines["ping"], Line { number: 543, right: true });
        assert_eq!(lines["firefox"], Line { number: 156_621, right: false });
        for broken in ["ping", "ping -", "ping 1 right"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
