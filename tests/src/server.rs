//! The program `sockeye serve` as it is.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{descriptors, peak_address_space, peak_memory};
use crate::{Http, binary, eventually};

/// A running server, which is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    ops: SocketAddr,
    log: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_logging("info", arguments)
    }

    /// The same with another `RUST_LOG`.
    pub fn start_logging(level: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary::sockeye());
        command.args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
        command.args(arguments).env("RUST_LOG", level);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");

        let log = Arc::<Mutex<Vec<u8>>>::default();
        let (mut stderr, kept) = (child.stderr.take().expect("a pipe"), log.clone());
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = stderr.read(&mut buffer) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..len]);
            }
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("the server says where it listens");
        let mut addresses = line.split("://").skip(1).filter_map(|rest| rest.split_once('/')?.0.parse().ok());
        let mut next = || addresses.next().unwrap_or_else(|| panic!("not two addresses in {line:?}"));
        Server { child, address: next(), ops: next(), log, reader: Some(reader) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its operator looks.
    pub fn ops(&self) -> SocketAddr {
        self.ops
    }

    /// What Prometheus would read.
    pub fn metrics(&self) -> String {
        let (response, body) = Http::get("/metrics").ask(self.ops);
        assert_eq!(response.status, 200, "{}", response.head);
        body
    }

    /// The value of a metric by its name and labels; 0 if it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.metrics();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// A ws:// URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.child.id())
    }

    /// The most memory that it ever asked for, used or not, in bytes.
    pub fn peak_address_space(&self) -> u64 {
        peak_address_space(self.child.id())
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        descriptors(self.child.id())
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> Vec<u8> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it wrote to its log, once this is in it.
    pub fn log_with(&self, part: &str) -> String {
        let has = || self.log().windows(part.len()).any(|window| window == part.as_bytes());
        let found = eventually(has);
        let log = String::from_utf8(self.log()).expect("the log is UTF-8");
        assert!(found, "no {part:?} in the log:\n{log}");
        log
    }

    /// Tells it to read its certificate again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// As a service manager does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it still runs");
    }

    /// How it ended, which it must by itself, and the whole log.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut status = None;
        eventually(|| {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        let status = status.expect("the server ends");
        self.reader.take().map(JoinHandle::join).expect("once").expect("the log is read to its end");
        (status, String::from_utf8(self.log()).expect("the log is UTF-8"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(4000);
            eprintln!("the end of the server's log:\n{}", String::from_utf8_lossy(&log[tail..]));
        }
    }
}
