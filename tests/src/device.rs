//! The firmware of `examples` in QEMU: one guest at a time, which runs on from test to test.
//!
//! A test takes its turn with [`on`], [`beside_an_echo`] or [`beside_a_reader`]. At its end all places must be free
//! again. The machine is the one that `SOCKEYE_MACHINE` names.

mod bystander;
mod firmware;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sockeye_qemu::Device;

pub use bystander::Bystander;
pub use firmware::{Firmware, machine};

use crate::frame::{CLOSE, CONTINUES, ENDS, Frame, PING, PONG, closing, masked};
use crate::{PATIENCE, Raw, Response, Upgrade};

/// How many clients a device serves at a time.
pub const CLIENTS: usize = 4;

/// The deadlines of [`Firmware::short`], as `examples/apps/src/config.rs` has them.
pub mod short {
    use std::time::Duration;

    /// For a request's head, in all.
    pub const HANDSHAKE: Duration = Duration::from_secs(2);
    /// For a message, in all.
    pub const MESSAGE: Duration = Duration::from_secs(3);
    /// From the last byte of a client that is silent to its end: its ping's and its pong's.
    pub const SILENCE: Duration = Duration::from_secs(2);
    /// For a client that takes nothing.
    pub const SEND: Duration = Duration::from_secs(2);
    /// From the end of a connection to a place that is free, at most: the last frame goes out, then input is discarded
    /// for a second, then the reset goes out.
    pub const CLOSE: Duration = Duration::from_secs(3);
}

/// What a busy machine may add to a deadline.
pub const SLACK: Duration = Duration::from_secs(3);

/// The guest that runs, and what is in it.
static GUEST: Mutex<Option<(Firmware, Device)>> = Mutex::new(None);

/// Runs a test on a device with this firmware, which was booted for it or for a test before. One test at a time.
pub fn on(firmware: Firmware, test: impl FnOnce(&Device)) {
    let mut guest = take_turn();
    if guest.as_ref().is_none_or(|(running, _)| *running != firmware) {
        // Before the next one starts.
        *guest = None;
        *guest = Some((firmware, firmware.boot()));
    }
    let Some((_, device)) = &*guest else { unreachable!("it was booted") };
    let _told = Story { device, begin: device.log().len() };
    test(device);
}

/// Runs a test on a guest of its own, which it may end.
pub fn on_a_new(firmware: Firmware, test: impl FnOnce(&Device)) {
    let mut guest = take_turn();
    *guest = None;
    let device = firmware.boot();
    let _told = Story { device: &device, begin: 0 };
    test(&device);
}

/// Runs a test on a device that echoes, beside a client that is echoed all the while and takes one of the places. At
/// the end all places are free.
pub fn beside_an_echo(firmware: Firmware, test: impl FnOnce(&Device)) {
    on(firmware, |device| {
        let bystander = Bystander::echoed(device.address());
        test(device);
        bystander.assert_undisturbed();
        assert_free(device.address(), "/echo");
    });
}

/// The same on a device with a sensor, beside a client that gets each of its readings.
pub fn beside_a_reader(firmware: Firmware, test: impl FnOnce(&Device)) {
    on(firmware, |device| {
        let bystander = Bystander::reading(device.address());
        test(device);
        bystander.assert_undisturbed();
        assert_free(device.address(), "/ws");
    });
}

/// Connects, and sends nothing yet. QEMU's network takes one connection at a time, and one that comes at the same
/// instant a second later: so who does not wait for an answer has to pause.
pub fn dial(address: SocketAddr) -> Raw {
    let raw = Raw::dial(address);
    pause();
    raw
}

fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}

/// Connects as soon as there is a place.
///
/// # Panics
/// When there is none for too long.
pub fn open(address: SocketAddr, path: &str) -> Raw {
    open_by(Raw::dial, address, path)
}

/// The same with a receive buffer that is soon full.
///
/// # Panics
/// As `open`.
pub fn open_narrow(address: SocketAddr, path: &str) -> Raw {
    open_by(Raw::dial_narrow, address, path)
}

fn open_by(dial: fn(SocketAddr) -> Raw, address: SocketAddr, path: &str) -> Raw {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(raw) = upgrade(dial(address), path) {
            return raw;
        }
        assert!(Instant::now() < deadline, "no place was free for {PATIENCE:?}");
    }
}

