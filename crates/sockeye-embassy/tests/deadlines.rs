//! The handshake, each message and the close have their time: none ends early, none late by more than a step of the
//! clock.

mod common;

use common::exec::{STEP, Tasks, check_time, run_timed};
use common::raw::{self, REQUEST, masked};
use common::setup::{server, sized_server};
use common::wire::{Wire, pipe};
use common::{NO_KEEPALIVE, seconds};
use embassy_futures::join::join;
use embassy_futures::select::select;
use embassy_time::{Duration, Instant, Timer};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::Backoff;
use sockeye_embassy::{
    AcceptError, CloseCode, Config, ConnectError, Connection, Error, Incoming, Resources, Uri, accept, connect, wait,
};

/// Writes a byte each second.
async fn drip(wire: &Wire, bytes: &[u8]) {
    for byte in bytes {
        Timer::after(seconds(1)).await;
        wire.put(&[*byte]);
    }
}

#[test]
fn a_request_of_a_byte_a_second_ends_after_5_s_in_all() {
    for whole in [false, true] {
        let (_, end, up, down) = pipe(0, 1024);
        let config = Config::new();
        let mut resources: Resources<'_, _> = Resources::new();
        run_timed(async {
            let start = Instant::now();
            let answer = async {
                let error = if whole {
                    accept(end.reader, end.writer, &mut resources, &config).await.err()
                } else {
                    Incoming::read(end.reader, end.writer, &mut resources, &config).await.err()
                };
                assert_eq!(error, Some(AcceptError::Connection(Error::HandshakeTimeout)));
                check_time(start, seconds(5));
            };
            join(answer, drip(&up, &REQUEST.as_bytes()[..10])).await;
        });
        assert_eq!(down.written(), 0);
    }
}

/// The time that the application takes to decide, and that the answer takes, count too.
#[test]
fn an_answer_that_nobody_takes_ends_after_5_s_in_all() {
    let (_, end, up, down) = pipe(0, 1024);
    let config = Config::new();
    let mut resources: Resources<'_, _> = Resources::new();
    up.put(REQUEST.as_bytes());
    down.stall();
    run_timed(async {
        let start = Instant::now();
        let incoming = Incoming::read(end.reader, end.writer, &mut resources, &config).await.expect("a request");
        Timer::after(seconds(2)).await;
        assert_eq!(
            incoming.accept(Default::default()).await.err(),
            Some(AcceptError::Connection(Error::HandshakeTimeout))
        );
        check_time(start, seconds(5));
    });
}

#[test]
fn an_answer_of_a_byte_a_second_ends_after_5_s_in_all() {
    for stalled in [false, true] {
        let (end, _, up, down) = pipe(0, 1024);
        let config = Config::new();
        let mut resources: Resources<'_, _, 1024, 256, _> = Resources::new();
        if stalled {
            up.stall();
        }
        run_timed(async {
            let start = Instant::now();
            let uri = Uri::parse("ws://h/").expect("a URI");
            let dial = async {
                let rng = StdRng::seed_from_u64(0);
                let error = connect(end.reader, end.writer, &mut resources, &config, uri, rng).await.err();
                assert_eq!(error, Some(ConnectError::Connection(Error::HandshakeTimeout)));
                check_time(start, seconds(5));
            };
            join(dial, drip(&down, &[b'H'; 10])).await;
        });
    }
}

