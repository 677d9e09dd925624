//! Mutation testing of the core's rules: whatever is changed in them, a test must notice.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::install::Installer;
use crate::process::{cargo, root, status_within, workspace_dir};

const VERSION: &str = "27.1.0";
const ALLOWED: &str = "xtask/mutants-allowed.txt";

/// Framing, masking, UTF-8, close codes and the handshake.
const FILES: &[&str] = &[
    "crates/sockeye/src/close.rs",
    "crates/sockeye/src/control.rs",
    "crates/sockeye/src/frame.rs",
    "crates/sockeye/src/handshake/*.rs",
    "crates/sockeye/src/mask.rs",
    "crates/sockeye/src/receiver.rs",
    "crates/sockeye/src/sender.rs",
    "crates/sockeye/src/utf8.rs",
];

/// All of them, on two cores.
const LIMIT: Duration = Duration::from_secs(6 * 60 * 60);

pub(crate) fn run(installer: &Installer) -> Result<()> {
    installer.cargo_program("cargo-mutants", VERSION)?;
    let out = workspace_dir("mutants");
    fs::create_dir_all(&out)?;
    let mut mutants = cargo();
    mutants.args(["mutants", "--package", "sockeye", "--jobs", "2", "--no-shuffle", "--colors", "never"]);
    for file in FILES {
        mutants.args(["--file", file]);
    }
    mutants.arg("--output").arg(&out);
    let status = status_within(&mut mutants, LIMIT)?;
    // 0: all caught; 2: some survived; 3: some ran into the time limit, which is caught as well.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo mutants ended with {status}");
    }
    let missed = fs::read_to_string(out.join("mutants.out/missed.txt")).context("no list of survivors")?;
    let allowed = fs::read_to_string(root().join(ALLOWED)).with_context(|| format!("cannot read {ALLOWED}"))?;
    let compared = compare(&missed, &allowed);
    for line in &compared.stale {
        println!("{ALLOWED}: no longer survives: {line}");
    }
    for line in &compared.unexpected {
        println!("survives: {line}");
    }
    if !compared.unexpected.is_empty() {
        bail!("{} mutants survive", compared.unexpected.len());
    }
    println!("no mutant survives but those in {ALLOWED}");
    Ok(())
}

struct Compared {
    unexpected: Vec<String>,
    stale: Vec<String>,
}

fn compare(missed: &str, allowed: &str) -> Compared {
    let allowed: BTreeSet<&str> = allowed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .filter(|(_, reason)| !reason.trim().is_empty())
        .map(|(mutant, _)| mutant)
        .collect();
    let missed: Vec<&str> = missed.lines().filter(|line| !line.is_empty()).collect();
    let names: BTreeSet<String> = missed.iter().map(|line| name(line)).collect();
    let unexpected = missed.iter().filter(|line| !allowed.contains(name(line).as_str()));
    let stale = allowed.iter().filter(|mutant| !names.contains(**mutant));
    Compared {
        unexpected: unexpected.map(|line| (*line).to_owned()).collect(),
        stale: stale.map(|line| (*line).to_owned()).collect(),
    }
}

/// `FILE:LINE:COLUMN: change` without line and column, which every edit above it moves.
fn name(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(file), Some(_), Some(_), Some(change)) => format!("{file}:{change}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSED: &str = "crates/sockeye/src/mask.rs:12:5: replace apply with ()\n";

    #[test]
    fn a_survivor_is_allowed_by_name_and_reason() {
        let check = |allowed| {
            let compared = compare(MISSED, allowed);
            (compared.unexpected.len(), compared.stale.len())
        };
        assert_eq!(check(""), (1, 0));
        assert_eq!(check("# a comment\n"), (1, 0));
        assert_eq!(check("crates/sockeye/src/mask.rs: replace apply with ()\tit is equal\n"), (0, 0));
        assert_eq!(check("crates/sockeye/src/mask.rs: replace apply with ()\t\n"), (1, 0));
        assert_eq!(check("crates/sockeye/src/mask.rs: replace other with ()\tgone\n"), (1, 1));
    }
}
