//! Every wait has an end: none early, none late by more than a step of the clock.

mod common;

use common::exec::{STEP, Tasks, run_timed};
use common::raw::{self, REQUEST, masked};
use common::seconds;
use common::setup::{client, server, sized_server};
use common::wire::{Wire, pipe};
use embassy_futures::join::join;
use embassy_futures::select::select;
use embassy_time::{Duration, Instant, Timer};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::Backoff;
use sockeye_embassy::{
    AcceptError, CloseCode, Config, ConnectError, Connection, Error, Incoming, Resources, Uri, accept, connect, wait,
};

const NO_KEEPALIVE: Config<'static> = Config { ping_interval: None, ..Config::new() };

/// Writes a byte each second.
async fn drip(wire: &Wire, bytes: &[u8]) {
    for byte in bytes {
        Timer::after(seconds(1)).await;
        wire.put(&[*byte]);
    }
}

#[track_caller]
fn check_time(start: Instant, expected: Duration) {
    let elapsed = start.elapsed();
    assert!(elapsed >= expected, "too early: after {} ms, not {} ms", elapsed.as_millis(), expected.as_millis());
    assert!(elapsed <= expected + STEP, "too late: after {} ms, not {} ms", elapsed.as_millis(), expected.as_millis());
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