/// Bytes that open a message and do not end it, dripped; and the second at which the first one came.
fn unfinished() -> [(&'static str, Vec<u8>); 4] {
    [
        ("a byte a second", masked(raw::BINARY, &[0; 100])),
        ("fragments", [masked(0x01, b"x"), masked(0x00, b"x").repeat(20)].concat()),
        ("half a header", masked(raw::BINARY, b"")[..1].to_vec()),
        ("half a control frame", masked(raw::PING, b"ping")[..8].to_vec()),
    ]
}

/// From its first byte to its last a message has 30 s, however its bytes come; and the peer is told.
#[test]
fn a_message_ends_in_time() {
    for (name, bytes) in unfinished() {
        for whole in [false, true] {
            let (mut ws, up, down) = server(NO_KEEPALIVE);
            run_timed(async {
                let start = Instant::now();
                let receive = async {
                    let mut buffer = [0; 200];
                    loop {
                        let more = if whole {
                            ws.receiver.message(&mut buffer).await.map(drop)
                        } else {
                            ws.receiver.next().await.map(drop)
                        };
                        if let Err(error) = more {
                            assert_eq!(error, Error::MessageTimeout, "{name}");
                            break;
                        }
                    }
                    check_time(start, seconds(31));
                    let frames = raw::frames(&down.take_all());
                    assert_eq!(frames.last().and_then(raw::Frame::close), Some((1008, "")), "{name}");
                };
                select(receive, async {
                    drip(&up, &bytes).await;
                    Timer::after(seconds(3600)).await;
                })
                .await;
            });
        }
    }
}

/// The deadline is a message's own: the last byte of one and the first of the next come together.
#[test]
fn slow_messages_one_after_the_other_are_in_time() {
    for first in [raw::TEXT, raw::PING, raw::PONG] {
        let (mut ws, up, down) = server(NO_KEEPALIVE);
        let one = masked(first, &[b'.'; 44]);
        let all = [&one.repeat(8)[..], &masked(raw::CLOSE, b"")].concat();
        run_timed(async {
            let send = async {
                // One byte of each frame with the next one's: no read ends between two of them.
                for piece in std::iter::once(&all[..1]).chain(all[1..].chunks(10)) {
                    Timer::after(seconds(4)).await;
                    up.put(piece);
                }
            };
            let (drained, ()) = join(ws.receiver.drain(), send).await;
            assert_eq!(drained, Ok(()), "frames of type {first:#x} are no message of 30 s");
        });
        drop(down);
    }
}

/// A ping in the middle of a message gives it no more time.
#[test]
fn pings_in_a_message_do_not_prolong_it() {
    let (mut ws, up, _down) = server(NO_KEEPALIVE);
    run_timed(async {
        up.put(&masked(0x01, b"begun"));
        let start = Instant::now();
        let receive = async {
            assert_eq!(ws.receiver.drain().await, Err(Error::MessageTimeout));
            check_time(start, seconds(30));
        };
        let pings = async {
            for _ in 0..100 {
                Timer::after(seconds(1)).await;
                up.put(&masked(raw::PING, b""));
            }
        };
        select(receive, pings).await;
    });
}

/// While the sender waits for a peer that takes a byte now and then, the receiver's deadlines go on.
#[test]
fn a_message_ends_in_time_while_the_sender_is_inside_a_frame() {
    let (ws, up, down) = server(NO_KEEPALIVE);
    let Connection { mut receiver, mut sender, .. } = ws;
    down.narrow(10);
    run_timed(async {
        up.put(&[masked(raw::PING, b"owed"), masked(0x01, b"begun")].concat());
        let start = Instant::now();
        let receive = async {
            receiver.next().await.expect("what begins");
            assert_eq!(receiver.next().await.map(drop), Err(Error::MessageTimeout));
            // Then the close is to go out, which cannot be said: that is given up in time, too.
            assert!(start.elapsed() >= seconds(30) && start.elapsed() <= seconds(35) + STEP, "{:?}", start.elapsed());
        };
        let send = async {
            let _ = sender.binary(&[0; 10_000]).await;
        };
        let trickle = async {
            loop {
                Timer::after(seconds(1)).await;
                down.take(1);
            }
        };
        select(receive, join(send, trickle)).await;
    });
}

#[test]
fn a_close_that_is_not_answered_ends_after_5_s() {
    for two_tasks in [false, true] {
        for ping_interval in [None, Some(seconds(25))] {
            let (mut ws, _up, down) = server(Config { ping_interval, ..Config::new() });
            let mut tasks = Tasks::new(0);
            if two_tasks {
                // The receiver waits already when the sender closes, and no other deadline wakes it.
                let Connection { mut receiver, mut sender, .. } = ws;
                let drained = tasks.spawn(async move {
                    assert_eq!(receiver.drain().await, Err(Error::CloseTimeout));
                    Instant::now()
                });
                tasks.pass(seconds(1));
                let closed = tasks.spawn(async move { sender.close(CloseCode::NORMAL, "").await });
                tasks.pass(seconds(6));
                assert_eq!(closed.take(), Some(Ok(())));
                let at = drained.take().expect("it ended");
                assert!(at >= Instant::from_secs(6) && at <= Instant::from_secs(6) + STEP, "at {at:?}");
            } else {
                let closed = tasks.spawn(async {
                    let start = Instant::now();
                    assert_eq!(ws.close(CloseCode::NORMAL, "").await, Err(Error::CloseTimeout));
                    check_time(start, seconds(5));
                });
                tasks.pass(seconds(6));
                assert!(closed.is_there());
            }
            drop(tasks);
            assert_eq!(raw::frames(&down.take_all()).len(), 1);
        }
    }
}

/// Data is no answer to a close, be it a trickle or a flood.
#[test]
fn a_peer_that_talks_on_after_our_close_is_given_5_s() {
    for pause in [Duration::from_millis(1000), Duration::from_millis(100), STEP] {
        let (mut ws, up, _down) = server(Config::new());
        run_timed(async {
            let start = Instant::now();
            let close = async {
                assert_eq!(ws.close(CloseCode::NORMAL, "").await, Err(Error::CloseTimeout));
                check_time(start, seconds(5));
            };
            let talk = async {
                loop {
                    up.put(&masked(raw::TEXT, b"by the way"));
                    Timer::after(pause).await;
                }
            };
            let limit = Timer::after(seconds(60));
            match embassy_futures::select::select3(close, talk, limit).await {
                embassy_futures::select::Either3::First(()) => {}
                _ => panic!("it does not end"),
            }
        });
    }
}

/// What the peer sent in time counts, though the application looks at it late only.
#[test]
fn an_answer_that_came_in_time_is_found_late() {
    let (mut ws, up, _down) = server(Config::new());
    run_timed(async {
        ws.sender.close(CloseCode::NORMAL, "").await.expect("it is sent");
        Timer::after(seconds(1)).await;
        up.put(&masked(raw::CLOSE, &raw::closing(1000, "")));
        Timer::after(seconds(60)).await;
        assert_eq!(ws.receiver.drain().await, Ok(()));
    });
}

#[test]
fn a_message_that_came_in_time_is_found_late() {
    let (mut ws, up, _down) = server(NO_KEEPALIVE);
    run_timed(async {
        up.put(&masked(0x01, b"begun"));
        ws.receiver.next().await.expect("what begins");
        up.put(&masked(0x80, b"ended"));
        Timer::after(seconds(60)).await;
        let chunk = ws.receiver.next().await.expect("it was in time").expect("no close");
        assert_eq!((&*chunk.payload, chunk.last), (&b"ended"[..], true));
    });
}

/// We failed the connection, or answered a close, and the peer does not take that last frame.
#[test]
fn a_last_frame_that_nobody_takes_is_given_up_after_5_s() {
    let broken = masked(0x83, b"");
    let closed = masked(raw::CLOSE, b"");
    for (bytes, ends_well) in [(broken, false), (closed, true)] {
        let (mut ws, up, down) = sized_server::<256, 131>(Config::new());
        down.stall();
        run_timed(async {
            up.put(&bytes);
            let start = Instant::now();
            assert_eq!(ws.receiver.drain().await.is_ok(), ends_well);
            check_time(start, seconds(5));
            assert_eq!(ws.receiver.drain().await.is_ok(), ends_well, "for ever");
            check_time(start, seconds(5));
        });
    }
}

#[test]
fn the_first_attempt_to_reconnect_waits_at_most_5_s_and_the_next_longer() {
    run_timed(async {
        for seed in 0..20 {
            let (mut backoff, mut rng) = (Backoff::new(), StdRng::seed_from_u64(seed));
            for (least, most) in [(0, 5), (5, 10), (10, 20), (20, 40), (30, 60), (30, 60)] {
                let start = Instant::now();
                wait(&mut backoff, &mut rng).await;
                assert!(start.elapsed() >= seconds(least) && start.elapsed() <= seconds(most) + STEP);
            }
        }
    });
}
