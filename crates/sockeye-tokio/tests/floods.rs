//! Peers that send too much, or take too little: what they are owed and what is queued for them stays bounded.

mod common;

use std::time::Duration;

use common::raw::{self, Raw, frame, masked};
use common::wire::{End, Wire, pipe};
use common::{patient, run, settle};
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{Budget, Config, Connection, Error, Kind, accept};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep};

/// A raw client, our server, and what goes up and down.
async fn flooded(config: Config) -> (Raw<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(0, 4096);
    let (raw, server) = tokio::join!(Raw::client(client), accept(server, config));
    (raw, server.expect("it accepts"), up, down)
}

/// Default deadlines and a budget of its own.
fn own_budget() -> (Config, Budget) {
    let budget = Budget::new(256 << 20, 256 << 20);
    (Config { budget: budget.clone(), ..Config::default() }, budget)
}

/// Once it takes nothing any more, nothing more is queued: of all later pings the newest is answered.
#[test]
fn a_ping_flood_from_a_peer_that_never_reads_is_owed_one_pong() {
    run(async {
        let (config, budget) = own_budget();
        let (mut raw, mut server, _up, down) = flooded(Config { send_timeout: patient().send_timeout, ..config }).await;
        let taken = down.written();
        down.narrow(127 * 3 + 50);
        let drain = tokio::spawn(async move { server.receiver.drain().await });
        let mut held = 0;
        for id in 0..100_000u32 {
            let payload: Vec<u8> = id.to_be_bytes().into_iter().chain([0; 121]).collect();
            raw.send(&masked(raw::PING, &payload)).await;
            if id == 100 {
                settle().await;
                held = budget.outbox_bytes();
                // Those that came by the read that filled the pipe: 4 KiB of pings.
                assert!((1..=8192).contains(&held), "{held} bytes are held for the peer");
            }
            assert!(id < 100 || budget.outbox_bytes() == held, "{} bytes at ping {id}", budget.outbox_bytes());
        }
        settle().await;
        assert_eq!(down.written() - taken, 127 * 3 + 50, "the pipe is full of pongs");

        // Then it reads: what was in the pipe and in the queue, and the newest ping's.
        let mut pongs = Vec::new();
        while pongs.last() != Some(&99_999) {
            let pong = raw.frame().await.unwrap();
            assert_eq!(pong.first, raw::PONG);
            pongs.push(u32::from_be_bytes(pong.payload[..4].try_into().unwrap()));
        }
        assert!(pongs.len() <= 40 && pongs.is_sorted(), "{pongs:?}");
        assert_eq!(pongs.iter().filter(|id| **id > 100).count(), 1, "{pongs:?}");
        drop(raw);
        assert_eq!(drain.await.unwrap(), Err(Error::Lost));
    });
}

/// It takes a byte for each of its pings: the queue may not grow by a pong for each.
#[test]
fn a_ping_flood_from_a_peer_that_reads_a_little_is_owed_little() {
    run(async {
        let (config, budget) = own_budget();
        let (mut raw, mut server, _up, down) = flooded(Config { high_water: 1024, ..config }).await;
        down.narrow(16);
        tokio::spawn(async move { server.receiver.drain().await });
        let mut most = 0;
        for _ in 0..5_000 {
            raw.send(&masked(raw::PING, &[7; 125])).await;
            raw.io.read_u8().await.unwrap();
            settle().await;
            most = most.max(budget.outbox_bytes());
        }
        assert!((1..=8192).contains(&most), "{most} bytes are held for the peer");
    });
}

#[test]
fn a_flood_of_empty_fragments_holds_nothing() {
    run(async {
        let (config, budget) = own_budget();
        let (mut raw, mut server, ..) = flooded(config).await;
        let flood = async {
            raw.send(&masked(0x02, b"")).await;
            let thousand = masked(0x00, b"").repeat(1000);
            for _ in 0..100 {
                raw.send(&thousand).await;
                assert_eq!(budget.partial_bytes(), 0);
            }
            raw.send(&masked(0x80, b"!")).await;
        };
        let receive = async { server.receiver.message().await.unwrap().unwrap().into_owned() };
        let ((), message) = tokio::join!(flood, receive);
        assert_eq!((message.kind, &message.payload[..]), (Kind::Binary, &b"!"[..]));
    });
}

#[test]
fn a_flood_of_fragments_of_a_byte_holds_these_bytes() {
    run(async {
        let (config, budget) = own_budget();
        let limits = Limits::message(100_000);
        let (mut raw, mut server, ..) = flooded(Config { limits, ..config }).await;
        let mut most = 0;
        let flood = async {
            raw.send(&masked(0x02, b"1")).await;
            let hundred = masked(0x00, b"1").repeat(100);
            for _ in 0..1000 {
                raw.send(&hundred).await;
                most = most.max(budget.partial_bytes());
            }
            raw.frame().await
        };
        let receive = async { server.receiver.message().await.map(|_| ()) };
        let (told, result) = tokio::join!(flood, receive);
        assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
        assert_eq!(told.unwrap().close(), Some((1009, "")));
        assert!((50_000..=250_000).contains(&most), "{most} bytes for 100,000");
        assert_eq!(budget.partial_bytes(), 0);
    });
}

