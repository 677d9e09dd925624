//! Readings go one way, commands the other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sockeye_qemu::Line;
use sockeye_tests::Authority;
use sockeye_tests::device::Firmware;
use sockeye_tests::frame::{TEXT, masked};

use crate::hub::{Hub, Reading, pins};
use crate::{assert_whole, dial, wait_until};

#[test]
fn the_room_hears_the_device_and_the_device_the_room() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let hub = Hub::start(&authority, &issued, &[]);
    // A history that the device has to read through at its welcome: none of it is a command, a reading or its own.
    let (mut somebody, _) = hub.join();
    let mut say =
        |text: &str| somebody.send(&masked(TEXT, json!({"kind": "message", "text": text}).to_string().as_bytes()));
    for text in
        ["led on", r#"{"n":0,"boot":1,"age_ms":0}"#, &"\u{1}\\\"äé\u{1f41f}".repeat(500), r#"","text":"led on"#, "}]"]
    {
        say(text);
    }
    let device = dial(Firmware::shipped("uplink"), hub.address(), &[pins(&[&issued]), "UPLINK_NAME=lab-1".into()]);
    device.wait_for("in the room").expect("it gets there");
    wait_until("a reading", &device, || !hub.readings().is_empty());

    let (mut watcher, welcome) = hub.join();
    let members = welcome["members"].as_array().expect("a list");
    assert!(members.iter().any(|member| member["name"] == "lab-1"), "{members:?}");
    let mut next = |wanted: bool| loop {
        let envelope: Value = serde_json::from_str(&watcher.text()).expect("JSON");
        if Reading::of(&envelope).is_some_and(|reading| reading.led == wanted) {
            return;
        }
    };
    next(false);
    for (text, is_on) in [("led on", true), ("led off", false), ("led on", true)] {
        // Others' texts are no commands, however they begin or end.
        say("led");
        say(text);
        say("led onn");
        next(is_on);
    }
    let ages: Vec<_> = hub.readings().iter().map(|reading| reading.age).collect();
    assert!(ages.iter().skip(2).all(|age| Duration::from_millis(*age) < Duration::from_secs(5)), "{ages:?}");
}

#[test]
fn what_was_read_before_there_was_a_server_follows() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let relay = sockeye_tests::Relay::to(Hub::start(&authority, &issued, &[]).address());
    relay.cut();
    let device = dial(Firmware::shipped("uplink"), relay.address(), &[pins(&[&issued])]);
    let failed = |line: &Line| line.message.contains("no connection") || line.message.contains("the connection ended");
    let begun = Instant::now();
    // A reading a second; an attempt may fail at once, and the next one be there in no time.
    wait_until("an attempt", &device, || device.log().iter().any(failed) && begun.elapsed() > Duration::from_secs(5));
    let hub = Hub::start(&authority, &issued, &[]);
    relay.lead_to(hub.address());
    let readings = assert_whole(&hub, &device, 10);
    assert!(readings[0].age > readings[9].age, "the first is the oldest: {readings:?}");
}
