//! The program `uplink`, booted in QEMU, with a real server: what it read is in the room, each reading once, whatever
//! happens to the server and the network. Over TLS where the machine has the memory for it.

mod certificates;
mod commands;
mod faults;
mod hostile;
mod hub;
mod refusals;
mod sntp;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sockeye_qemu::Device;
use sockeye_tests::device::{Firmware, machine};

use crate::hub::{Hub, Reading};

/// Backoff and all: no wait is longer.
const LIMIT: Duration = Duration::from_secs(150);

/// A device that dials this address as a host of the name `hub.example`, with these words as well.
fn dial(firmware: Firmware, address: SocketAddr, words: &[String]) -> Device {
    let scheme = if is_secure() { "wss" } else { "ws" };
    let mut all = vec![format!("UPLINK_URL={scheme}://hub.example:{}/rooms/lab", address.port())];
    // What is 127.0.0.1 on this side is this on the guest's.
    all.push("UPLINK_ADDRESS=10.0.2.2".to_owned());
    all.extend_from_slice(words);
    firmware.boot_with_words(&all)
}

/// Whether the machine has the memory for TLS.
fn is_secure() -> bool {
    machine().package != "qemu-lm3s6965"
}

/// Asks again and again until it is so.
#[track_caller]
fn wait_until(what: &str, device: &Device, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        let log = || device.log().iter().map(|line| format!("{line}\n")).collect::<String>();
        assert!(Instant::now() < end, "{what}: not after {LIMIT:?}; the device's log:\n{}", log());
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// Waits until the room has this many readings, and asserts that they are the first ones of one boot, each once and in
/// order.
#[track_caller]
fn assert_whole(hub: &Hub, device: &Device, count: usize) -> Vec<Reading> {
    let mut readings = Vec::new();
    wait_until(&format!("{count} readings"), device, || {
        readings = hub.readings();
        readings.len() >= count
    });
    for (at, reading) in readings.iter().enumerate() {
        assert_eq!((reading.number as usize, reading.boot, reading.lost), (at, readings[0].boot, 0), "{readings:#?}");
        // The room's own numbers prove that nothing is out of order.
        assert!(at == 0 || reading.sequence > readings[at - 1].sequence, "{readings:#?}");
    }
    readings
}
