//! A peer that makes no room for what it gets, and acknowledges all the while that it does not.

use std::io::{ErrorKind, Read as _};
use std::thread;

use sockeye_tests::device::{SLACK, short};
use sockeye_tests::frame::{BINARY, masked};

use crate::bystander::Bystander;
use crate::client::{Client, SERVER, noise};
use crate::guest::{Deadlines, Guest};

const WINDOW: usize = 2048;
const MESSAGE: usize = 16 * 1024;

#[test]
fn for_too_long_it_loses_its_place() {
    let guest = Guest::boot(Deadlines::Short);
    let others = guest.fill();
    let host = guest.lan.neighbour(2);
    let mut narrow = narrow(&guest);
    narrow.send(&masked(BINARY, &noise(0, MESSAGE)));
    let number = guest.device.log().len();

    let (client, took) = Client::open_at(&host, SERVER, short::SEND + short::CLOSE + SLACK);
    eprintln!("the place was back after {took:?}");
    assert!(took > short::SEND, "it was given its time: {took:?}");
    client.close();
    guest.wait_for(number, "SlowPeer");
    let error = narrow.stream.read_to_end(&mut Vec::new()).expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    others.into_iter().for_each(Bystander::assert_undisturbed);
    guest.assert_free();
}

#[test]
fn for_less_it_gets_all() {
    let guest = Guest::boot(Deadlines::Short);
    let bystander = Bystander::on(&guest.lan.neighbour(3));
    let mut narrow = narrow(&guest);
    let message = noise(0, MESSAGE);
    narrow.send(&masked(BINARY, &message));
    for _ in 0..2 {
        // That it waits is what is tested.
        thread::sleep(short::SEND / 2);
        assert_eq!(narrow.stream.waiting(), WINDOW, "the window is used up");
        assert!(narrow.fill().expect("the connection holds"));
    }
    assert!(narrow.message() == message, "all came");
    narrow.close();
    bystander.assert_undisturbed();
    guest.assert_free();
}

fn narrow(guest: &Guest) -> Client {
    let stream = guest.lan.neighbour(2).connect_narrow(SERVER, WINDOW).expect("there is a place");
    Client::try_over(stream).unwrap_or_else(|refusal| panic!("{}", refusal.reason()))
}
