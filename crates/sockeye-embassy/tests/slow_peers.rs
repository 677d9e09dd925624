//! A peer that takes nothing is given up, whatever it was to take; one that takes a little is waited for.

mod common;

use common::exec::{check_time, run_timed};
use common::raw::masked;
use common::setup::server;
use common::{NO_KEEPALIVE, raw, seconds};
use embassy_futures::join::join;
use embassy_futures::select::select;
use embassy_time::{Instant, Timer};
use sockeye_embassy::{CloseCode, Error};

#[test]
fn a_peer_that_takes_nothing_is_given_up_after_20_s() {
    for what in ["text", "ping", "close"] {
        let (mut ws, _up, down) = server(NO_KEEPALIVE);
        down.stall();
        run_timed(async {
            let start = Instant::now();
            let result = match what {
                "text" => ws.sender.text("?").await,
                "ping" => ws.sender.ping(b"?").await,
                _ => ws.sender.close(CloseCode::NORMAL, "").await,
            };
            assert_eq!(result, Err(Error::SlowPeer), "{what}");
            check_time(start, seconds(20));
        });
    }
}

/// Each byte taken gives it another 20 s; from the last one on they are counted.
#[test]
fn a_peer_that_takes_a_byte_in_time_is_waited_for() {
    let (mut ws, _up, down) = server(NO_KEEPALIVE);
    down.narrow(8);
    run_timed(async {
        let start = Instant::now();
        let send = async {
            assert_eq!(ws.sender.binary(&[0; 1000]).await, Err(Error::SlowPeer));
            check_time(start, seconds(10 * 19 + 20));
        };
        let take = async {
            for _ in 0..10 {
                Timer::after(seconds(19)).await;
                assert_eq!(down.take(1).len(), 1);
            }
        };
        join(send, take).await;
    });
}

/// The same for what the receiver owes: also if the peer goes on talking.
#[test]
fn a_peer_that_asks_and_takes_nothing_is_given_up_after_20_s() {
    for talks in [false, true] {
        let (mut ws, up, down) = server(NO_KEEPALIVE);
        down.stall();
        run_timed(async {
            let start = Instant::now();
            up.put(&masked(raw::PING, b"?"));
            let receive = async {
                assert_eq!(ws.receiver.drain().await, Err(Error::SlowPeer), "talks: {talks}");
                assert!(start.elapsed() >= seconds(20) && start.elapsed() <= seconds(21), "{:?}", start.elapsed());
            };
            let talk = async {
                for _ in 0..60 {
                    Timer::after(seconds(1)).await;
                    if talks {
                        up.put(&masked(raw::PING, b"?"));
                    }
                }
                panic!("it is not given up");
            };
            select(receive, talk).await;
        });
    }
}

/// What the transport never passes on is waited for as long as what it never takes.
#[test]
fn a_flush_ends_after_20_s() {
    let (mut ws, _up, down) = server(NO_KEEPALIVE);
    down.stall_flush();
    run_timed(async {
        let start = Instant::now();
        ws.sender.text("taken, but never acknowledged").await.expect("it is taken");
        let flush = async {
            assert_eq!(ws.sender.flush().await, Err(Error::SlowPeer));
            check_time(start, seconds(20));
        };
        let limit = async {
            Timer::after(seconds(60)).await;
            panic!("it does not end");
        };
        select(flush, limit).await;
    });
}
