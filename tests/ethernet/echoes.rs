//! What is echoed comes back intact, whatever happens to frames. Each loss costs a second, TCP's first timeout, so
//! several connections go on at once, and their deadlines are the shipped ones.

use std::thread;

use sockeye_tests::device::CLIENTS;

use crate::client::{Client, noise};
use crate::faults::{Faults, Way};
use crate::guest::{Deadlines, Guest, seed};

const TOTAL: usize = 64 * 1024;

#[test]
fn without_faults() {
    let guest = Guest::boot(Deadlines::Short);
    at_once(&guest, TOTAL, TOTAL).into_iter().for_each(Client::close);
    guest.assert_free();
}

#[test]
fn some_frames_are_lost() {
    with(Faults { drop: 5, ..Faults::default() });
}

#[test]
fn some_frames_come_late() {
    with(Faults { reorder: 5, ..Faults::default() });
}

#[test]
fn some_frames_are_bent() {
    with(Faults { corrupt: 5, ..Faults::default() });
}

#[test]
fn some_frames_come_twice() {
    with(Faults { duplicate: 5, ..Faults::default() });
}

#[test]
fn all_of_it_happens() {
    with(Faults { drop: 5, reorder: 5, corrupt: 5, duplicate: 5 });
}

fn with(faults: Faults) {
    // Several faults at once cost a second each, too.
    let total = if faults.drop > 0 && faults.corrupt > 0 { TOTAL / CLIENTS } else { TOTAL };
    let guest = Guest::boot(Deadlines::Shipped);
    eprintln!("SOCKEYE_SEED={}", seed());
    guest.lan.set_faults(faults);
    let clients = at_once(&guest, total, 4 * 1024);
    for way in [Way::ToDevice, Way::FromDevice] {
        let met = guest.lan.faults(way);
        eprintln!("{way:?}: {met:?}");
        let pairs = [
            (faults.drop, met.drop),
            (faults.reorder, met.reorder),
            (faults.corrupt, met.corrupt),
            (faults.duplicate, met.duplicate),
        ];
        for (wanted, met) in pairs {
            assert_eq!(wanted > 0, met > 0, "{way:?}: {faults:?}");
        }
    }
    guest.lan.set_faults(Faults::default());
    clients.into_iter().for_each(Client::close);
    guest.assert_free();
}

/// As many clients as there are places, each of which had so many bytes echoed, in messages of this length.
fn at_once(guest: &Guest, total: usize, len: usize) -> Vec<Client> {
    let talk = |number: u8| {
        let mut client = Client::open(&guest.lan.neighbour(10 + number));
        noise(number.into(), total).chunks(len).for_each(|message| client.echo(message));
        client
    };
    thread::scope(|scope| {
        let talks: Vec<_> = (0..CLIENTS as u8).map(|number| scope.spawn(move || talk(number))).collect();
        talks.into_iter().map(|talk| talk.join().expect("all comes back")).collect()
    })
}
