//! What was measured, as tables for a terminal and for docs/performance/README.md.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::cases::{Case, GROWTH, Mode, SPEAKING};
use super::rounds::{Rounds, Sample};
use super::servers::{RAW, SERVE, SOCKEYE, Server, TWIN};
use super::stats::Spread;
use crate::markdown::table;
use crate::process::{ask, root};

pub(super) const DOCUMENT: &str = "docs/performance/README.md";

/// How a bar was met.
fn verdict(rounds: &Rounds, name: &str) -> Option<String> {
    let (bar, ratio) = (rounds.case.bar?, rounds.ratio(name)?);
    Some(if rounds.is_steady() { against(bar, Some(ratio)) } else { "no verdict".into() })
}

/// How a bar was met by a ratio.
pub(super) fn against(bar: f64, ratio: Option<Spread>) -> String {
    match ratio {
        Some(ratio) if ratio.high <= bar => "met".into(),
        Some(ratio) if ratio.low > bar => format!("missed by {:.2}", ratio.median - bar),
        _ => "not sure".into(),
    }
}

pub(super) fn spread(ratio: Option<Spread>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{:.2} ({:.2}-{:.2})", ratio.median, ratio.low, ratio.high))
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| match value {
        value if value < 10.0 => format!("{value:.3}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    })
}

/// Ours against raw TCP, with the bars.
pub(super) fn bars(all: &[Rounds]) -> String {
    let head = ["server CPU a message", "raw TCP, us", "twin", "bar", SOCKEYE, "", SERVE, ""];
    let row = |rounds: &Rounds| {
        let twin = rounds.ratio(TWIN).map(|twin| format!("{:.2}", twin.median)).unwrap_or_default();
        let bar = rounds.case.bar.map(|bar| format!("{bar:.2}")).unwrap_or_default();
        let mut row = vec![rounds.case.name(), number(rounds.median(RAW, |sample| Some(sample.cost))), twin, bar];
        for name in [SOCKEYE, SERVE] {
            row.push(spread(rounds.ratio(name)));
            row.push(verdict(rounds, name).unwrap_or_default());
        }
        row
    };
    table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

/// Everybody: the cost of a message, and its ratio to raw TCP.
pub(super) fn peers(all: &[Rounds], servers: &[Server]) -> String {
    let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    let there = |name: &&str| *name != TWIN && all.iter().any(|rounds| rounds.names().any(|found| found == *name));
    let names: Vec<&str> = names.into_iter().filter(there).collect();
    let head: Vec<&str> =
        std::iter::once("server CPU a message, us (ratio to raw)").chain(names.iter().copied()).collect();
    let row = |rounds: &Rounds| {
        let cell = |name: &&str| {
            let cost = rounds.median(name, |sample| Some(sample.cost))?;
            let ratio = rounds.ratio(name)?.median;
            Some(format!("{} ({ratio:.2})", number(Some(cost))))
        };
        let cells = names.iter().map(|name| cell(name).unwrap_or_default());
        std::iter::once(rounds.case.name()).chain(cells).collect()
    };
    table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

/// Messages a second and how long one takes, which depend on the load's core as well.
pub(super) fn speeds(all: &[Rounds]) -> String {
    type Of = fn(&Sample) -> Option<f64>;
    let columns: [(&str, Of); 3] = [
        ("thousand a second", |sample| Some(sample.rate / 1e3)),
        ("p50, us", |sample| sample.p50),
        ("p99, us", |sample| sample.p99),
    ];
    let mut head = vec!["".to_owned()];
    for name in [RAW, SOCKEYE, SERVE] {
        head.extend(columns.iter().map(|(what, _)| format!("{name}: {what}")));
    }
    let row = |rounds: &Rounds| {
        let mut row = vec![rounds.case.name()];
        for name in [RAW, SOCKEYE, SERVE] {
            row.extend(columns.iter().map(|(_, of)| number(rounds.median(name, of))));
        }
        row
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

/// Ours to raw TCP with more and more connections: the ratio is to stay.
pub(super) fn growth(all: &[Rounds]) -> String {
    let mut by_depth: BTreeMap<usize, Vec<&Rounds>> = BTreeMap::new();
    for rounds in all {
        by_depth.entry(rounds.case.in_flight).or_default().push(rounds);
    }
    let mut head = vec!["ratio to raw TCP, 125 B".to_owned()];
    let mut rows = Vec::new();
    for (depth, of_depth) in &by_depth {
        head = std::iter::once(head[0].clone())
            .chain(of_depth.iter().map(|rounds| format!("{} connections", rounds.case.connections)))
            .chain(["largest to smallest".into(), format!("at most {GROWTH}")])
            .collect();
        for name in [SOCKEYE, SERVE] {
            let ratios: Vec<f64> = of_depth.iter().filter_map(|rounds| Some(rounds.ratio(name)?.median)).collect();
            rows.push(grown(format!("{name}, {depth} in flight"), &ratios));
        }
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &rows)
}

/// The server program to raw TCP with more and more rooms that say nothing.
pub(super) fn rooms(all: &[Rounds]) -> String {
    let head: Vec<String> = std::iter::once(format!("ratio to raw TCP, 125 B to 10 in {SPEAKING} rooms"))
        .chain(all.iter().map(|rounds| format!("of {} rooms", rounds.case.rooms + rounds.case.silent)))
        .chain(["largest to smallest".into(), format!("at most {GROWTH}")])
        .collect();
    let ratios: Vec<f64> = all.iter().filter_map(|rounds| Some(rounds.ratio(SERVE)?.median)).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &[grown(SERVE.into(), &ratios)])
}

/// A message in more and more fragments: what one more costs is to stay.
pub(super) fn fragments(all: &[Rounds]) -> String {
    let steps: Vec<(&Rounds, &Rounds)> = all.iter().zip(all.iter().skip(1)).collect();
    let head: Vec<String> = std::iter::once("us for one more fragment of 16 B".to_owned())
        .chain(steps.iter().map(|(few, many)| format!("from {} to {}", few.case.fragments, many.case.fragments)))
        .chain(["largest to smallest".into(), format!("at most {GROWTH}")])
        .collect();
    let cost = |rounds: &Rounds| rounds.median(SOCKEYE, |sample| Some(sample.cost));
    let more = |(few, many): &(&Rounds, &Rounds)| {
        Some((cost(many)? - cost(few)?) / (many.case.fragments - few.case.fragments) as f64)
    };
    let costs: Vec<f64> = steps.iter().filter_map(more).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &[grown(SOCKEYE.into(), &costs)])
}

fn grown(name: String, values: &[f64]) -> Vec<String> {
    let (least, most) =
        values.iter().fold((f64::MAX, 0.0f64), |(least, most), value| (least.min(*value), most.max(*value)));
    let mut row = vec![name];
    row.extend(values.iter().map(|value| format!("{value:.3}")));
    row.push(format!("{:.2}", most / least));
    row.push(if most / least <= GROWTH { "met".into() } else { "missed".into() });
    row
}

/// Whether each case's bar holds, for the exit code: those that were missed.
pub(super) fn missed(all: &[Rounds]) -> Vec<String> {
    let ours = |rounds: &Rounds| {
        [SOCKEYE, SERVE]
            .into_iter()
            .filter_map(|name| {
                let verdict = verdict(rounds, name)?;
                (verdict != "met").then(|| format!("{name}, {}: {verdict}", rounds.case.name()))
            })
            .collect::<Vec<_>>()
    };
    all.iter().flat_map(ours).collect()
}

/// When, on what, with which versions.
pub(super) fn versions(rounds: usize) -> Result<String> {
    let locks = ["Cargo.lock", "bench/peers/Cargo.lock"].map(|lock| fs::read_to_string(root().join(lock)));
    let version = |package: &str| {
        let found = locks.iter().flatten().find_map(|lock| {
            let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
            Some(rest.split('"').next()?.to_owned())
        });
        found.map(|version| format!("{package} {version}"))
    };
    const PACKAGES: &[&str] =
        &["tokio", "tokio-tungstenite", "fastwebsockets", "tokio-websockets", "yawc", "sockudo-ws"];
    let cpu = fs::read_to_string("/proc/cpuinfo").context("bench needs Linux")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let mut words = vec![format!("{model}, {cores} cores")];
    words.extend(ask("uname", &["-sr"]));
    words.extend(ask("rustc", &["--version"]));
    words.extend(PACKAGES.iter().filter_map(|package| version(package)));
    let date = ask("date", &["-u", "+%F"]).unwrap_or_default();
    Ok(format!("{date}, `cargo xtask bench --write`, {rounds} paired rounds: {}.\n", words.join(", ")))
}

/// What the plot of the README shows.
pub(super) fn is_story(case: &Case) -> bool {
    case.mode == Mode::Echo && (case.bytes, case.connections, case.in_flight) == (125, 50, 16)
}
