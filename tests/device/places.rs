//! The four places: who is one too many is told so, and every place comes back.

use std::io::Read as _;
use std::time::{Duration, Instant};

use sockeye_tests::device::{
    self, CLIENTS, Firmware, SLACK, assert_free, beside_an_echo, close, message, open, short, try_open,
};
use sockeye_tests::frame::{BINARY, CLOSE, TEXT, closing, masked};
use sockeye_tests::{Raw, Response, Upgrade};

const ECHO: Firmware = Firmware::short("echo");

#[test]
fn four_clients_are_served_at_once() {
    device::on(ECHO, |device| {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| open(device.address(), "/")).collect();
        for round in 0..100 {
            for (at, raw) in clients.iter_mut().enumerate() {
                raw.send(&masked(TEXT, format!("{round} of {at}").as_bytes()));
            }
            for (at, raw) in clients.iter_mut().enumerate() {
                assert_eq!(message(raw), (TEXT, format!("{round} of {at}").into_bytes()));
            }
        }
        clients.into_iter().for_each(close);
        assert_free(device.address(), "/");
    });
}

#[test]
fn a_fifth_client_is_told_when_to_come_again() {
    beside_an_echo(ECHO, |device| {
        let mut clients: Vec<_> = (1..CLIENTS).map(|_| open(device.address(), "/")).collect();
        for _ in 0..20 {
            let response = refused(|| try_open(device.address(), "/"));
            assert_eq!(response.header("Retry-After"), Some("5"));
            assert!(response.has_token("Connection", "close"), "{}", response.head);
            // Those who have a place do not notice.
            clients.iter_mut().for_each(|raw| raw.round_trip(b"still here"));
        }
        close(clients.remove(0));
        let mut next = open(device.address(), "/");
        next.round_trip(b"in its place");
        clients.push(next);
        clients.into_iter().for_each(close);
    });
}

/// Asks until the answer is not that of who comes while another is being refused: none at all.
fn refused(mut ask: impl FnMut() -> Result<Raw, Option<Response>>) -> Response {
    let deadline = Instant::now() + short::CLOSE + SLACK;
    loop {
        match ask() {
            Ok(_) => panic!("a fifth client has a place"),
            Err(Some(response)) => {
                assert_eq!(response.status, 503, "{}", response.head);
                return response;
            }
            Err(None) => assert!(Instant::now() < deadline, "nobody is told anything any more"),
        }
    }
}

#[test]
fn who_is_one_too_many_gets_an_answer_and_no_reset() {
    beside_an_echo(ECHO, |device| {
        let clients: Vec<_> = (1..CLIENTS).map(|_| open(device.address(), "/")).collect();
        // Also one that sends more than is read of it.
        for bytes in [&Upgrade::to("/").bytes()[..], &[b'x'; 20_000]] {
            let mut answered = None;
            refused(|| {
                let mut raw = Raw::dial(device.address());
                raw.try_send(bytes);
                let response = raw.response();
                answered = Some(raw);
                Err(response)
            });
            let mut stream = answered.expect("it was asked").stream();
            assert!(matches!(stream.read(&mut [0; 100]), Ok(0)), "the answer, the end, and no reset");
        }
        clients.into_iter().for_each(close);
    });
}

#[test]
fn who_is_one_too_many_and_does_not_ask_is_told_nothing() {
    // With long deadlines: the others are silent meanwhile.
    beside_an_echo(Firmware::shipped("echo"), |device| {
        let clients: Vec<_> = (1..CLIENTS).map(|_| open(device.address(), "/")).collect();
        let logged = device.log().len();
        // A browser would take what lies there unasked for the answer to a later request.
        let mut raw = Raw::dial(device.address());
        assert_eq!(raw.rest(), b"", "no byte, only the end");
        assert!(!device.log().iter().skip(logged).any(|line| line.message.contains("503")), "it was told something");
        drop(raw);
        refused(|| try_open(device.address(), "/"));
        clients.into_iter().for_each(close);
    });
}

#[test]
fn a_thousand_connections_leave_every_place_free() {
    beside_an_echo(ECHO, |device| {
        for round in 0..1000 {
            let mut raw = open(device.address(), "/");
            match round % 5 {
                0 => close(raw),
                1 => raw.reset(),
                2 => drop(raw),
                3 => {
                    raw.send(&masked(BINARY, &[7; 300]));
                    assert_eq!(message(&mut raw), (BINARY, vec![7; 300]));
                    // Only our side ends.
                    raw.shut();
                    assert_eq!(raw.rest(), b"");
                }
                _ => {
                    raw.send(&masked(CLOSE, &closing(3000, b"bye")));
                    raw.shut();
                    assert_eq!(raw.close_code(), Some(3000));
                }
            }
        }
    });
}

#[test]
fn a_place_is_free_as_soon_as_its_client_has_gone() {
    beside_an_echo(ECHO, |device| {
        for end in [close, Raw::reset, drop] {
            let mut clients: Vec<_> = (1..CLIENTS).map(|_| open(device.address(), "/")).collect();
            for _ in 0..10 {
                end(clients.remove(0));
                let begun = Instant::now();
                clients.push(open(device.address(), "/"));
                // None of the deadlines is waited for.
                assert!(begun.elapsed() < Duration::from_millis(900), "it took {:?}", begun.elapsed());
            }
            clients.into_iter().for_each(close);
        }
    });
}
