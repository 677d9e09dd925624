//! The device's address: asked for until it is given, renewed, lost and got again.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use sockeye_tests::device::CLIENTS;

use crate::client::{Client, SERVER};
use crate::dhcp::{Heard, Server};
use crate::guest::{Deadlines, Guest};
use crate::stream::PATIENCE;

#[test]
fn it_is_asked_for_until_it_is_given() {
    // The first offers are lost, and the first acknowledgement.
    let lost = vec![Heard::Discover, Heard::Discover, Heard::Request];
    let guest = Guest::boot_beside(Deadlines::Short, Server { lost, ..Server::default() });
    guest.wait_for(0, "listening on");
    let heard = guest.lan.dhcp(|server| server.heard.clone());
    assert_eq!(heard, [Heard::Discover, Heard::Discover, Heard::Discover, Heard::Request, Heard::Request]);
    Client::open(&guest.lan.neighbour(2)).close();
    guest.assert_free();
}

#[test]
fn it_is_renewed_and_connections_go_on() {
    let guest = Guest::boot_beside(Deadlines::Short, Server { lease: 4, ..Server::default() });
    guest.wait_for(0, "listening on");
    let mut client = Client::open(&guest.lan.neighbour(2));
    // The third one is past the first lease.
    for count in 1..=3 {
        let begun = Instant::now();
        while !guest.lan.dhcp_heard(Heard::Renew, count, Duration::from_millis(100)) {
            client.echo(b"still here");
            assert!(begun.elapsed() < PATIENCE, "the lease is renewed {count} times");
        }
    }
    client.echo(b"still here");
    client.close();
    let heard = guest.lan.dhcp(|server| server.heard.clone());
    let got = heard.iter().position(|heard| *heard == Heard::Request).expect("it was asked for");
    assert!(!heard[got..].contains(&Heard::Discover), "it was never lost: {heard:?}");
    guest.assert_free();
}

#[test]
fn it_is_lost_and_another_one_is_as_good() {
    let guest = Guest::boot_beside(Deadlines::Short, Server { lease: 4, ..Server::default() });
    guest.wait_for(0, "listening on");
    let host = guest.lan.neighbour(2);
    let mut old = Client::open(&host);
    old.echo(b"the old address");
    let another = Ipv4Addr::new(192, 168, 77, 16);
    guest.lan.dhcp(|server| server.address = another);
    assert!(guest.lan.dhcp_heard(Heard::Discover, 2, PATIENCE), "the device asks for another one");

    let server = SocketAddrV4::new(another, SERVER.port());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::open_at(&host, server, PATIENCE).0).collect();
    clients.iter_mut().for_each(|client| client.echo(b"the new address"));
    clients.into_iter().for_each(Client::close);
    drop(old);
}
