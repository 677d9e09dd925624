//! A reset ends a connection, at once, wherever it is; one that is out of place ends nothing.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use sockeye_tests::device::SLACK;
use sockeye_tests::frame::{BINARY, BINARY_BEGINS, masked};

use crate::by_hand::ByHand;
use crate::bystander::Bystander;
use crate::client::{Client, SERVER, noise, request};
use crate::guest::{Deadlines, Guest};
use crate::stream::Stream;

#[test]
fn the_place_is_free_at_once() {
    let guest = Guest::boot(Deadlines::Short);
    let others = guest.fill();
    let host = guest.lan.neighbour(2);
    let (request, frame) = (request(), masked(BINARY, &noise(0, 1000)));
    let begins = masked(BINARY_BEGINS, b"to be continued");
    let long = masked(BINARY, &noise(0, 50_000));
    let before_the_handshake = [("before the request", &b""[..]), ("in mid-request", &request[..request.len() / 2])];
    let after_it = [
        ("between messages", &b""[..]),
        ("in mid-header", &frame[..3]),
        ("in mid-frame", &frame[..500]),
        ("in mid-message", &begins),
    ];
    let check = |name: &str, stream: Stream| {
        stream.reset();
        let (mut client, took) = Client::open_at(&guest.lan.neighbour(3), SERVER, SLACK);
        eprintln!("{name}: the place was back after {took:?}");
        client.echo(b"it is mine now");
        client.close();
    };
    for (name, bytes) in before_the_handshake {
        let mut stream = host.connect_at_last(SERVER);
        stream.write_all(bytes).expect("it is taken");
        stream.wait_until_taken().expect("the device has it");
        check(name, stream);
    }
    for (name, bytes) in after_it {
        let mut client = Client::open(&host);
        client.send(bytes);
        client.stream.wait_until_taken().expect("the device has it");
        check(name, client.stream);
    }
    let mut client = Client::open(&host);
    client.send(&long);
    check("in mid-echo", client.stream);
    others.into_iter().for_each(Bystander::assert_undisturbed);
    guest.assert_free();
}

#[test]
fn one_out_of_place_ends_nothing() {
    let guest = Guest::boot(Deadlines::Shipped);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    let from = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 1234);
    let mut peer = ByHand::open(&guest.lan, from, SERVER);
    let request = request();
    peer.send(0, &request);
    assert!(peer.head().starts_with("HTTP/1.1 101 "));
    let mut at = request.len();
    for place in [-1, -10_000, 10_000, i32::MAX, i32::MIN] {
        peer.reset(place.wrapping_add(at as i32));
        let text = masked(BINARY, b"still here");
        peer.send(at, &text);
        at += text.len();
        assert_eq!(peer.frame().payload, b"still here", "after a reset at {place}");
    }
    peer.reset(at as i32);
    bystander.assert_undisturbed();
    guest.assert_free();
}
