//! The sensor program: every client gets every reading, and whoever does not read delays nobody.

use serde_json::Value;
use sockeye_tests::device::{
    self, CLIENTS, Firmware, SLACK, assert_free, beside_a_reader, close, message, open, open_narrow, short,
};
use sockeye_tests::frame::{BINARY, PING, PONG, TEXT, masked};
use sockeye_tests::{Raw, Upgrade};

const SENSOR: Firmware = Firmware::short("sensor");
/// A client may take nothing for 20 s.
const PATIENT: Firmware = Firmware::shipped("sensor");
/// From reading to reading, in ms.
const INTERVAL: u64 = 250;

/// The next reading.
fn reading(raw: &mut Raw) -> Value {
    let (first, text) = message(raw);
    assert_eq!(first, TEXT);
    serde_json::from_slice(&text).expect("a reading is JSON")
}

/// The first reading that is so.
fn reading_with(raw: &mut Raw, name: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    for _ in 0..40 {
        let reading = reading(raw);
        if reading[name] == value {
            return reading;
        }
    }
    panic!("no reading says {name:?}: {value}");
}

fn number(reading: &Value, name: &str) -> u64 {
    reading[name].as_u64().unwrap_or_else(|| panic!("no {name} in {reading}"))
}

#[test]
fn four_clients_get_every_reading() {
    device::on(SENSOR, |device| {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| open(device.address(), "/ws")).collect();
        // Each on a thread of its own: who does not read answers no ping.
        let series: Vec<Vec<Value>> = std::thread::scope(|scope| {
            let threads: Vec<_> = clients.iter_mut().map(|raw| scope.spawn(|| eight_readings(raw))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it reads")).collect()
        });
        for readings in &series {
            readings.iter().for_each(assert_is_a_reading);
            for pair in readings.windows(2) {
                // Taken when it was due, and a little later.
                let due = |reading| number(reading, "uptime_ms") * 1000 - number(reading, "late_us");
                let step = due(&pair[1]).abs_diff(due(&pair[0])).abs_diff(INTERVAL * 1000);
                assert!(step <= 2000, "{step} us more or less from {} to {}", pair[0], pair[1]);
            }
        }
        close(clients.remove(0));
        clients.iter_mut().for_each(|raw| drop(reading_with(raw, "clients", CLIENTS - 1)));
        clients.into_iter().for_each(close);
        assert_free(device.address(), "/ws");
    });
}

/// From when all are there.
fn eight_readings(raw: &mut Raw) -> Vec<Value> {
    let first = reading_with(raw, "clients", CLIENTS);
    std::iter::once(first).chain((1..8).map(|_| reading(raw))).collect()
}

fn assert_is_a_reading(reading: &Value) {
    let mut names: Vec<_> = reading.as_object().expect("an object").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["clients", "late_us", "led", "lost", "temperature_mc", "uptime_ms"]);
    assert!(reading["temperature_mc"].is_null() || reading["temperature_mc"].is_i64(), "{reading}");
    assert!(reading["led"].is_boolean(), "{reading}");
    assert_eq!((number(reading, "clients"), number(reading, "lost")), (CLIENTS as u64, 0), "{reading}");
}

#[test]
fn the_led_is_what_any_client_says_and_all_are_told() {
    beside_a_reader(SENSOR, |device| {
        let mut clients: Vec<_> = (1..CLIENTS).map(|_| open(device.address(), "/ws")).collect();
        for (by, on) in [(0, true), (1, false), (2, true), (0, false)] {
            let (logged, word) = (device.log().len(), if on { "led on" } else { "led off" });
            clients[by].send(&masked(TEXT, word.as_bytes()));
            device.wait_for_after(logged, word).expect("the log says it");
            clients.iter_mut().for_each(|raw| drop(reading_with(raw, "led", on)));
        }
        clients.into_iter().for_each(close);
    });
}

