//! Segments that come twice, overlap, or come in another order: the stream is what counts.

use std::net::{Ipv4Addr, SocketAddrV4};

use sockeye_tests::frame::{BINARY, CLOSE, closing, masked};

use crate::by_hand::ByHand;
use crate::bystander::Bystander;
use crate::client::{SERVER, noise, request};
use crate::guest::{Deadlines, Guest};

/// What is sent: from where to where in a part of the stream.
type Plan = fn(usize) -> Vec<(usize, usize)>;

const PLANS: [(&str, Plan); 7] = [
    ("once", |len| vec![(0, len)]),
    ("twice", |len| vec![(0, len), (0, len)]),
    ("halves twice", |len| vec![(0, len / 2), (0, len / 2), (len / 2, len), (len / 2, len), (0, len / 2)]),
    ("the second half first", |len| vec![(len / 2, len), (0, len / 2)]),
    ("overlapping", |len| vec![(0, len / 2), (len / 4, 3 * len / 4), (len / 3, len)]),
    ("overlapping, backwards", |len| vec![(len / 2, len), (len / 4, 3 * len / 4), (0, len / 2)]),
    ("byte by byte, twice", |len| (0..len).flat_map(|at| [(at, at + 1), (at, at + 1)]).collect()),
];

const BURST: usize = 8;

#[test]
fn the_stream_is_what_counts() {
    let guest = Guest::boot(Deadlines::Shipped);
    let bystander = Bystander::on(&guest.lan.neighbour(2));
    for (number, (name, plan)) in PLANS.into_iter().enumerate() {
        let from = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, number as u8), 1234);
        let mut peer = ByHand::open(&guest.lan, from, SERVER);
        let mut at = 0;
        send(&mut peer, plan, &mut at, &request());
        assert!(peer.head().starts_with("HTTP/1.1 101 "), "{name}");
        for len in [2, 10, 125, 126, 500] {
            let payload = noise(number as u64, len);
            send(&mut peer, plan, &mut at, &masked(BINARY, &payload));
            assert!(peer.message() == payload, "{name}: {len} bytes");
        }
        send(&mut peer, plan, &mut at, &masked(CLOSE, &closing(1000, b"")));
        assert_eq!(peer.frame().close_code(), Some(1000), "{name}: nothing came twice");
        peer.end(at);
    }
    bystander.assert_undisturbed();
    guest.assert_free();
}

/// Sends bytes by a plan.
fn send(peer: &mut ByHand, plan: Plan, at: &mut usize, bytes: &[u8]) {
    let segments = plan(bytes.len());
    // So many as any card can hold; if one was lost nevertheless, they come again.
    for burst in segments.chunks(BURST) {
        let end = burst.iter().map(|(_, end)| *end).max().unwrap_or_default();
        let sent = (0..10).any(|_| {
            burst.iter().for_each(|(begin, end)| peer.send(*at + begin, &bytes[*begin..*end]));
            peer.has(*at + end)
        });
        assert!(sent, "the device does not get it");
    }
    *at += bytes.len();
}
