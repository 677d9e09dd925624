//! What a service manager is told, and what it hands over; and the threads among which connections are shared out.

use std::collections::HashSet;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sockeye_tests::frame::{TEXT, masked};
use sockeye_tests::{Bystander, PATIENCE, Raw, Server, eventually, sockeye};

/// Its standard input becomes descriptor 3, and the shell the server: `LISTEN_PID` must be the server's own.
const HAND_OVER: &str = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";

/// A service, which is killed when it is dropped.
struct Service(Child);

impl Service {
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_manager_hands_over_the_listener_and_is_told_each_stage() {
    let dir = tempfile::TempDir::new().expect("a directory");
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let told = || {
        let mut buffer = [0; 256];
        let len = manager.recv(&mut buffer).expect("the manager is told");
        String::from_utf8(buffer[..len].to_vec()).expect("text")
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    // Whoever comes before the server is there, waits.
    let mut early = Raw::dial(address);

    let mut command = Command::new("sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(sockeye()).args([
        "serve",
        "--listen",
        "127.0.0.1:1",
        "--ops-listen",
        "off",
    ]);
    command.env("NOTIFY_SOCKET", &path).stdin(Stdio::from(OwnedFd::from(listener)));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut service = Service(command.spawn().expect("a shell"));
    assert!(told().contains("READY=1"));
    early.send(&sockeye_tests::Upgrade::to("/echo").bytes());
    assert_eq!(early.response().expect("an answer").status, 101);
    let bystander = Bystander::on(address);

    service.signal(Signal::HUP);
    let reloading = told();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert!(told().contains("READY=1"));
    bystander.assert_undisturbed();
    service.signal(Signal::TERM);
    assert!(told().contains("STOPPING=1"));
    assert_eq!(early.close_frame_code(), Some(1001));
    drop(early);
    let mut status = None;
    assert!(eventually(|| {
        status = service.0.try_wait().expect("our child");
        status.is_some()
    }));
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}

#[test]
fn a_listener_that_is_none_is_named() {
    let (_end, other) = std::os::unix::net::UnixStream::pair().expect("two sockets");
    let mut command = Command::new("sh");
    command.args(["-c", HAND_OVER, "sh"]).arg(sockeye()).args(["serve", "--ops-listen", "off"]);
    let output = command.stdin(Stdio::from(OwnedFd::from(other))).output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("LISTEN_FDS"), "{said}");
}

#[test]
fn a_room_is_one_room_whichever_thread_its_members_are_on() {
    const MEMBERS: usize = 32;
    let server = Server::start_with(&["--threads", "4"]);
    let bystander = Bystander::on(server.address());
    let mut members: Vec<_> = (0..MEMBERS).map(|_| Raw::open(server.address(), "/rooms/threads")).collect();
    for speaker in 0..MEMBERS {
        let said = format!("from {speaker}");
        members[speaker].send(&masked(TEXT, said.as_bytes()));
        let heard: HashSet<_> =
            members.iter_mut().enumerate().filter(|(at, _)| *at != speaker).map(|(_, member)| member.text()).collect();
        assert_eq!(heard, HashSet::from([said]));
    }
    drop(members);
    bystander.assert_undisturbed();
}

#[test]
fn a_port_belongs_to_one_server_however_many_threads_it_has() {
    let server = Server::start_with(&["--threads", "4"]);
    let address = server.address().to_string();
    let output =
        sockeye_tests::run_sockeye(&["serve", "--listen", &address, "--ops-listen", "off", "--threads", "4"], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is taken"), "{said}");
}
