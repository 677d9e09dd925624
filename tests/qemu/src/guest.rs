//! The process of QEMU: never longer than its owner, and everything it prints is read.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::log::{Log, Names};

/// A running QEMU; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Guest {
    child: Mutex<Child>,
    pub(crate) log: Arc<Log>,
    complaints: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Guest {
    pub(crate) fn start(mut command: Command, names: Option<Names>) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end_with_us(&mut command);
        let log = Arc::new(Log::new());
        let complaints = Arc::<Mutex<String>>::default();
        let (started, child) = mpsc::channel();
        // Linux ends QEMU with the thread that started it: so that is the one that reads to its end.
        let reader = thread::spawn({
            let (log, complaints) = (Arc::clone(&log), Arc::clone(&complaints));
            move || match command.spawn() {
                Ok(mut child) => {
                    let outputs = (child.stdout.take(), child.stderr.take());
                    // It is waited for below.
                    let _ = started.send(Ok(child));
                    if let (Some(stdout), Some(stderr)) = outputs {
                        let complaining = thread::spawn(move || collect(stderr, &complaints));
                        log.follow(stdout, names.as_ref());
                        let _ = complaining.join();
                    }
                    log.end();
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
        let child = child.recv()?.with_context(|| format!("cannot start {program}"))?;
        Ok(Self { child: Mutex::new(child), log, complaints, reader: Some(reader) })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child().id()
    }

    /// How it ended, if it did within the limit.
    pub(crate) fn status(&self, limit: Duration) -> Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child().try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What QEMU itself had to say.
    pub(crate) fn complaints(&self) -> String {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut child = self.child();
        // Both fail harmlessly on a child that has already ended.
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

fn collect(mut output: impl Read, text: &Mutex<String>) {
    let mut buffer = [0; 1024];
    while let Ok(len @ 1..) = output.read(&mut buffer) {
        let part = String::from_utf8_lossy(&buffer[..len]);
        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&part);
    }
}

/// A killed owner runs no `drop`.
#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command) {
    use std::io;
    use std::os::unix::process::CommandExt;

    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let us = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // We may have died just before that.
        if getppid() == Some(us) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    #[expect(unsafe_code, reason = "std has no safe way to ask for it")]
    // SAFETY: two system calls, which allocate nothing and take no lock.
    unsafe {
        command.pre_exec(before_exec);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_prints_is_kept_and_its_status_told() {
        let mut program = Command::new("sh");
        program.args(["-c", "echo no >&2; exit 7"]);
        let guest = Guest::start(program, None).expect("there is a shell");
        let status = guest.status(crate::PATIENCE).expect("it is our child").expect("it ends");
        assert_eq!(status.code(), Some(7));
        assert!(matches!(guest.log.find(0, crate::PATIENCE, |_| true), crate::log::Found::Over));
        assert_eq!(guest.complaints(), "no\n");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error = Guest::start(Command::new("qemu-system-pdp11"), None).expect_err("there is none");
        assert!(error.to_string().contains("qemu-system-pdp11"), "{error}");
    }

    #[test]
    fn dropped_it_ends() {
        let guest = Guest::start(forever(), None).expect("there is a shell");
        let id = guest.id();
        assert!(runs(id));
        drop(guest);
        assert!(!runs(id));
    }

    /// This test runs itself as the owner, and kills that.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_killed_owner_takes_it_along() {
        use std::io::{BufRead, BufReader};

        const OWNER: &str = "SOCKEYE_TEST_OWNER";
        if std::env::var_os(OWNER).is_some() {
            let guest = Guest::start(forever(), None).expect("there is a shell");
            eprintln!("guest {}", guest.id());
            // Until it is killed.
            let _ = guest.status(crate::PATIENCE);
            return;
        }
        let mut owner = Command::new(std::env::current_exe().expect("a test knows where it is"));
        owner.args(["--exact", "guest::tests::a_killed_owner_takes_it_along", "--nocapture"]);
        let mut owner = owner.env(OWNER, "1").stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(owner.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let id = { said }.find_map(|line| line.strip_prefix("guest ")?.parse().ok()).expect("it names its guest");
        assert!(runs(id));
        owner.kill().expect("it runs");
        owner.wait().expect("it is our child");
        let end = Instant::now() + Duration::from_secs(10);
        while runs(id) && Instant::now() < end {
            thread::yield_now();
        }
        assert!(!runs(id), "{id} outlives its owner");
    }

    fn forever() -> Command {
        let mut command = Command::new("sleep");
        command.arg("100");
        command
    }

    /// Whether it is there and not only waited for.
    fn runs(id: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|state| state != 'Z' && state != 'X')
    }
}
