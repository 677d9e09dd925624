//! Programs from outside: what they use, say, and end with.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write as _};
use std::process::{Command, Output, Stdio};

use rustix::process::Pid;

use crate::{binary, eventually};

/// The most memory that a process ever had resident, in bytes.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// The most memory that a process ever had mapped, in bytes.
pub(crate) fn peak_address_space(pid: u32) -> u64 {
    status(pid, "VmPeak:")
}

fn status(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
    value.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}

/// Runs `sockeye` to its end with these arguments and this input.
pub fn run_sockeye(arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Output {
    run_sockeye_while(arguments, input, |_| ())
}

/// The same, and something beside it that is told its process.
pub fn run_sockeye_while(arguments: &[impl AsRef<OsStr>], input: &[u8], beside: impl FnOnce(Pid)) -> Output {
    let mut command = Command::new(binary::sockeye());
    command.args(arguments);
    run(command, input, beside)
}

/// Runs `sockeye connect URL`.
pub fn run_connect(url: &str, input: &[u8]) -> Output {
    run_sockeye(&["connect", url], input)
}

fn run(mut command: Command, input: &[u8], beside: impl FnOnce(Pid)) -> Output {
    command.env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may end before it reads its input.
    let _ = stdin.write_all(input);
    drop(stdin);
    beside(Pid::from_child(&child));
    let stdout = read_all(child.stdout.take().expect("a pipe"));
    let stderr = read_all(child.stderr.take().expect("a pipe"));
    let mut status = None;
    eventually(|| {
        status = child.try_wait().expect("it is our child");
        status.is_some()
    });
    let Some(status) = status else {
        child.kill().expect("it is our child");
        panic!("it does not end; it said {}", String::from_utf8_lossy(&stderr.join().expect("it is read")));
    };
    Output { status, stdout: stdout.join().expect("it is read"), stderr: stderr.join().expect("it is read") }
}

fn read_all(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}
