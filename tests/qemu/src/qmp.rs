//! QEMU's monitor, as far as it is needed: JSON objects, a line each.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The monitor of a machine that runs.
#[derive(Debug)]
pub(crate) struct Monitor {
    dir: TempDir,
}

impl Monitor {
    /// Has QEMU give one.
    pub(crate) fn of(command: &mut Command) -> Result<Self> {
        let monitor = Self { dir: TempDir::new()? };
        command.arg("-qmp").arg(format!("unix:{},server=on,wait=off", monitor.socket().display()));
        Ok(monitor)
    }

    /// A directory that is there as long as the monitor.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes the guest's memory to a file.
    pub(crate) fn save_memory(&self, range: &Range<u32>, file: &Path) -> Result<()> {
        self.ask("pmemsave", &json!({ "val": range.start, "size": range.len(), "filename": file }))
    }

    /// Plugs the network's cable in, or pulls it: nobody is told, frames get lost.
    pub(crate) fn set_link(&self, is_up: bool) -> Result<()> {
        self.ask("set_link", &json!({ "name": "n0", "up": is_up }))
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("qmp")
    }

    #[cfg(unix)]
    fn ask(&self, command: &str, arguments: &Value) -> Result<()> {
        use std::io::BufReader;
        use std::os::unix::net::UnixStream;

        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(crate::PATIENCE))?;
        let mut answers = BufReader::new(stream.try_clone()?);
        ask(&mut stream, &mut answers, &json!({ "execute": "qmp_capabilities" }))?;
        ask(&mut stream, &mut answers, &json!({ "execute": command, "arguments": arguments }))
    }

    #[cfg(not(unix))]
    fn ask(&self, _: &str, _: &Value) -> Result<()> {
        anyhow::bail!("QEMU's monitor is a Unix socket")
    }
}

/// Sends a command and waits for its answer; greetings and events come in between.
#[cfg(unix)]
fn ask(to: &mut impl std::io::Write, answers: &mut impl std::io::BufRead, command: &Value) -> Result<()> {
    writeln!(to, "{command}")?;
    for line in std::io::BufRead::lines(answers) {
        let answer: Value = serde_json::from_str(&line?)?;
        if answer.get("return").is_some() {
            return Ok(());
        }
        if let Some(error) = answer.get("error") {
            anyhow::bail!("QEMU refuses {command}: {error}");
        }
    }
    anyhow::bail!("QEMU hung up before it answered {command}")
}