/// A send waits while the peer is behind, then fails; what is queued is bounded by the high-water mark and a message.
#[test]
fn a_send_to_a_peer_that_stopped_reading_waits_then_fails() {
    for feed in [false, true] {
        run(async {
            let (config, budget) = own_budget();
            let (_raw, mut server, _up, down) = flooded(config).await;
            down.stall();
            let mut queued = 0;
            let mut most = 0;
            let start = Instant::now();
            let error = loop {
                let sent = if feed {
                    server.sender.feed(Kind::Binary, &[7; 1000]).await
                } else {
                    server.sender.binary(&[7; 1000]).await
                };
                most = most.max(budget.outbox_bytes());
                match sent {
                    Ok(()) => queued += 1004,
                    Err(error) => break error,
                }
                assert!(start.elapsed().is_zero(), "there was room");
            };
            assert_eq!((error, start.elapsed()), (Error::SlowPeer, Duration::from_secs(20)));
            assert!((64 * 1024..64 * 1024 + 1004).contains(&queued), "{queued} bytes were queued");
            assert!((64 * 1024..=192 * 1024).contains(&most), "{most} bytes were held");
            settle().await;
            assert_eq!(server.sender.flush().await, Err(Error::SlowPeer));
            assert_eq!(server.receiver.drain().await, Err(Error::SlowPeer));
            assert_eq!(budget.outbox_bytes(), 0);
        });
    }
}

/// A message may be longer than the high-water mark; then the next one waits, until half of it is free.
#[test]
fn a_send_goes_on_when_the_peer_reads_again() {
    run(async {
        let (mut raw, mut server, _up, down) = flooded(Config::default()).await;
        down.stall();
        server.sender.binary(&[1; 200_000]).await.unwrap();
        let second = async { server.sender.binary(b"2").await };
        let reads = async {
            sleep(Duration::from_secs(19)).await;
            down.resume();
            (raw.frame().await.unwrap().payload.len(), raw.frame().await.unwrap().payload)
        };
        assert_eq!(tokio::join!(second, reads), (Ok(()), (200_000, b"2".to_vec())));
    });
}

/// Zero window under a user who only writes, and drains beside it.
#[test]
fn a_write_only_user_of_a_zero_window_peer_hears_of_it_in_both_halves() {
    run(async {
        let (config, budget) = own_budget();
        let (_raw, server, _up, down) = flooded(config).await;
        let Connection { mut receiver, mut sender, .. } = server;
        let start = Instant::now();
        let drain = tokio::spawn(async move { (receiver.drain().await, start.elapsed()) });
        let write = tokio::spawn(async move {
            loop {
                if let Err(error) = sender.binary(&[0; 5000]).await {
                    return (Err(error), start.elapsed());
                }
            }
        });
        let expected = (Err(Error::SlowPeer), Duration::from_secs(20));
        assert_eq!((drain.await.unwrap(), write.await.unwrap()), (expected, expected));
        assert!(down.written() <= 4096 + 200, "no more than the pipe took");
        settle().await;
        assert!(down.is_ended(), "the transport was closed");
        assert_eq!(budget.outbox_bytes(), 0);
    });
}

/// It takes as much as it is sent, but stays behind: that is not nothing.
#[test]
fn a_peer_that_takes_a_little_all_the_time_is_not_given_up() {
    run(async {
        let (mut raw, mut server, _up, down) = flooded(Config { ping_interval: None, ..Config::default() }).await;
        down.narrow(1004);
        for _ in 0..20 {
            server.sender.binary(&[7; 1000]).await.unwrap();
        }
        for second in 0..60 {
            sleep(Duration::from_secs(1)).await;
            assert_eq!(raw.frame().await.unwrap().payload, [7; 1000]);
            assert_eq!(server.sender.binary(&[7; 1000]).await, Ok(()), "after {second} s");
        }
    });
}

/// The least mark there can be: a message at a time.
#[test]
fn a_high_water_mark_of_0_lets_a_message_through() {
    run(async {
        let (mut raw, mut server, ..) = flooded(Config { high_water: 0, ..Config::default() }).await;
        for _ in 0..3 {
            assert_eq!(server.sender.text("one").await, Ok(()));
        }
        assert_eq!(raw.frame().await.unwrap().payload, b"one");
    });
}

/// Also while the flusher waits for the peer, all that is queued for it counts.
#[test]
fn what_is_queued_for_a_stalled_peer_counts_in_the_budget() {
    run(async {
        let (config, budget) = own_budget();
        let (_raw, mut server, _up, down) = flooded(Config { high_water: 16 << 20, ..config }).await;
        down.stall();
        server.sender.binary(b"first").await.unwrap();
        settle().await;
        for len in [40_000, 1_000_000, 5_000_000] {
            let before = budget.outbox_bytes();
            server.sender.binary(&vec![0; len]).await.unwrap();
            let held = budget.outbox_bytes() - before;
            assert!(held >= len / 2, "{held} bytes count of {len}");
        }
        assert!((6_040_000..16_000_000).contains(&budget.outbox_bytes()));
    });
}

/// A server's flood of pings meets a client: the same bound.
#[test]
fn a_client_is_flooded_like_a_server() {
    run(async {
        let (client, server, up, _down) = pipe(0, 4096);
        let (config, budget) = own_budget();
        let connect = sockeye_tokio::connect_over(client, "ws://h/", config);
        let (client, mut raw) = tokio::join!(connect, Raw::server(server));
        let mut client = client.expect("it connects");
        up.stall();
        tokio::spawn(async move { client.receiver.drain().await });
        for _ in 0..10_000 {
            raw.send(&frame(raw::PING, &[1; 125])).await;
        }
        settle().await;
        assert!((1..=8192).contains(&budget.outbox_bytes()), "{} bytes", budget.outbox_bytes());
        up.resume();
        let pong = raw.frame().await.unwrap();
        assert_eq!((pong.first, pong.payload), (raw::PONG, vec![1; 125]));
    });
}