/// Connects, if there is a place; else the answer, if there is one. Who comes while another is told that there is no
/// room gets none.
///
/// # Errors
/// The answer.
pub fn try_open(address: SocketAddr, path: &str) -> Result<Raw, Option<Response>> {
    upgrade(Raw::dial(address), path)
}

fn upgrade(mut raw: Raw, path: &str) -> Result<Raw, Option<Response>> {
    raw.try_send(&Upgrade::to(path).bytes());
    let response = raw.response();
    if response.as_ref().is_some_and(|response| response.status == 101) {
        return Ok(raw);
    }
    assert!(response.as_ref().is_none_or(|response| response.status == 503), "{response:?}");
    // Whoever asks again does not do so at once.
    pause();
    Err(response)
}

/// Connects so many clients as soon as there are places, and serves each of them until all are there.
///
/// # Panics
/// When that takes longer than `limit`.
pub fn open_all(address: SocketAddr, path: &str, count: usize, limit: Duration) -> Vec<Raw> {
    let begun = Instant::now();
    let mut clients = Vec::new();
    while clients.len() < count {
        clients.extend(try_open(address, path).ok());
        let waited = begun.elapsed();
        assert!(waited < limit, "only {} places of {count} came free in {waited:?}", clients.len());
        clients.iter_mut().for_each(|raw| raw.round_trip(b"served"));
    }
    clients
}

/// The answer to a request of these bytes, and the connection; once there is a place.
///
/// # Panics
/// When there is no answer for too long.
pub fn ask(address: SocketAddr, request: &[u8]) -> (Response, Raw) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut raw = Raw::dial(address);
        raw.try_send(request);
        match raw.response() {
            // Those of the requests before may not have ended yet.
            None => {}
            Some(response) if response.status == 503 => {}
            Some(response) => return (response, raw),
        }
        assert!(Instant::now() < deadline, "no answer to {}", String::from_utf8_lossy(request));
        pause();
    }
}

/// The next frame but for pings, which are answered; `None` if the connection ended before.
pub fn next(raw: &mut Raw) -> Option<Frame> {
    loop {
        let frame = raw.frame()?;
        if frame.first != PING {
            return Some(frame);
        }
        // It may have been closed since.
        raw.try_send(&masked(PONG, &frame.payload));
    }
}

/// The next message, whose pieces are put together, by the first byte that it has as one frame; pings are answered.
///
/// # Panics
/// When the connection ends before, or the frames are out of order.
pub fn message(raw: &mut Raw) -> (u8, Vec<u8>) {
    let mut frame = next(raw).expect("a message, not the end");
    let (first, mut payload) = (frame.first | ENDS, frame.payload);
    while frame.first & ENDS == 0 {
        frame = next(raw).expect("the rest of the message");
        assert_eq!(frame.first & !ENDS, CONTINUES, "a message is not broken off");
        payload.append(&mut frame.payload);
    }
    (first, payload)
}

/// Closes a connection as it should be.
///
/// # Panics
/// When the other side does not.
pub fn close(mut raw: Raw) {
    raw.send(&masked(CLOSE, &closing(1000, b"")));
    assert_eq!(raw.close_code(), Some(1000), "the close is answered");
}

/// Asserts that as many clients as there are places are served at once.
///
/// # Panics
/// When one place is not free for too long.
pub fn assert_free(address: SocketAddr, path: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut clients: Vec<_> = (0..CLIENTS).map_while(|_| try_open(address, path).ok()).collect();
        if clients.len() == CLIENTS {
            clients.iter_mut().for_each(|raw| raw.round_trip(b"all at once"));
            clients.into_iter().for_each(close);
            // Once this one is served, the places of all but the last are listening again.
            close(open(address, path));
            return;
        }
        assert!(Instant::now() < deadline, "only {} of {CLIENTS} places are free", clients.len());
    }
}

/// A test that failed leaves a device in a state that is nobody's business: the next one gets a new one.
fn take_turn() -> MutexGuard<'static, Option<(Firmware, Device)>> {
    GUEST.lock().unwrap_or_else(|failed: PoisonError<_>| {
        GUEST.clear_poison();
        let mut guest = failed.into_inner();
        *guest = None;
        guest
    })
}

/// The device's log since the test's begin, which is printed if it fails.
struct Story<'d> {
    device: &'d Device,
    begin: usize,
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.device.log();
            let lines = log.iter().skip(self.begin).map(|line| format!("{line}\n"));
            let tail: Vec<_> = lines.rev().take(100).collect();
            eprintln!("the device's log:\n{}", tail.into_iter().rev().collect::<String>());
        }
    }
}
