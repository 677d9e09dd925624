//! Handshakes of TCP without their last segment, from addresses all over the world: they do not keep a place for
//! longer than a handshake may take.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use smoltcp::wire::TcpControl;
use sockeye_tests::device::{CLIENTS, SLACK, short};

use crate::by_hand::ByHand;
use crate::bystander::Bystander;
use crate::client::{Client, SERVER};
use crate::guest::{Deadlines, Guest};

#[test]
fn they_keep_no_place_for_long() {
    let guest = Guest::boot(Deadlines::Short);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    // The bystander has one place; one listener more is for who is one too many.
    for number in 1..=CLIENTS as u8 {
        assert_eq!(half_open(&guest, number), Some(TcpControl::Syn), "there is a listener for {number}");
    }
    assert_eq!(half_open(&guest, 100), Some(TcpControl::Rst), "there is none any more");
    let (client, took) = Client::open_at(&guest.lan.neighbour(3), SERVER, short::HANDSHAKE + SLACK);
    eprintln!("the place was back after {took:?}");
    client.close();
    bystander.assert_undisturbed();
    guest.assert_free();
}

#[test]
fn nor_does_a_flood() {
    let guest = Guest::boot(Deadlines::Short);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    for number in 0..1000_u16 {
        let from = Ipv4Addr::new(203, 0, (number / 250) as u8, (number % 250) as u8);
        ByHand::new(&guest.lan, SocketAddrV4::new(from, 1024 + number), SERVER).syn();
    }
    Client::open_at(&guest.lan.neighbour(3), SERVER, short::HANDSHAKE + SLACK).0.close();
    bystander.assert_undisturbed();
    guest.assert_free();
}

#[test]
fn nor_do_those_whom_nobody_knows() {
    let guest = Guest::boot(Deadlines::Short);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    // Neighbours, so that the device asks for their cards, in vain.
    for number in 0..20 {
        let from = SocketAddrV4::new(Ipv4Addr::new(192, 168, 77, 220 + number), 1234);
        ByHand::new(&guest.lan, from, SERVER).syn();
    }
    let limit = short::HANDSHAKE + short::CLOSE + SLACK;
    let (client, took) = Client::open_at(&guest.lan.neighbour(3), SERVER, limit);
    eprintln!("the place was back after {took:?}");
    assert!(took > Duration::from_secs(1), "they had the places: {took:?}");
    client.close();
    bystander.assert_undisturbed();
    guest.assert_free();
}

#[test]
fn a_reset_ends_them_at_once() {
    let guest = Guest::boot(Deadlines::Short);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    for round in 1..=20 {
        // As a host does that knows nothing of the connection.
        let mut peer = peer(&guest, round);
        peer.syn();
        assert_eq!(peer.answer_to_syn(), Some(TcpControl::Syn), "a place is free in round {round}");
        peer.reset(0);
    }
    bystander.assert_undisturbed();
    guest.assert_free();
}

fn half_open(guest: &Guest, number: u8) -> Option<TcpControl> {
    let mut peer = peer(guest, number);
    peer.syn();
    peer.answer_to_syn()
}

fn peer(guest: &Guest, number: u8) -> ByHand {
    ByHand::new(&guest.lan, SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, number), 1234), SERVER)
}