#[test]
fn other_commands_are_none() {
    beside_a_reader(SENSOR, |device| {
        let mut raw = open(device.address(), "/ws");
        for (first, command) in [(TEXT, "led"), (TEXT, ""), (TEXT, "LED ON"), (TEXT, "led on "), (BINARY, "led on")] {
            let logged = device.log().len();
            raw.send(&masked(first, command.as_bytes()));
            device.wait_for_after(logged, "an unknown command").expect("the log says it");
        }
        assert_eq!(reading(&mut raw)["led"], Value::Bool(false));
        close(raw);
        // As long as a command may be, then longer.
        for (len, code) in [(32, 1000), (33, 1009), (100_000, 1009)] {
            let mut raw = open(device.address(), "/ws");
            raw.try_send(&masked(TEXT, &vec![b'x'; len]));
            raw.try_send(&masked(0x88, &1000_u16.to_be_bytes()));
            assert_eq!(raw.close_code(), Some(code), "{len} bytes");
        }
    });
}

#[test]
fn the_readings_have_one_path() {
    beside_a_reader(SENSOR, |device| {
        for path in ["/", "/echo", "/ws/", "/WS", "/sensor.js"] {
            let mut raw = Raw::dial(device.address());
            raw.send(&Upgrade::to(path).bytes());
            assert_eq!(raw.response().expect("an answer").status, 404, "{path}");
            assert_eq!(raw.rest(), b"");
        }
        let mut raw = open(device.address(), "/ws?since=yesterday");
        reading(&mut raw);
        close(raw);
    });
}

#[test]
fn who_does_not_read_delays_nobody_and_is_told_what_it_lost() {
    beside_a_reader(PATIENT, |device| {
        let mut other = open(device.address(), "/ws");
        let mut slow = open_narrow(device.address(), "/ws");
        let begin = number(&reading(&mut slow), "uptime_ms");
        // The pongs fill every buffer on the way, since none is read.
        let pings = masked(PING, &[b'p'; 125]).repeat(1000);
        (0..100).for_each(|_| slow.send(&pings));
        // Nobody is behind: the newest reading is from after the last ping.
        let mut last = number(&reading(&mut other), "uptime_ms");
        for _ in 0..12 {
            let reading = reading(&mut other);
            let (uptime, late) = (number(&reading, "uptime_ms"), number(&reading, "late_us") / 1000);
            assert!(uptime - last <= 2 * INTERVAL + late, "{} ms from reading to reading", uptime - last);
            assert_eq!(number(&reading, "lost"), 0);
            last = uptime;
        }
        // It reads again: its own readings, with a gap, and what the gap was.
        let mut readings = 0;
        let (uptime, lost) = loop {
            let reading = reading_but_for_pongs(&mut slow);
            readings += 1;
            let (uptime, lost) = (number(&reading, "uptime_ms"), number(&reading, "lost"));
            if uptime > last {
                break (uptime, lost);
            }
        };
        let due = (uptime - begin + INTERVAL / 2) / INTERVAL;
        assert!(lost > 0, "nothing was lost of {due} readings, of which {readings} came");
        assert_eq!(lost + readings, due, "each is counted as lost or came");
        // It goes on without further loss.
        assert_eq!(number(&reading_but_for_pongs(&mut slow), "lost"), lost);
        close(other);
        close(slow);
    });
}

fn reading_but_for_pongs(raw: &mut Raw) -> Value {
    loop {
        let frame = device::next(raw).expect("a reading, not the end");
        if frame.first != PONG {
            assert_eq!(frame.first, TEXT);
            return serde_json::from_slice(&frame.payload).expect("a reading is JSON");
        }
    }
}

#[test]
fn who_never_reads_again_is_let_go() {
    beside_a_reader(SENSOR, |device| {
        let logged = device.log().len();
        let mut slow = open_narrow(device.address(), "/ws");
        let begun = std::time::Instant::now();
        let pings = masked(PING, &[b'p'; 125]).repeat(1000);
        while slow.try_send(&pings) && begun.elapsed() < sockeye_tests::PATIENCE {}
        device.wait_for_after(logged, "SlowPeer").expect("the log says why");
        let took = begun.elapsed();
        assert!(took >= short::SEND && took < sockeye_tests::PATIENCE + SLACK, "{took:?}");
    });
}
