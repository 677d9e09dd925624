//! A device that has nothing to do sleeps: QEMU needs no processor time.

use std::fs;
use std::sync::mpsc::channel;
use std::time::Duration;

use sockeye_qemu::Device;
use sockeye_tests::device::{self, CLIENTS, Firmware, assert_free, close, open};

const ECHO: Firmware = Firmware::shipped("echo");
const SENSOR: Firmware = Firmware::shipped("sensor");

/// In so long
const WINDOW: Duration = Duration::from_secs(3);
/// QEMU itself needs no more of the kernel's ticks, which are a hundred a second.
const TICKS: u64 = 5;

#[test]
fn without_a_client() {
    device::on(ECHO, assert_asleep);
}

#[test]
fn with_four_idle_clients() {
    device::on(ECHO, |device| {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| open(device.address(), "/")).collect();
        assert_asleep(device);
        clients.iter_mut().for_each(|raw| raw.round_trip(b"awake"));
        assert_asleep(device);
        clients.into_iter().for_each(close);
        assert_free(device.address(), "/");
    });
}

#[test]
fn a_sensor_without_a_client() {
    device::on(SENSOR, assert_asleep);
}

fn assert_asleep(device: &Device) {
    let (_never, window) = channel::<()>();
    let mut used = Vec::new();
    // Twice, since something that came before may still be under way.
    for _ in 0..2 {
        let before = ticks(device.id());
        let _ = window.recv_timeout(WINDOW);
        let ticks = ticks(device.id()) - before;
        if ticks <= TICKS {
            return;
        }
        used.push(ticks);
    }
    panic!("an idle device took {used:?} ticks in {WINDOW:?}");
}

/// The processor time of a process, its own and the kernel's for it.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The name, in parentheses, may have spaces; behind it are the state and then numbers.
    let (_, fields) = stat.rsplit_once(") ").expect("Linux says it");
    let times = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number"));
    times.sum()
}
