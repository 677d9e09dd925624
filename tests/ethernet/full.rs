//! More clients than places.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::by_hand::ByHand;
use crate::bystander::Bystander;
use crate::client::{Client, Refusal, SERVER, request};
use crate::guest::{Deadlines, Guest};

#[test]
fn who_is_one_too_many_is_told_so_and_gets_the_next_place() {
    let guest = Guest::boot(Deadlines::Short);
    let others = guest.fill();
    let mut last = Client::open(&guest.lan.neighbour(2));
    last.echo(b"the last place");

    let host = guest.lan.neighbour(3);
    for _ in 0..20 {
        // Who comes while the one before is still being told may be reset.
        let stream = host.connect_at_last(SERVER);
        let refusal = Client::try_over(stream).expect_err("there is no place");
        let Refusal::Answered(response, mut stream) = refusal else { panic!("no answer: {}", refusal.reason()) };
        assert_eq!(response.status, 503, "{}", response.head);
        assert_eq!(response.header("Retry-After"), Some("5"));
        assert_eq!(stream.read(&mut [0]).expect("the connection ends in order"), 0);
        last.echo(b"it is still mine");
    }

    last.close();
    let mut next = Client::open(&host);
    next.echo(b"the next one");
    next.close();
    others.into_iter().for_each(Bystander::assert_undisturbed);
    guest.assert_free();
}

#[test]
fn no_reset_overtakes_the_answer() {
    let guest = Guest::boot(Deadlines::Short);
    let others = guest.fill();
    let last = Bystander::on(&guest.lan.neighbour(2));

    let from = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 1234);
    let mut peer = ByHand::open(&guest.lan, from, SERVER);
    let request = request();
    peer.send(0, &request);
    assert!(peer.head().starts_with("HTTP/1.1 503 "));
    peer.wait_for_the_end();
    // The device has said all, which is acknowledged, and still takes what it did not ask for.
    let mut at = request.len();
    for _ in 0..2 {
        peer.send(at, &[b'x'; 100]);
        at += 100;
        assert!(peer.has(at), "what is sent is discarded");
    }
    peer.end(at);

    others.into_iter().chain([last]).for_each(Bystander::assert_undisturbed);
    guest.assert_free();
}
