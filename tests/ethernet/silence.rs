//! A peer whose cable is cut: no reset, no end, nothing. Its place comes back in the documented time, and meanwhile
//! the others are served.

use std::io::Write as _;
use std::time::Duration;

use sockeye_tests::device::{SLACK, short};
use sockeye_tests::frame::{BINARY, BINARY_BEGINS, CLOSE, closing, masked};

use crate::bystander::Bystander;
use crate::client::{Client, Refusal, SERVER, noise, request};
use crate::guest::{Deadlines, Guest};
use crate::host::Host;
use crate::stream::Stream;

#[test]
fn between_messages() {
    place_comes_back(short::SILENCE, |host| Client::open(host).stream);
}

#[test]
fn in_mid_frame() {
    place_comes_back(short::SILENCE, |host| {
        let mut client = Client::open(host);
        client.send(&masked(BINARY, &noise(0, 1000))[..500]);
        client.stream.wait_until_taken().expect("the device has it");
        client.stream
    });
}

#[test]
fn in_mid_message() {
    place_comes_back(short::SILENCE, |host| {
        let mut client = Client::open(host);
        client.send(&masked(BINARY_BEGINS, b"to be continued"));
        client.stream.wait_until_taken().expect("the device has it");
        client.stream
    });
}

#[test]
fn in_mid_echo() {
    place_comes_back(short::SEND, |host| {
        // So narrow that there is more to come, however fast the device is.
        let stream = host.connect_narrow(SERVER, 16 * 1024).expect("there is a place");
        let mut client = Client::try_over(stream).expect("it is accepted");
        client.send(&masked(BINARY, &noise(0, 64 * 1024)));
        assert!(client.fill().expect("the echo begins"));
        client.stream
    });
}

#[test]
fn before_the_request() {
    place_comes_back(short::HANDSHAKE, |host| host.connect_at_last(SERVER));
}

#[test]
fn in_mid_request() {
    place_comes_back(short::HANDSHAKE, |host| {
        let mut stream = host.connect_at_last(SERVER);
        let request = request();
        stream.write_all(&request[..request.len() / 2]).expect("it is taken");
        stream.wait_until_taken().expect("the device has it");
        stream
    });
}

#[test]
fn in_mid_close() {
    place_comes_back(Duration::ZERO, |host| {
        let mut client = Client::open(host);
        // The close is answered, and the answer not acknowledged.
        host.deafen();
        client.send(&masked(CLOSE, &closing(1000, b"")));
        client.stream
    });
}

/// Takes the last place so, cuts its host off, and gets that place again.
fn place_comes_back(deadline: Duration, take: impl FnOnce(&Host) -> Stream) {
    let guest = Guest::boot(Deadlines::Short);
    let others = guest.fill();
    let host = guest.lan.neighbour(2);
    let stream = take(&host);
    host.cut();

    let another = guest.lan.neighbour(3);
    let refusal = Client::try_over(another.connect_at_last(SERVER)).expect_err("all places are taken");
    let Refusal::Answered(response, _) = refusal else { panic!("no answer: {}", refusal.reason()) };
    assert_eq!(response.status, 503, "{}", response.head);
    let (mut client, took) = Client::open_at(&another, SERVER, deadline + short::CLOSE + SLACK);
    eprintln!("the place was back after {took:?}");
    client.echo(b"it is mine now");
    client.close();
    drop(stream);
    others.into_iter().for_each(Bystander::assert_undisturbed);
    guest.assert_free();
}
