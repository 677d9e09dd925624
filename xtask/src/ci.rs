//! What the continuous run does: formatting, clippy and docs with warnings denied, then the README's test command.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Result;
use sockeye_qemu::MACHINES;

use crate::install::Installer;
use crate::process::{self, cargo};
use crate::test::devices::TESTS as BOOTED;
use crate::test::{self, Row};

pub(crate) fn run(installer: &Installer) -> ExitCode {
    let mut rows = vec![Row::of("fmt", fmt), Row::of("clippy", || clippy(installer)), Row::of("doc", doc)];
    rows.extend(test::steps(&[], installer));
    test::conclude(&rows)
}

fn fmt() -> Result<()> {
    // The others are not members of the workspace.
    for manifest in [
        "Cargo.toml",
        "bench/device/Cargo.toml",
        "bench/peers/Cargo.toml",
        "examples/Cargo.toml",
        "examples/esp32/Cargo.toml",
        "examples/rp/Cargo.toml",
        "examples/stm32/Cargo.toml",
        "xtask/probe/Cargo.toml",
    ] {
        process::run(cargo().args(["fmt", "--all", "--manifest-path", manifest, "--check"]))?;
    }
    Ok(())
}

fn clippy(installer: &Installer) -> Result<()> {
    process::run(cargo().args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))?;
    // Those that boot firmware are not among all targets.
    let mut booted = cargo();
    booted.args(["clippy", "-p", "sockeye-tests"]);
    booted.args(BOOTED.iter().flat_map(|test| ["--test", test]));
    process::run(booted.args(["--", "-D", "warnings"]))?;
    let mut packages = BTreeSet::new();
    for machine in MACHINES.iter().filter(|machine| packages.insert(machine.package)) {
        installer.rust_target(machine.target)?;
        // What it depends on in this repository is looked at as well.
        for features in [&[][..], &["--no-default-features", "--features", "short-deadlines"]] {
            let mut clippy = cargo();
            clippy.args(["clippy", "--manifest-path", "examples/Cargo.toml", "--target-dir", "target/device"]);
            clippy.args(["--target", machine.target, "-p", machine.package]);
            process::run(clippy.args(features).args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(())
}

fn doc() -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--all-features"]);
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}
