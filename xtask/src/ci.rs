//! What the continuous run does: formatting, clippy and docs with warnings denied, then the README's test command.

use std::process::ExitCode;

use anyhow::Result;

use crate::install::Installer;
use crate::process::{self, cargo};
use crate::test::{self, Row};

pub(crate) fn run(installer: &Installer) -> ExitCode {
    let mut rows = vec![Row::of("fmt", fmt), Row::of("clippy", clippy), Row::of("doc", doc)];
    rows.extend(test::steps(&[], installer));
    test::conclude(&rows)
}

fn fmt() -> Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    // Not a member of the workspace.
    process::run(cargo().args(["fmt", "--manifest-path", "xtask/probe/Cargo.toml", "--check"]))
}

fn clippy() -> Result<()> {
    process::run(cargo().args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))
}

fn doc() -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--all-features"]);
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}
