//! QEMU's monitor, as far as it is needed: JSON objects, a line each.

use std::ops::Range;
use std::path::Path;

use anyhow::Result;

/// Writes the guest's memory to a file.
#[cfg(unix)]
pub(crate) fn save_memory(socket: &Path, range: &Range<u32>, file: &Path) -> Result<()> {
    use std::io::BufReader;
    use std::os::unix::net::UnixStream;

    use serde_json::json;

    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(crate::PATIENCE))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    ask(&mut stream, &mut answers, &json!({ "execute": "qmp_capabilities" }))?;
    let arguments = json!({ "val": range.start, "size": range.len(), "filename": file });
    ask(&mut stream, &mut answers, &json!({ "execute": "pmemsave", "arguments": arguments }))
}

/// Sends a command and waits for its answer; greetings and events come in between.
#[cfg(unix)]
fn ask(to: &mut impl std::io::Write, answers: &mut impl std::io::BufRead, command: &serde_json::Value) -> Result<()> {
    writeln!(to, "{command}")?;
    for line in std::io::BufRead::lines(answers) {
        let answer: serde_json::Value = serde_json::from_str(&line?)?;
        if answer.get("return").is_some() {
            return Ok(());
        }
        if let Some(error) = answer.get("error") {
            anyhow::bail!("QEMU refuses {command}: {error}");
        }
    }
    anyhow::bail!("QEMU hung up before it answered {command}")
}

#[cfg(not(unix))]
pub(crate) fn save_memory(_: &Path, _: &Range<u32>, _: &Path) -> Result<()> {
    anyhow::bail!("QEMU's monitor is a Unix socket")
}
