//! Programs that are run: each is printed first, none is waited for without an end, none outlives xtask.

use std::collections::VecDeque;
use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longer than any build or install: a bound, not an expectation.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How much an error repeats of what a program printed.
const LAST_LINES: usize = 60;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where xtask keeps what it makes: environments, reports, logs.
pub(crate) fn workspace_dir(name: &str) -> PathBuf {
    target_dir().join("xtask").join(name)
}

/// The one target directory.
pub(crate) fn target_dir() -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(set.unwrap_or_else(|| "target".into()))
}

/// A program, started in the repository's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs xtask.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Prints a command line, runs it to its end and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_within(command, LONGEST)
}

/// [`run`] with a bound of its own. Where nobody watches, the error has the last lines as well: a log may be cut.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    if io::stdout().is_terminal() {
        let status = status_within(command, limit)?;
        return if status.success() { Ok(()) } else { bail!("{status}: {}", line(command)) };
    }
    println!("+ {}", line(command));
    let (running, last) = Running::copied(command)?;
    let status = running.wait(limit)?;
    if !status.success() {
        // What it started may live on and hold the pipe.
        let last = last.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
        let last = Vec::from(last).join("\n    ");
        bail!("{status}: {}\n    {last}", line(command));
    }
    Ok(())
}

/// Prints a command line, runs it and tells how it ended; an error is one that did not start or not end in time.
pub(crate) fn status_within(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    println!("+ {}", line(command));
    Running::start(command)?.wait(limit)
}

/// Prints a command line, runs it and returns what it printed to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    println!("+ {}", line(command));
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", line(command)))?;
    if !output.status.success() {
        bail!("{}: {}", output.status, line(command));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a program prints when asked something short; `None` if it is not there or says no.
pub(crate) fn ask(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let output = command(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Whether a program is on the search path.
pub(crate) fn found(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|dir| dir.join(program).is_file() || dir.join(format!("{program}.exe")).is_file())
}

/// A command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = quoted(&value?.to_string_lossy());
        Some(format!("{}={value} ", name.to_string_lossy()))
    });
    variables.collect::<String>() + &words.join(" ")
}

/// A path as a person would type it: inside the repository from its root, where it reads better and is everywhere the
/// same.
pub(crate) fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted(word: &str) -> String {
    let root = format!("{}/", root().display());
    let word = word.replace(&root, "");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A child that ends with its owner.
pub(crate) struct Running {
    pub(crate) child: Child,
    line: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let line = line(command);
        let child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {line}"))?;
        Ok(Self { child, line })
    }

    /// A child whose output is passed on; its last lines come when it has closed them.
    fn copied(command: &mut Command) -> Result<(Self, Receiver<VecDeque<String>>)> {
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let running = Self::start(command);
        // The ends for writing are the child's alone.
        command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut last = VecDeque::new();
            for text in BufReader::new(reader).split(b'\n').map_while(io::Result::ok) {
                let text = String::from_utf8_lossy(&text).into_owned();
                println!("{text}");
                last.push_back(text);
                if last.len() > LAST_LINES {
                    last.pop_front();
                }
            }
            sender.send(last)
        });
        Ok((running?, receiver))
    }

    /// Waits for the child's own end; kills it at the limit.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("not done after {} s: {}", limit.as_secs(), self.line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail harmlessly on a child that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed() {
        let mut command = command("kosoku");
        command.args(["-i", "1.*", "a b", "it's"]).env("PORT", "1");
        assert_eq!(line(&command), r"PORT=1 kosoku -i '1.*' 'a b' 'it'\''s'");
    }

    #[test]
    fn an_error_repeats_the_last_lines() {
        let mut command = command("sh");
        command.args(["-c", "seq 100; echo no >&2; exit 3"]);
        let (running, last) = Running::copied(&mut command).expect("a shell");
        assert_eq!(running.wait(LONGEST).expect("its end").code(), Some(3));
        let last = last.recv().expect("its last lines");
        assert_eq!((last.len(), last.back().map(String::as_str)), (LAST_LINES, Some("no")));
    }

    #[test]
    fn the_root_is_where_the_workspace_is() {
        assert!(root().join("xtask/src/process.rs").is_file());
    }
}
