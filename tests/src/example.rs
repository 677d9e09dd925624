//! The examples of `sockeye-tokio` as they are.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::{PATIENCE, binary, eventually};

/// A running example, which is killed when it is dropped.
#[derive(Debug)]
pub struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Example {
    /// Starts it with this argument, and with a token where it wants one.
    pub fn start(name: &str, argument: &str, token: &str) -> Self {
        let mut command = Command::new(binary::example(name));
        command.arg(argument).env("TOKEN", token);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (say, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| say.send(line).is_ok()));
        Example { child, lines }
    }

    /// Starts a server on a free port: it, and where it listens.
    pub fn serve(name: &str, token: &str) -> (Self, SocketAddr) {
        let example = Self::start(name, "127.0.0.1:0", token);
        let line = example.line();
        let address = line.split_once("://").and_then(|(_, rest)| rest.split_once('/')?.0.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        (example, address)
    }

    /// The next line that it prints.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("it says something")
    }

    /// How it ended, which it must by itself, and what it said on standard error.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut status = None;
        eventually(|| {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("it is text");
        (status.expect("it ends"), said)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
