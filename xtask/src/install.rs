//! What a machine lacks: installed where that can be done, else named with the exact command.

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, ask, command, found};

/// Something the machine lacks, with the command that installs it.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

/// Installs what is missing, unless told not to.
pub(crate) struct Installer {
    allowed: bool,
    lists_updated: Cell<bool>,
}

impl Installer {
    pub(crate) fn new(allowed: bool) -> Self {
        let lists_updated = Cell::new(false);
        Self { allowed, lists_updated }
    }

    /// The standard library of a Rust target.
    pub(crate) fn rust_target(&self, triple: &str) -> Result<()> {
        let libraries = ask("rustc", &["--print", "target-libdir", "--target", triple]);
        if libraries.is_some_and(|dir| Path::new(&dir).is_dir()) {
            return Ok(());
        }
        let mut add = command("rustup");
        add.args(["target", "add", triple]);
        let line = process::line(&add);
        if !self.allowed || !found("rustup") {
            bail!(Missing(format!("the Rust target {triple} is missing: {line}")));
        }
        attempt(&format!("the Rust target {triple}"), &mut add)
    }

    /// A program from Debian's packages; `what` names it in a message, `present` tells whether it is there.
    pub(crate) fn debian(&self, what: &str, packages: &[&str], present: impl Fn() -> bool) -> Result<()> {
        if present() {
            return Ok(());
        }
        let mut apt = command("apt-get");
        apt.args(["install", "-y", "--no-install-recommends"]);
        apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
        let line = format!("apt-get update && {}", process::line(&apt));
        if !is_debian() {
            bail!(Missing(format!("{what} is missing: install it and put it on the search path (on Debian: {line})")));
        }
        if !self.may_install() {
            bail!(Missing(format!("{what} is missing; as root: {line}")));
        }
        println!("{what} is missing, installing it: {line}");
        if !self.lists_updated.replace(true) {
            attempt(what, command("apt-get").arg("update"))?;
        }
        attempt(what, &mut apt)?;
        if !present() {
            bail!(Missing(format!("{what} is still missing after: {line}")));
        }
        Ok(())
    }

    /// A program of QEMU's.
    pub(crate) fn qemu(&self, program: &str) -> Result<()> {
        const PACKAGES: &[&str] = &["qemu-system-arm", "qemu-system-misc"];
        // Newer Debians have it apart from the others.
        const RISCV: &str = "qemu-system-riscv";
        let present = || found(program);
        if present() {
            return Ok(());
        }
        if !is_debian() {
            bail!(Missing(qemu_elsewhere(program)));
        }
        let installed = self.debian(program, PACKAGES, present);
        if installed.is_err() && self.may_install() && ask("apt-cache", &["show", RISCV]).is_some() {
            return self.debian(program, &[RISCV], present);
        }
        installed
    }

    /// A cargo subcommand, compiled from its pinned version.
    pub(crate) fn cargo_program(&self, name: &str, version: &str) -> Result<()> {
        let subcommand = name.trim_start_matches("cargo-");
        self.compiled(name, version, &[], ask("cargo", &[subcommand, "--version"]))
    }

    /// What writes images for Espressif's chips. Its graphical parts would want more than a compiler.
    pub(crate) fn espflash(&self) -> Result<()> {
        let features = ["--no-default-features", "--features", "cli"];
        self.compiled("espflash", "4.7.0", &features, ask("espflash", &["--version"]))
    }

    /// A program that cargo compiles, in a version that it says itself.
    fn compiled(&self, name: &str, version: &str, features: &[&str], says: Option<String>) -> Result<()> {
        if says.is_some_and(|text| text.contains(version)) {
            return Ok(());
        }
        let mut install = process::cargo();
        install.args(["install", name, "--locked", "--version", version]).args(features);
        if !self.allowed {
            let features: String = features.iter().map(|word| format!(" {word}")).collect();
            let line = format!("cargo install {name} --locked --version {version}{features}");
            bail!(Missing(format!("{name} {version} is missing: {line}")));
        }
        println!("{name} {version} is missing, installing it (some minutes)");
        attempt(name, &mut install)
    }

    /// What runs the image of a board: Node.js, the locked package, and QEMU for its network.
    pub(crate) fn emulator(&self) -> Result<()> {
        self.qemu("qemu-system-arm")?;
        self.node_packages("tests/emulator")
    }

    /// Node.js, and the locked packages of a folder.
    pub(crate) fn node_packages(&self, folder: &str) -> Result<()> {
        let ready = || ask("node", &["--version"]).is_some() && ask("npm", &["--version"]).is_some();
        self.debian("Node.js with npm", &["nodejs", "npm"], ready)?;
        let folder = process::root().join(folder);
        attempt("the Node packages", command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
    }

    /// Whether Debian's packages can be installed.
    fn may_install(&self) -> bool {
        self.allowed && is_root()
    }
}

/// Runs a command that installs something; if it fails, that is not the project's fault but something missing.
pub(crate) fn attempt(what: &str, command: &mut Command) -> Result<()> {
    process::run(command).map_err(|error| Missing(format!("{what} could not be installed: {error:#}")).into())
}

/// The command that installs QEMU, for those who know which is theirs.
fn qemu_elsewhere(program: &str) -> String {
    let commands = [
        "apt-get install -y --no-install-recommends qemu-system-arm qemu-system-misc (and qemu-system-riscv, where it is apart)",
        "dnf install -y qemu-system-arm qemu-system-riscv",
        "pacman -S --needed qemu-system-arm qemu-system-riscv",
        "brew install qemu",
    ];
    format!("{program} is missing; one of these installs it:\n  {}", commands.join("\n  "))
}

fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let named = |line: &str| {
        let value = line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE="));
        value.is_some_and(|value| value.contains("debian"))
    };
    release.lines().any(named) && found("apt-get")
}

fn is_root() -> bool {
    ask("id", &["-u"]).is_some_and(|id| id == "0")
}
