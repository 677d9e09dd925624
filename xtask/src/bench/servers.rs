//! The servers under load: each thing that one does is a process of its own, pinned to core 0.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cases::Mode;
use crate::process::{self, Running, command, workspace_dir};
use crate::server::{START, addresses, build};

/// Raw TCP, which is the measure, and the same once more, which shows what the machine makes of no difference.
pub(super) const RAW: &str = "raw TCP";
pub(super) const TWIN: &str = "raw TCP again";
pub(super) const SOCKEYE: &str = "sockeye-tokio";
/// Without a timer for each connection: for memory.
pub(super) const QUIET: &str = "sockeye-tokio, keepalive off";
/// The server program with its defaults.
pub(super) const SERVE: &str = "sockeye serve";

/// Other libraries, and what they do.
const PEERS: &[(&str, &str, &[Mode])] = &[
    ("tokio-tungstenite", "server-tungstenite", &[Mode::Echo, Mode::Receive, Mode::Broadcast, Mode::Connect]),
    ("tungstenite, batched by hand", "server-tungstenite-batched", &[Mode::Echo, Mode::Receive]),
    ("fastwebsockets", "server-fastwebsockets", &[Mode::Echo, Mode::Receive, Mode::Connect]),
    ("tokio-websockets", "server-tokio-websockets", &[Mode::Echo, Mode::Receive, Mode::Connect]),
    ("yawc", "server-yawc", &[Mode::Echo, Mode::Receive, Mode::Connect]),
    ("sockudo-ws", "server-sockudo-ws", &[Mode::Echo, Mode::Receive, Mode::Connect]),
];

/// A server that can be started.
pub(super) struct Server {
    pub(super) name: String,
    program: Program,
    modes: Vec<Mode>,
}

enum Program {
    /// One of `bench`: the mode is its argument.
    Bench(PathBuf),
    /// `sockeye serve`: the mode is a path.
    Serve(PathBuf),
    /// Somebody's command line, with `{port}` in it, that echoes at `/`.
    Other(String),
}

/// A server that runs.
pub(super) struct Started {
    pub(super) address: SocketAddr,
    pub(super) path: &'static str,
    pub(super) raw: bool,
    /// Where it tells what its heap holds.
    pub(super) heap: Option<SocketAddr>,
    running: Running,
}

/// Builds what is compared, with or without the other libraries.
pub(super) fn all(peers: bool, others: &[(String, String)]) -> Result<Vec<Server>> {
    use Mode::{Broadcast, Connect, Echo, Receive};
    let bench = |name| build(&["-p", "sockeye-bench", "--bin", name], name);
    let every = || vec![Echo, Receive, Broadcast, Connect];
    let own = |name: &str, program, modes| Server { name: name.into(), program, modes };
    let (raw, sockeye) = (bench("server-raw")?, bench("server-sockeye")?);
    let serve = build(&["-p", "sockeye-server", "--bin", "sockeye"], "sockeye")?;
    let mut servers = vec![
        own(RAW, Program::Bench(raw.clone()), every()),
        own(TWIN, Program::Bench(raw), every()),
        own(SOCKEYE, Program::Bench(sockeye.clone()), every()),
        own(QUIET, Program::Bench(sockeye), Vec::new()),
        own(SERVE, Program::Serve(serve), vec![Echo, Broadcast, Connect]),
    ];
    for (name, command) in others {
        servers.push(Server { name: name.clone(), program: Program::Other(command.clone()), modes: vec![Echo] });
    }
    for (name, binary, modes) in PEERS.iter().filter(|_| peers) {
        let what = ["--manifest-path", "bench/peers/Cargo.toml", "--target-dir", "target/bench", "--bin", binary];
        servers.push(Server {
            name: (*name).into(),
            program: Program::Bench(build(&what, binary)?),
            modes: modes.to_vec(),
        });
    }
    Ok(servers)
}

impl Server {
    pub(super) fn does(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    /// Whether it is one of other people's.
    pub(super) fn is_peer(&self) -> bool {
        ![RAW, TWIN, SOCKEYE, QUIET, SERVE].contains(&self.name.as_str())
    }

    /// Whether it is a program for the command line, whose comparison is printed as ours.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.program, Program::Other(_))
    }

