//! Clients that are gone, or might as well be: each gives its place back in the time that is documented, and the others
//! are served meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sockeye_tests::device::{
    CLIENTS, Firmware, SLACK, beside_an_echo, close, dial, open, open_all, open_narrow, short, try_open,
};
use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, MASK, PONG, TEXT, masked};
use sockeye_tests::{Raw, Upgrade};

const ECHO: Firmware = Firmware::short("echo");

/// A state of a connection: its name, what the client sends before there is an answer, and after that.
struct State(&'static str, Vec<u8>, Option<Vec<u8>>);

fn states() -> [State; 9] {
    let head = Upgrade::to("/").bytes();
    let open = |name, more: &[u8]| State(name, Vec::new(), Some(more.to_vec()));
    [
        State("before a byte", Vec::new(), None),
        State("in the head", head[..head.len() - 1].to_vec(), None),
        open("open", b""),
        open("in a header", &frame::head(BINARY, 70_000, Some(MASK))[..5]),
        open("in a payload", &masked(BINARY, &[0; 100])[..50]),
        open("in a control frame", &masked(PONG, &[0; 100])[..50]),
        open("in a message", &masked(BINARY_BEGINS, &[0; 100])),
        open("in a message without a byte", &masked(BINARY_BEGINS, b"")),
        open("with an echo on its way", &masked(BINARY, &[0; 100_000])),
    ]
}

impl State {
    /// A connection in this state.
    fn enter(&self, address: SocketAddr) -> Raw {
        let State(_, before, after) = self;
        match after {
            None => {
                let mut raw = dial(address);
                raw.try_send(before);
                raw
            }
            Some(after) => {
                let mut raw = open(address, "/");
                raw.send(after);
                raw
            }
        }
    }
}

#[test]
fn a_reset_frees_the_place_at_once() {
    beside_an_echo(ECHO, |device| {
        for state in states() {
            let begun = Instant::now();
            // More often than there are places.
            for _ in 0..2 * CLIENTS {
                state.enter(device.address()).reset();
            }
            close(open(device.address(), "/"));
            assert!(begun.elapsed() < short::SILENCE, "{}: a deadline was waited for: {:?}", state.0, begun.elapsed());
        }
    });
}

#[test]
fn a_reset_while_the_device_writes() {
    beside_an_echo(ECHO, |device| {
        for _ in 0..3 {
            // The echo fills every buffer on its way, since none of it is read. (QEMU's network tells the device of the
            // reset only if it waits for nothing but its own bytes: else the device has to see that none are taken.)
            flooded(device.address()).into_iter().for_each(Raw::reset);
            let limit = short::SEND + short::CLOSE + SLACK;
            open_all(device.address(), "/", CLIENTS - 1, limit).into_iter().for_each(close);
        }
    });
}

/// Connections on all places that take nothing of their echo, until nothing more is taken of them for a second.
fn flooded(address: SocketAddr) -> Vec<Raw> {
    let mut all: Vec<_> = (1..CLIENTS).map(|_| open_narrow(address, "/")).collect();
    std::thread::scope(|scope| {
        for raw in &mut all {
            scope.spawn(|| {
                let sent = raw.flood(&masked(BINARY, &[0; 60_000]), 1000);
                assert!(sent > 0 && sent < 1000 * 60_000, "{sent} bytes were taken");
            });
        }
    });
    all
}

#[test]
fn an_end_without_a_close_frees_the_place_at_once() {
    beside_an_echo(ECHO, |device| {
        for state in states() {
            let begun = Instant::now();
            for _ in 0..2 * CLIENTS {
                let mut raw = state.enter(device.address());
                raw.shut();
                raw.rest();
            }
            assert!(begun.elapsed() < short::SILENCE, "{}: a deadline was waited for: {:?}", state.0, begun.elapsed());
        }
    });
}

#[test]
fn silence_frees_the_place_in_time() {
    // In a handshake its end is waited for, else a pong, which comes before the end of a message.
    let deadline = short::SILENCE.max(short::HANDSHAKE);
    for states in states().chunks(CLIENTS - 1) {
        beside_an_echo(ECHO, |device| {
            let begun = Instant::now();
            let silent: Vec<_> = states.iter().map(|state| state.enter(device.address())).collect();
            let quiet = Instant::now();
            let names: Vec<_> = states.iter().map(|state| state.0).collect();
            let mut others: Vec<Raw> = Vec::new();
            while others.len() < states.len() {
                if let Ok(raw) = try_open(device.address(), "/") {
                    // Not before, either.
                    let waited = begun.elapsed();
                    assert!(waited > deadline - Duration::from_millis(100), "{names:?}: after {waited:?}");
                    others.push(raw);
                }
                let waited = quiet.elapsed();
                assert!(waited < deadline + short::CLOSE + SLACK, "{names:?}: {} let go in {waited:?}", others.len());
                others.iter_mut().for_each(|raw| raw.round_trip(b"served"));
            }
            for mut raw in silent {
                // The pings that nobody answered, then the end.
                raw.rest();
            }
            others.into_iter().for_each(close);
        });
    }
}

#[test]
fn who_takes_nothing_of_an_echo_is_let_go_in_time() {
    beside_an_echo(ECHO, |device| {
        let logged = device.log().len();
        let greedy = flooded(device.address());
        let limit = short::SEND + short::CLOSE + SLACK;
        open_all(device.address(), "/", CLIENTS - 1, limit).into_iter().for_each(close);
        drop(greedy);
        device.wait_for_after(logged, "SlowPeer").expect("the log says why");
    });
}

#[test]
fn who_answers_the_pings_stays() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        for _ in 0..4 {
            let ping = raw.frame().expect("a ping");
            assert_eq!((ping.first, ping.mask), (frame::PING, None));
            raw.send(&masked(PONG, &ping.payload));
        }
        raw.send(&masked(TEXT, b"still here"));
        assert_eq!(raw.text(), "still here");
        close(raw);
    });
}
