//! A device whose whole network is here.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use sockeye_qemu::{Device, Image};
use sockeye_tests::device::{CLIENTS, machine};
use sockeye_tests::eventually;

use crate::bystander::Bystander;
use crate::client::Client;
use crate::dhcp;
use crate::lan::Lan;

/// One guest at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Which deadlines a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadlines {
    /// A second or two: `sockeye_tests::device::short`.
    Short,
    /// Those that it is shipped with: 20 s and more.
    Shipped,
}

/// A device that runs, and its network; each test has its own.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) lan: Lan,
    pub(crate) device: Device,
    _turn: MutexGuard<'static, ()>,
}

impl Guest {
    /// Boots the echo, and waits until it listens.
    pub(crate) fn boot(deadlines: Deadlines) -> Self {
        let guest = Self::boot_beside(deadlines, dhcp::Server::default());
        guest.wait_for(0, "listening on");
        guest
    }

    /// The same with another DHCP server, and without the wait.
    pub(crate) fn boot_beside(deadlines: Deadlines, dhcp: dhcp::Server) -> Self {
        Self::boot_app("echo", &[], deadlines, dhcp)
    }

    /// Boots the program that dials, and waits until it does.
    pub(crate) fn boot_dialling(deadlines: Deadlines, url: &str) -> Self {
        let guest = Self::boot_app("uplink", &[format!("UPLINK_URL={url}")], deadlines, dhcp::Server::default());
        guest.wait_for(0, "dialling");
        guest
    }

    fn boot_app(app: &'static str, words: &[String], deadlines: Deadlines, dhcp: dhcp::Server) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let image = Image { short_deadlines: deadlines == Deadlines::Short, ..Image::new(machine(), app) };
        let path = image.build().unwrap_or_else(|error| panic!("{error:#}"));
        let dir = tempfile::tempdir().expect("a directory");
        let cable = dir.path().join("cable");
        let listener = UnixListener::bind(&cable).expect("a socket");
        let device = Device::boot_on(machine(), &path, words, &cable).unwrap_or_else(|error| panic!("{error:#}"));
        Guest { lan: Lan::new(plugged_in(&listener), seed(), dhcp), device, _turn: turn }
    }

    /// Waits for a line of the log, from this one on.
    pub(crate) fn wait_for(&self, number: usize, part: &str) {
        self.device.wait_for_after(number, part).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Takes all places but one: clients that are echoed all the while, each on a host of its own.
    pub(crate) fn fill(&self) -> Vec<Bystander> {
        (1..CLIENTS as u8).map(|number| Bystander::on(&self.lan.neighbour(100 + number))).collect()
    }

    /// Asserts that the device serves as many clients at once as it has places.
    pub(crate) fn assert_free(&self) {
        let host = self.lan.neighbour(200);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::open(&host)).collect();
        clients.iter_mut().for_each(|client| client.echo(b"all at once"));
        clients.into_iter().for_each(Client::close);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.device.log().iter().map(|line| format!("{line}\n")).collect::<String>();
            eprintln!("SOCKEYE_SEED={}; the device's log:\n{log}", seed());
        }
    }
}

/// What decides on faults.
pub(crate) fn seed() -> u64 {
    std::env::var("SOCKEYE_SEED").map_or(0, |seed| seed.parse().expect("SOCKEYE_SEED is a number"))
}

/// QEMU's end of the cable, which it plugs in when it starts.
fn plugged_in(listener: &UnixListener) -> UnixStream {
    listener.set_nonblocking(true).expect("a socket");
    let mut stream = None;
    eventually(|| {
        stream = listener.accept().ok();
        stream.is_some()
    });
    let (stream, _) = stream.expect("QEMU connects to its network");
    stream.set_nonblocking(false).expect("a socket");
    stream
}