    /// Starts one of `bench` under callgrind, which writes what it counted to `out`.
    pub(super) fn start_counted(&self, mode: &str, out: &Path) -> Result<Started> {
        let Program::Bench(path) = &self.program else { bail!("{} is none of bench's servers", self.name) };
        let mut program = command("valgrind");
        program.args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]).arg(path).arg(mode);
        let (running, found) = addresses(&mut program, &workspace_dir("callgrind.log"), 2)?;
        let raw = [RAW, TWIN].contains(&self.name.as_str());
        Ok(Started { address: found[0], path: "/", raw, heap: found.get(1).copied(), running })
    }

    pub(super) fn start(&self, mode: Mode) -> Result<Started> {
        let word: String = self.name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        let log = workspace_dir(&format!("bench-{word}-{}.log", mode.server()));
        let raw = [RAW, TWIN].contains(&self.name.as_str());
        let (mut program, count, path) = match &self.program {
            Program::Bench(path) => {
                let mut program = pinned(0, path);
                if self.name == QUIET {
                    program.env("KEEPALIVE", "off");
                }
                program.arg(mode.server());
                (program, 2, "/")
            }
            Program::Serve(path) => {
                let mut program = pinned(0, path);
                program.args(SERVING);
                (program, 1, if mode == Mode::Broadcast { "/rooms/bench" } else { "/echo" })
            }
            Program::Other(line) => return other(&self.name, line),
        };
        let (running, found) = addresses(&mut program, &log, count)
            .with_context(|| format!("{} did not start; see {}", self.name, log.display()))?;
        Ok(Started { address: found[0], path, raw, heap: found.get(1).copied(), running })
    }

    /// Starts `sockeye serve` with so many threads, on whatever cores there are.
    pub(super) fn start_threads(&self, threads: usize) -> Result<Started> {
        let Program::Serve(path) = &self.program else { bail!("{} is not sockeye serve", self.name) };
        let mut program = command(path);
        program.args(SERVING).args(["--threads", &threads.to_string()]);
        let (running, found) = addresses(&mut program, &workspace_dir(&format!("bench-threads-{threads}.log")), 1)?;
        Ok(Started { address: found[0], path: "/echo", raw: false, heap: None, running })
    }
}

/// How `sockeye serve` is started.
const SERVING: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];

impl Started {
    pub(super) fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// Asks the server to end, and waits until it has.
    pub(super) fn terminate(self) -> Result<()> {
        process::run(command("kill").arg(self.pid().to_string()))?;
        self.running.wait(START)?;
        Ok(())
    }

    /// What all threads of the server have been on a core, user and kernel, by the scheduler's own clock.
    pub(super) fn cpu_nanoseconds(&self) -> Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid())).context("bench needs Linux")? {
            let stat = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += stat.split_whitespace().next().context("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(sum)
    }
}

/// Servers that run already, each by its place and its mode.
#[derive(Default)]
pub(super) struct Pool(BTreeMap<(usize, Mode), Started>);

impl Pool {
    pub(super) fn get(&mut self, servers: &[Server], at: usize, mode: Mode) -> Result<&Started> {
        // Handshakes are for the server that echoes.
        let mode = if mode == Mode::Connect { Mode::Echo } else { mode };
        match self.0.entry((at, mode)) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(servers[at].start(mode)?)),
        }
    }
}

/// Starts a command line with a free port in the place of `{port}`, and waits until it accepts.
fn other(name: &str, line: &str) -> Result<Started> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let line = line.replace("{port}", &port.to_string());
    let mut words = line.split_whitespace();
    let mut program = pinned(0, words.next().context("--server NAME= has no command")?);
    program.args(words);
    let running = Running::start(&mut program)?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > end {
            bail!("{name} does not listen on port {port}: its command is to have {{port}} in it");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Started { address, path: "/", raw: false, heap: None, running })
}

/// A program that has a core to itself.
pub(super) fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut pinned = command("taskset");
    pinned.args(["-c", &core.to_string()]).arg(program);
    pinned
}
