//! The server is killed, the network is cut.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use sockeye_qemu::Device;
use sockeye_tests::device::Firmware;
use sockeye_tests::{Authority, Issued, Relay};

use crate::hub::{Hub, Reading, pins, readings_of};
use crate::{assert_whole, dial, wait_until};

/// A device, a wire that can be cut, and a server that can be another one.
struct Scene {
    authority: Authority,
    issued: Issued,
    relay: Relay,
}

impl Scene {
    /// Nobody dials yet.
    fn new() -> (Self, Hub) {
        let authority = Authority::default();
        let issued = authority.issue(&["localhost"]);
        let hub = Hub::start(&authority, &issued, &[]);
        let relay = Relay::to(hub.address());
        (Scene { authority, issued, relay }, hub)
    }

    fn dial(&self, firmware: Firmware) -> Device {
        dial(firmware, self.relay.address(), &[pins(&[&self.issued])])
    }

    /// Another server in the place of the one that there was.
    fn another(&self) -> Hub {
        let hub = Hub::start(&self.authority, &self.issued, &[]);
        self.relay.lead_to(hub.address());
        hub
    }
}

#[test]
fn a_server_that_is_killed() {
    let (scene, hub) = Scene::new();
    let (mut witness, welcome) = hub.join();
    let device = scene.dial(Firmware::shipped("uplink"));
    let mut before = readings_of(&welcome);
    while before.len() < 3 {
        let envelope: Value = serde_json::from_str(&witness.text()).expect("JSON");
        before.extend(Reading::of(&envelope));
    }
    // SIGKILL: what it had in memory is gone.
    drop(hub);
    while let Some(frame) = witness.frame() {
        before.extend(serde_json::from_slice(&frame.payload).ok().as_ref().and_then(Reading::of));
    }
    device.wait_for("the connection ended").expect("it notices");
    let hub = scene.another();
    let mut after = Vec::new();
    wait_until("ten more", &device, || {
        after = hub.readings();
        after.len() >= 10
    });
    let numbers = |readings: &[Reading]| readings.iter().map(|reading| reading.number).collect::<Vec<_>>();
    let (before, after) = (numbers(&before), numbers(&after));
    for one in [&before, &after] {
        assert!(one.windows(2).all(|pair| pair[0] + 1 == pair[1]), "each once, and in order: {before:?}, {after:?}");
    }
    let all: BTreeSet<u32> = before.iter().chain(&after).copied().collect();
    assert!(all.iter().copied().eq(0..=*after.last().expect("some")), "none is lost: {before:?}, {after:?}");
    // The killed server may have passed one on before it could say so to the device, which then cannot know.
    assert!(before.len() + after.len() - all.len() <= 1, "{before:?}, {after:?}");
}

/// The device finds out by its ping, within two seconds, and comes back when the cable does.
#[test]
fn a_cable_that_is_pulled_for_half_a_minute() {
    let (device, log) = pulled(Firmware::short("uplink"));
    assert!(device > Duration::from_secs(20), "the oldest was {device:?} old");
    assert!(log.iter().any(|line| line.contains("the connection ended")), "{log:?}");
}

/// The same connection may go on: TCP sends again what was lost.
#[test]
fn a_cable_that_is_pulled_for_less_than_the_deadlines() {
    pulled(Firmware::shipped("uplink"));
}

/// The age of the oldest reading that came, and the device's log.
fn pulled(firmware: Firmware) -> (Duration, Vec<String>) {
    let (scene, hub) = Scene::new();
    let device = dial(firmware, hub.address(), &[pins(&[&scene.issued])]);
    let before = assert_whole(&hub, &device, 3).len();
    device.set_link(false).expect("QEMU pulls it");
    let pulled = Instant::now();
    wait_until("half a minute", &device, || pulled.elapsed() >= Duration::from_secs(30));
    assert!(hub.readings().len() < before + 5, "nothing comes meanwhile");
    device.set_link(true).expect("QEMU plugs it in");
    let readings = assert_whole(&hub, &device, before + 35);
    let oldest = readings.iter().map(|reading| reading.age).max().expect("some");
    (Duration::from_millis(oldest), device.log().into_iter().map(|line| line.message).collect())
}

#[test]
fn a_connection_that_is_cut_again_and_again() {
    let (scene, hub) = Scene::new();
    let device = scene.dial(Firmware::shipped("uplink"));
    let mut count = 0;
    for _ in 0..5 {
        count = assert_whole(&hub, &device, count + 2).len();
        scene.relay.cut();
        scene.relay.lead_to(hub.address());
    }
    assert_whole(&hub, &device, count + 5);
}

/// The room has readings of which the device does not know that: it reads so in the history, and says none twice.
#[test]
fn a_server_that_hears_and_is_not_heard() {
    let (scene, hub) = Scene::new();
    let device = scene.dial(Firmware::shipped("uplink"));
    let before = assert_whole(&hub, &device, 2).len();
    scene.relay.deafen();
    let unheard = assert_whole(&hub, &device, before + 4).len();
    scene.relay.cut();
    scene.relay.lead_to(hub.address());
    assert_whole(&hub, &device, unheard + 3);
}

/// There is room for 64 readings: the oldest go, and it is said how many.
#[test]
fn a_server_that_is_away_for_longer_than_there_is_room() {
    let (scene, _) = Scene::new();
    scene.relay.cut();
    let device = scene.dial(Firmware::short("uplink"));
    let begun = Instant::now();
    wait_until("a minute and more", &device, || begun.elapsed() > Duration::from_secs(75));
    let hub = scene.another();
    let mut readings = Vec::new();
    wait_until("readings", &device, || {
        readings = hub.readings();
        readings.len() >= 66
    });
    assert!(readings.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "{readings:?}");
    let (first, last) = (&readings[0], &readings[65]);
    assert!(first.number >= 10, "the oldest are gone: {first:?}");
    // Of those that were on their way when they had to go, some may have come.
    let told = last.lost - u64::from(first.number);
    assert!(told <= 2, "and it is said how many: {first:?}, {last:?}");
    assert!(first.age < 70_000, "{first:?}");
}

/// The server says goodbye, and is there again at once.
#[test]
fn a_server_that_is_restarted() {
    let (scene, hub) = Scene::new();
    let device = scene.dial(Firmware::shipped("uplink"));
    let before = assert_whole(&hub, &device, 2);
    hub.server().terminate();
    device.wait_for("the server closed the connection").expect("it is told");
    let hub = scene.another();
    let mut after = Vec::new();
    wait_until("more", &device, || {
        after = hub.readings();
        after.len() >= 3
    });
    let first = after[0].number as usize;
    assert!(first >= before.len(), "what the first server had is not said to the second one");
}
