//! What a connection that waits costs: by the servers' counting allocators, and by their RSS.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::cases::Mode;
use super::servers::{QUIET, SERVE, SOCKEYE, Server, TWIN, pinned};
use crate::markdown::{grouped, table};
use crate::process;

/// What each of the connections echoed before: nothing, or one message of so many bytes.
const AFTER: &[(&str, usize)] = &[("fresh", 0), ("after 1 KiB", 1024), ("after 1 MiB", 1 << 20)];

/// How many bytes a connection may take, by heap and by RSS.
const BARS: &[(&str, u64)] = &[(QUIET, 1536), (SOCKEYE, 1700), (SERVE, 2560)];

/// Bytes a connection.
pub(super) struct Held {
    pub(super) name: String,
    /// Heap, if the server counts it, and RSS; each fresh, after 1 KiB, after 1 MiB.
    pub(super) bytes: Vec<(Option<u64>, u64)>,
}

pub(super) fn measure(servers: &[Server], load: &Path, connections: usize) -> Result<Vec<Held>> {
    let mut all = Vec::new();
    for server in servers.iter().filter(|server| server.name != TWIN) {
        let bytes = AFTER.iter().map(|(_, bytes)| once(server, load, connections, *bytes)).collect::<Result<_>>();
        all.push(Held { name: server.name.clone(), bytes: bytes.with_context(|| server.name.clone())? });
        eprintln!("memory of {} done", server.name);
    }
    Ok(all)
}

/// Each time a new server, since what it once had it may keep.
fn once(server: &Server, load: &Path, connections: usize, bytes: usize) -> Result<(Option<u64>, u64)> {
    let started = server.start(Mode::Echo)?;
    let mut idle = pinned(1, load);
    idle.args(["idle", "--address", &started.address.to_string(), "--path", started.path]);
    idle.args(["--pid", &started.pid().to_string(), "--connections", &connections.to_string()]);
    idle.args(["--bytes", &bytes.to_string(), "--messages", if bytes > 0 { "1" } else { "0" }]);
    if let Some(heap) = started.heap {
        idle.args(["--heap", &heap.to_string()]);
    }
    if started.raw {
        idle.arg("--raw");
    }
    let output = idle.output()?;
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let number = |name: &str| printed[name].as_f64().map(|bytes| bytes.round().max(0.0) as u64);
    let Some(rss) = number("rss") else {
        bail!("{}: {}", process::line(&idle), String::from_utf8_lossy(&output.stderr))
    };
    Ok((number("heap"), rss))
}

pub(super) fn report(all: &[Held], connections: usize) -> String {
    let title = format!("bytes a connection, of {}", grouped(connections as u64));
    let mut head = vec![title];
    head.extend(AFTER.iter().flat_map(|(after, _)| [format!("heap, {after}"), format!("RSS, {after}")]));
    head.extend(["at most".to_owned(), String::new()]);
    let row = |held: &Held| {
        let mut row = vec![held.name.clone()];
        for (heap, rss) in &held.bytes {
            row.push(heap.map(grouped).unwrap_or_default());
            row.push(grouped(*rss));
        }
        if let Some((bar, most)) = bar(held) {
            row.push(grouped(bar));
            row.push(if most <= bar { "met".into() } else { format!("missed by {}", grouped(most - bar)) });
        }
        row
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn missed(all: &[Held]) -> Vec<String> {
    let over = |held: &Held| bar(held).filter(|(bar, most)| most > bar).map(|(_, most)| (held.name.clone(), most));
    all.iter().filter_map(over).map(|(name, most)| format!("{name}, memory: {most} bytes a connection")).collect()
}

/// The bar and the most of all that was measured.
fn bar(held: &Held) -> Option<(u64, u64)> {
    let (_, bar) = BARS.iter().find(|(name, _)| *name == held.name)?;
    let most = held.bytes.iter().flat_map(|(heap, rss)| [heap.unwrap_or(0), *rss]).max()?;
    Some((*bar, most))
}
