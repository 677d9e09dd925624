//! A load that runs: it waits when its connections are open, and again when it is done.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::cases::Case;
use super::rounds::Sample;
use super::servers::Started;
use crate::process;

/// A child that ends with its owner's [`end`](Self::end).
pub(super) struct Load {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    line: String,
}

impl Load {
    /// Opens the connections. `program` is the load's.
    pub(super) fn open(mut program: Command, started: &Started, case: &Case, messages: usize) -> Result<Self> {
        case.arguments(&mut program, messages);
        program.args(["--address", &started.address.to_string(), "--path", started.path, "--paced"]);
        if started.raw {
            program.arg("--raw");
        }
        let line = process::line(&program);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().context("piped")?, child.stdout.take().context("piped")?);
        let mut load = Load { child, input, lines: BufReader::new(output).lines(), line };
        match load.next() {
            Some(line) if line == "ready" => Ok(load),
            _ => bail!(load.why()),
        }
    }

    pub(super) fn go(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"go\n")?)
    }

    /// Waits for its end: what it says of itself.
    pub(super) fn done(&mut self) -> Result<Value> {
        match self.next().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(result) => Ok(result),
            None => bail!(self.why()),
        }
    }

    /// Closes the connections.
    pub(super) fn end(mut self) -> Result<()> {
        drop(self.input);
        if !self.child.wait()?.success() {
            bail!("{} failed", self.line);
        }
        Ok(())
    }

    fn next(&mut self) -> Option<String> {
        self.lines.next().and_then(Result::ok)
    }

    /// Why it ended before it was to.
    fn why(&mut self) -> String {
        let mut why = String::new();
        // It said why before it closed its output; one that talks nonsense is not waited for.
        let _ = self.child.kill();
        let _ = self.child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut why));
        let _ = self.child.wait();
        format!("{}: {}", self.line, why.lines().next().unwrap_or_default())
    }
}

/// Puts a server under these loads once. Opening the connections does not count, unless that is the load.
pub(super) fn sample(programs: Vec<Command>, started: &Started, case: &Case, messages: usize) -> Result<Sample> {
    let open = |program| Load::open(program, started, case, messages);
    let mut loads = programs.into_iter().map(open).collect::<Result<Vec<_>>>()?;
    let before = started.cpu_nanoseconds()?;
    loads.iter_mut().try_for_each(Load::go)?;
    let results = loads.iter_mut().map(Load::done).collect::<Result<Vec<_>>>()?;
    let spent = started.cpu_nanoseconds()? - before;
    loads.into_iter().try_for_each(Load::end)?;

    let number = |result: &Value, name: &str| result[name].as_f64();
    let (mut messages, mut rate) = (0.0, 0.0);
    for result in &results {
        let these = number(result, "messages").context("a load counts its messages")?;
        messages += these;
        rate += these / number(result, "seconds").context("a load takes its time")?;
    }
    let first = results.first().context("there is a load")?;
    let cost = spent as f64 / 1e3 / messages;
    Ok(Sample { cost, rate, p50: number(first, "p50_us"), p99: number(first, "p99_us") })
}

/// A load with a core to itself, as the servers have the other.
pub(super) fn alone(load: &Path) -> Vec<Command> {
    vec![super::servers::pinned(1, load)]
}
