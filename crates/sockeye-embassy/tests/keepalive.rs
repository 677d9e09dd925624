//! A silent peer is pinged, and given up if it stays silent; any byte is a sign of life.

mod common;

use common::exec::{STEP, Tasks, check_time, run_timed};
use common::raw::{self, masked};
use common::setup::{client, server};
use common::{NO_KEEPALIVE, seconds};
use embassy_futures::join::{join, join3};
use embassy_time::{Instant, Timer};
use sockeye_embassy::{Config, Connection, Error};

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let (mut ws, _up, down) = server(Config::new());
    run_timed(async {
        let start = Instant::now();
        let receive = async {
            assert_eq!(ws.receiver.drain().await, Err(Error::PongTimeout));
            check_time(start, seconds(45));
            assert_eq!(ws.receiver.drain().await, Err(Error::PongTimeout), "for ever");
            check_time(start, seconds(45));
        };
        let look = async {
            Timer::after(seconds(25) - STEP).await;
            assert_eq!(down.len(), 0);
            Timer::after(STEP + STEP).await;
            assert_eq!(raw::frames(&down.take_all())[0].parts(), (raw::PING, &b""[..]));
        };
        join(receive, look).await;
    });
    assert_eq!(down.len(), 0, "one ping");
}

/// Half a frame, a pong nobody asked for, a byte of a message: a peer that sends anything is alive.
#[test]
fn any_byte_is_a_sign_of_life() {
    let alive: [Vec<u8>; 4] =
        [masked(raw::PONG, b""), masked(raw::TEXT, b"."), masked(raw::PING, b""), masked(raw::PONG, b"unasked")];
    for bytes in alive {
        let (mut ws, up, down) = server(Config { message_timeout: seconds(9999), ..Config::new() });
        let all = bytes.repeat(20);
        let pieces = all.chunks(bytes.len().div_ceil(2));
        let count = pieces.len();
        run_timed(async {
            let talk = async {
                for half in pieces {
                    Timer::after(seconds(44)).await;
                    up.put(half);
                }
                up.put(&masked(raw::CLOSE, b""));
            };
            assert_eq!(join(ws.receiver.drain(), talk).await.0, Ok(()));
        });
        let pings = raw::frames(&down.take_all()).iter().filter(|frame| frame.first == raw::PING).count();
        assert_eq!(pings, count, "one ping in each pause");
    }
}

#[test]
fn a_peer_that_talks_is_not_pinged() {
    let (mut ws, up, down) = server(Config::new());
    run_timed(async {
        let talk = async {
            for _ in 0..20 {
                Timer::after(seconds(25) - STEP).await;
                up.put(&masked(raw::PONG, b""));
            }
            up.put(&masked(raw::CLOSE, b""));
        };
        assert_eq!(join(ws.receiver.drain(), talk).await.0, Ok(()));
    });
    assert_eq!(raw::frames(&down.take_all()).len(), 1, "only our close");
}

/// An application that was away for long asks first, and waits for the answer.
#[test]
fn a_receiver_that_was_away_pings_before_it_gives_up() {
    let (mut ws, up, down) = server(Config::new());
    run_timed(async {
        Timer::after(seconds(100)).await;
        let start = Instant::now();
        let receive = async {
            let mut buffer = [0; 8];
            let message = ws.receiver.message(&mut buffer).await;
            assert_eq!(message.expect("the peer answers in time").expect("no close").text(), Some("here"));
            check_time(start, seconds(19));
        };
        let answer = async {
            Timer::after(seconds(19)).await;
            assert_eq!(raw::frames(&down.take_all())[0].first, raw::PING);
            up.put(&masked(raw::TEXT, b"here"));
        };
        join(receive, answer).await;
    });
}

/// A ping cannot go out inside a frame: while the peer takes that frame, it is not late with the answer to the ping.
#[test]
fn a_ping_that_waits_for_a_frame_to_end_is_not_answered_late() {
    let (ws, up, down) = server(Config::new());
    let Connection { mut receiver, mut sender, .. } = ws;
    down.narrow(100);
    run_timed(async {
        let talk = async {
            let mut bytes = Vec::new();
            // 100 s of a peer that takes 100 bytes a second, and then its answer.
            while raw::whole_frames(&bytes).0.len() < 2 {
                Timer::after(seconds(1)).await;
                bytes.extend(down.take_all());
            }
            let frames = raw::whole_frames(&bytes).0;
            assert_eq!((frames[0].payload.len(), frames[1].first), (10_000, raw::PING));
            up.put(&[masked(raw::PONG, b""), masked(raw::CLOSE, b"")].concat());
        };
        let (sent, drained, ()) = join3(sender.binary(&[0; 10_000]), receiver.drain(), talk).await;
        assert_eq!((sent, drained), (Ok(()), Ok(())));
    });
}

/// A client keeps the same time.
#[test]
fn a_clients_keepalive_is_masked() {
    let (mut ws, _to, from) = client(Config::new());
    run_timed(async {
        let start = Instant::now();
        assert_eq!(ws.receiver.drain().await, Err(Error::PongTimeout));
        check_time(start, seconds(45));
    });
    let ping = &raw::frames(&from.take_all())[0];
    assert!(ping.first == raw::PING && ping.key.is_some());
}

/// With the keepalive off, a silent peer is waited for, and the task is not even polled.
#[test]
fn without_a_keepalive_nothing_happens_for_an_hour() {
    let (mut ws, _up, down) = server(NO_KEEPALIVE);
    let mut tasks = Tasks::new(0);
    let drained = tasks.spawn(async { ws.receiver.drain().await });
    tasks.settle();
    tasks.pass(seconds(3600));
    assert!(!drained.is_there());
    assert_eq!((drained.polls(), down.written()), (1, 129), "the handshake, and no poll after the first");
}
