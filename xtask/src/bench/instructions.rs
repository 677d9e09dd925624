//! User-space instructions a message, counted by callgrind: the same whatever else the machine does.
//!
//! The server runs under callgrind twice, with few messages and with many; what the many take more is theirs. The load
//! is in lockstep: every read brings the same.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::report::DOCUMENT;
use super::servers::{RAW, SOCKEYE, Server};
use crate::install::Installer;
use crate::markdown::{self, grouped, section, table};
use crate::process::{self, command, found, root, workspace_dir};
use clap::Args as ClapArgs;

/// Options of `bench instructions`.
#[derive(ClapArgs, Default)]
pub(crate) struct Args {
    /// Only the cases whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// Count the other libraries as well, and rewrite the table in docs/performance/README.md.
    #[arg(long)]
    write: bool,
}

/// A load, and how many instructions a message of it may take.
struct Count {
    name: &'static str,
    mode: &'static str,
    arguments: &'static [&'static str],
    in_flight: usize,
    bar: Option<u64>,
}

const COUNTS: &[Count] = &[
    Count { name: "echo 125 B", mode: "echo", arguments: &["--bytes", "125"], in_flight: 1, bar: None },
    Count {
        name: "echo 125 B, 16 in flight",
        mode: "echo",
        arguments: &["--bytes", "125"],
        in_flight: 16,
        bar: Some(400),
    },
    Count {
        name: "echo 1 KiB text, 16 in flight",
        mode: "echo",
        arguments: &["--bytes", "1024", "--kind", "text"],
        in_flight: 16,
        bar: Some(700),
    },
    Count { name: "echo 125 B, 64 in flight", mode: "echo", arguments: &["--bytes", "125"], in_flight: 64, bar: None },
    Count {
        name: "echo 160 B in 10 fragments",
        mode: "echo",
        arguments: &["--bytes", "160", "--fragments", "10"],
        in_flight: 1,
        bar: None,
    },
];

/// The few messages, by how many are in flight, and how many more the many are: what a server does once, and not always
/// to the same extent, is to be little of it.
const FEW: usize = 100;
const MORE: usize = 32_000;
/// What is over the committed number by more fails.
const GROWTH: f64 = 1.03;

/// Counts ours, compares with the committed numbers, and fails if they grew; with `write` counts all and commits.
pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    installer.debian("valgrind", &["valgrind"], || found("valgrind"))?;
    let write = args.write;
    let servers = super::servers::all(write, &[])?;
    let counted = |server: &&Server| [RAW, SOCKEYE].contains(&server.name.as_str()) || (server.is_peer() && write);
    let servers: Vec<&Server> = servers.iter().filter(counted).collect();
    let load = super::load()?;
    let mut rows = Vec::new();
    for count in COUNTS.iter().filter(|count| count.name.contains(&args.only)) {
        let mut row = vec![count.name.to_owned()];
        for server in &servers {
            row.push(grouped(a_message(count, server, &load)?));
        }
        let own: u64 = row.get(2).context("sockeye is the second")?.replace(',', "").parse()?;
        row.push(count.bar.map(grouped).unwrap_or_default());
        row.push(
            count
                .bar
                .map(|bar| if own <= bar { "met".into() } else { format!("missed by {}", own - bar) })
                .unwrap_or_default(),
        );
        rows.push(row);
        eprintln!("{} counted", count.name);
    }
    let mut head = vec!["user instructions a message"];
    head.extend(servers.iter().map(|server| server.name.as_str()));
    head.extend(["at most", ""]);
    let text = table(&head, &rows);
    println!("\n{text}");
    if write {
        return markdown::write(DOCUMENT, &[("instructions", text)]);
    }
    let committed = fs::read_to_string(root().join(DOCUMENT)).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let committed = section(&committed, "instructions").context("no instructions are committed")?;
    let grown: Vec<String> = rows.iter().filter_map(|row| grown(committed, &row[0], 2, &row[2])).collect();
    if !grown.is_empty() {
        bail!(
            "{}; if it is worth that, `cargo xtask bench instructions --write` commits the new numbers",
            grown.join("; ")
        );
    }
    println!("none takes over {:.0} % more than {DOCUMENT} says", (GROWTH - 1.0) * 100.0);
    Ok(())
}

/// What is said of a case that takes more than the committed table has in so many columns behind its name.
pub(super) fn grown(committed: &str, name: &str, column: usize, now: &str) -> Option<String> {
    let number = |cell: &str| cell.trim().replace(',', "").parse::<f64>().ok();
    let cells = committed.lines().find_map(|line| line.strip_prefix(&format!("| {name} |")));
    let before = cells.and_then(|cells| number(cells.split('|').nth(column - 1)?));
    match (before, number(now)?) {
        (None, _) => Some(format!("{name} is not among the committed numbers")),
        (Some(before), now) if now > before * GROWTH => {
            Some(format!("{name} takes {now} instructions, committed are {before}"))
        }
        _ => None,
    }
}

fn a_message(count: &Count, server: &Server, load: &Path) -> Result<u64> {
    let few = FEW * count.in_flight;
    let of = |messages| total(count, server, load, messages);
    let spent = of(few + MORE)?.saturating_sub(of(few)?);
    Ok((spent + MORE as u64 / 2) / MORE as u64)
}

/// Instructions of a server's whole life.
fn total(count: &Count, server: &Server, load: &Path, messages: usize) -> Result<u64> {
    let out = workspace_dir("callgrind.out");
    let _ = fs::remove_file(&out);
    let started = server.start_counted(count.mode, &out)?;
    let mut client = command(load);
    client.args([count.mode, "--lockstep", "--address", &started.address.to_string()]).args(count.arguments);
    client.args(["--in-flight", &count.in_flight.to_string(), "--messages", &messages.to_string()]);
    if started.raw {
        client.arg("--raw");
    }
    let output = client.output()?;
    if !output.status.success() {
        bail!("{}: {}", process::line(&client), String::from_utf8_lossy(&output.stderr));
    }
    started.terminate()?;
    let counted = fs::read_to_string(&out).context("callgrind wrote nothing")?;
    let total =
        counted.lines().find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    total.context("callgrind wrote no total")?.trim().parse().context("a total is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_measured_against_the_committed_table() {
        let committed = "| x | raw | ours | |\n| --- | --: | --: | --: |\n| echo | 1,000 | 1,200 | |\n";
        assert_eq!(grown(committed, "echo", 2, "1,236"), None);
        assert!(grown(committed, "echo", 2, "1,237").is_some());
        assert!(grown(committed, "other", 2, "1").is_some());
    }
}
