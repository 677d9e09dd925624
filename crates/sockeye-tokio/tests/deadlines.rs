//! Every wait has an end. The clock is tokio's paused one: it moves on only when nothing else can.

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::raw::{self, Frame, REQUEST, Raw, frame, masked};
use common::run;
use common::wire::{End, Wire, pipe};
use sockeye_tokio::{AcceptError, CloseCode, Config, ConnectError, Connection, Error, Incoming, accept, connect_over};
use tokio::time::{Instant, sleep};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn served(config: Config) -> (Raw<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(0, 64 * 1024);
    let (raw, server) = tokio::join!(Raw::client(client), accept(server, config));
    (raw, server.expect("it accepts"), up, down)
}

/// Sends a byte each second, until nobody takes them.
async fn drip<S: tokio::io::AsyncWrite + Unpin>(io: &mut S, bytes: &[u8]) {
    for byte in bytes {
        sleep(seconds(1)).await;
        if tokio::io::AsyncWriteExt::write_all(io, &[*byte]).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_request_of_a_byte_a_second_ends_after_5_s_in_all() {
    run(async {
        for whole in [false, true] {
            let (mut client, server, ..) = pipe(0, 1024);
            let start = Instant::now();
            let answer = async {
                let error = if whole {
                    accept(server, Config::default()).await.err()
                } else {
                    Incoming::read(server, Config::default()).await.err()
                };
                (error, start.elapsed())
            };
            let ((error, elapsed), ()) = tokio::join!(answer, drip(&mut client, REQUEST.as_bytes()));
            assert!(matches!(error, Some(AcceptError::Timeout)), "{error:?}");
            assert_eq!(elapsed, seconds(5));
        }
    });
}

#[test]
fn an_answer_of_a_byte_a_second_ends_after_5_s_in_all() {
    run(async {
        let (client, mut server, ..) = pipe(0, 1024);
        let start = Instant::now();
        let connect = async { (connect_over(client, "ws://h/", Config::default()).await.err(), start.elapsed()) };
        let ((error, elapsed), ()) = tokio::join!(connect, drip(&mut server, &[b'H'; 30]));
        assert!(matches!(error, Some(ConnectError::Timeout)), "{error:?}");
        assert_eq!(elapsed, seconds(5));
    });
}

/// A client that sends its request and never takes the answer.
#[test]
fn an_answer_that_nobody_takes_ends_after_5_s() {
    run(async {
        let (mut client, server, _up, down) = pipe(0, 1024);
        down.stall();
        tokio::io::AsyncWriteExt::write_all(&mut client, REQUEST.as_bytes()).await.unwrap();
        let start = Instant::now();
        let error = accept(server, Config::default()).await.err();
        assert!(matches!(error, Some(AcceptError::Timeout)), "{error:?}");
        assert_eq!(start.elapsed(), seconds(5));
    });
}

/// From its first byte to its last a message has 30 s, however its bytes come.
#[test]
fn a_message_ends_in_time() {
    let fragments = [masked(0x01, b"x"), masked(0x00, b"x").repeat(20)].concat();
    let cases: [(&str, Vec<u8>); 4] = [
        ("a byte a second", masked(raw::BINARY, &[0; 100])),
        ("fragments", fragments),
        ("half a header", masked(raw::BINARY, b"")[..1].to_vec()),
        ("half a control frame", masked(raw::PING, b"ping")[..8].to_vec()),
    ];
    for (name, bytes) in cases {
        for whole in [false, true] {
            run(async {
                let (mut raw, mut server, ..) = served(Config { ping_interval: None, ..Config::default() }).await;
                let start = Instant::now();
                let receive = async {
                    let error = loop {
                        let more = if whole {
                            server.receiver.message().await.map(drop)
                        } else {
                            server.receiver.next().await.map(drop)
                        };
                        if let Err(error) = more {
                            break error;
                        }
                    };
                    (error, start.elapsed())
                };
                let send = async {
                    drip(&mut raw.io, &bytes).await;
                    raw.frame().await
                };
                let ((error, elapsed), told) = tokio::join!(receive, send);
                assert_eq!(error, Error::MessageTimeout, "{name}");
                // From the first byte, which comes after a second; then at most one more for the peer to close.
                assert!((seconds(31)..=seconds(32)).contains(&elapsed), "{name}: {elapsed:?}");
                assert_eq!(told.expect("a close").close(), Some((1008, "")), "{name}");
            });
        }
    }
}

/// The deadline is a message's own, not that of all messages.
#[test]
fn slow_messages_one_after_the_other_are_in_time() {
    run(async {
        let (mut raw, mut server, ..) = served(Config::default()).await;
        let one = masked(raw::TEXT, b"twenty seconds");
        let receive = async {
            for _ in 0..5 {
                assert_eq!(server.receiver.message().await.unwrap().unwrap().text(), Some("twenty seconds"));
            }
        };
        // The last byte of a message and the first of the next one come together.
        let all = one.repeat(5);
        tokio::join!(receive, drip(&mut raw.io, &all));
    });
}

#[test]
fn a_silent_peer_is_pinged_and_the_round_trip_is_measured() {
    run(async {
        static TOLD: Mutex<Vec<Duration>> = Mutex::new(Vec::new());
        let on_round_trip = Some((|took| TOLD.lock().unwrap().push(took)) as fn(Duration));
        let (mut raw, mut server, ..) = served(Config { on_round_trip, ..Config::default() }).await;
        assert_eq!(server.receiver.round_trip(), None);
        let start = Instant::now();
        let peer = async {
            for turn in 1..=3u64 {
                let ping = raw.frame().await.unwrap();
                assert_eq!((ping.first, start.elapsed().as_secs()), (raw::PING, 25 * turn));
                sleep(Duration::from_millis(300)).await;
                raw.send(&masked(raw::PONG, &ping.payload)).await;
                sleep(Duration::from_millis(1)).await;
            }
            raw.send(&masked(raw::CLOSE, b"")).await;
        };
        let (drained, ()) = tokio::join!(server.receiver.drain(), peer);
        assert_eq!(drained, Ok(()));
        let trip = server.receiver.round_trip().expect("it was measured");
        assert!((300..=302).contains(&trip.as_millis()), "{trip:?}");
        let told = TOLD.lock().unwrap().clone();
        assert_eq!((told.len(), told.last()), (3, Some(&trip)), "each was told once");
    });
}

#[test]
fn a_ping_of_ones_own_is_measured_too() {
    run(async {
        let (mut raw, mut server, ..) = served(Config::default()).await;
        server.sender.ping(b"mine").await.unwrap();
        assert_eq!(raw.frame().await, Some(Frame { first: raw::PING, payload: b"mine".to_vec() }));
        sleep(Duration::from_millis(70)).await;
        raw.send(&[masked(raw::PONG, b"not this"), masked(raw::TEXT, b"")].concat()).await;
        server.receiver.message().await.unwrap();
        assert_eq!(server.receiver.round_trip(), None);
        raw.send(&[masked(raw::PONG, b"mine"), masked(raw::TEXT, b"")].concat()).await;
        server.receiver.message().await.unwrap();
        assert_eq!(server.receiver.round_trip(), Some(Duration::from_millis(70)));
    });
}

#[test]
fn a_peer_that_talks_is_not_pinged() {
    run(async {
        let (mut raw, mut server, _up, down) = served(Config::default()).await;
        let before = down.written();
        let talk = async {
            for _ in 0..20 {
                sleep(seconds(24)).await;
                raw.send(&masked(raw::PONG, b"")).await;
            }
            raw.send(&masked(raw::CLOSE, b"")).await;
        };
        assert_eq!(tokio::join!(server.receiver.drain(), talk).0, Ok(()));
        assert_eq!(down.written() - before, 2, "only our close");
    });
}

#[test]
fn a_peer_that_answers_no_ping_is_given_up() {
    run(async {
        let (mut raw, mut server, _up, down) = served(Config::default()).await;
        let start = Instant::now();
        assert_eq!(server.receiver.drain().await, Err(Error::PongTimeout));
        assert_eq!(start.elapsed(), seconds(25 + 20));
        assert_eq!(server.receiver.drain().await, Err(Error::PongTimeout), "for ever");
        assert_eq!(server.sender.text("?").await, Err(Error::PongTimeout));
        assert_eq!(raw.frame().await.unwrap().first, raw::PING);
        drop(server);
        assert!(down.is_ended());
    });
}

/// Pings that are answered are no messages.
#[test]
fn an_idle_peer_is_told_1001() {
    run(async {
        let (mut raw, mut server, ..) = served(Config { idle_timeout: Some(seconds(60)), ..Config::default() }).await;
        let start = Instant::now();
        let peer = async {
            sleep(seconds(10)).await;
            raw.send(&masked(raw::TEXT, b"not idle yet")).await;
            loop {
                let frame = raw.frame().await.unwrap();
                if frame.first != raw::PING {
                    return (frame.close().unwrap().0, start.elapsed());
                }
                raw.send(&masked(raw::PONG, &frame.payload)).await;
            }
        };
        let (drained, told) = tokio::join!(server.receiver.drain(), peer);
        assert_eq!(drained, Err(Error::IdleTimeout));
        assert_eq!(told, (1001, seconds(70)));
    });
}

#[test]
fn a_close_that_is_not_answered_ends_after_5_s() {
    run(async {
        let (_raw, server, _up, down) = served(Config::default()).await;
        let start = Instant::now();
        assert_eq!(server.close(CloseCode::NORMAL, "bye").await, Err(Error::CloseTimeout));
        assert_eq!(start.elapsed(), seconds(5));
        assert!(down.is_ended());
    });
}

/// The receiver waits in a task of its own already when the sender closes, and no other deadline wakes it.
#[test]
fn a_close_from_another_task_ends_after_5_s() {
    for ping_interval in [None, Some(seconds(25))] {
        run(async {
            let (_raw, server, ..) = served(Config { ping_interval, ..Config::default() }).await;
            let Connection { mut receiver, mut sender, .. } = server;
            let start = Instant::now();
            let drain = tokio::spawn(async move { (receiver.drain().await, start.elapsed()) });
            sleep(seconds(1)).await;
            sender.close(CloseCode::NORMAL, "").await.unwrap();
            assert_eq!(drain.await.unwrap(), (Err(Error::CloseTimeout), seconds(6)));
        });
    }
}

/// Data, or a trickle of it, is no answer to a close.
#[test]
fn a_peer_that_talks_on_after_our_close_is_given_5_s() {
    run(async {
        let (client, server, ..) = pipe(0, 1024);
        let (client, mut raw) = tokio::join!(connect_over(client, "ws://h/", Config::default()), Raw::server(server));
        let start = Instant::now();
        let closing = async { (client.expect("it connects").close(CloseCode::NORMAL, "").await, start.elapsed()) };
        let dots = frame(raw::TEXT, &[b'.'; 100]);
        let (closed, ()) = tokio::join!(closing, drip(&mut raw.io, &dots));
        assert_eq!(closed, (Err(Error::CloseTimeout), seconds(5)));
    });
}

/// The server answered our close, but does not end its side: the client waits for it, but not for ever.
#[test]
fn a_server_that_does_not_end_its_side_is_given_5_s() {
    run(async {
        let (client, server, ..) = pipe(0, 1024);
        let (client, mut raw) = tokio::join!(connect_over(client, "ws://h/", Config::default()), Raw::server(server));
        let start = Instant::now();
        let closing = async { (client.expect("it connects").close(CloseCode::NORMAL, "").await, start.elapsed()) };
        let answer = async {
            let close = raw.frame().await.unwrap();
            raw.send(&frame(raw::CLOSE, &close.payload)).await;
        };
        assert_eq!(tokio::join!(closing, answer).0, (Ok(()), seconds(5)));
    });
}

#[test]
fn a_peer_that_is_behind_but_takes_something_is_alive() {
    run(async {
        let (client, server, _up, down) = pipe(0, 1024);
        let (mut raw, ws) = tokio::join!(Raw::client(client), accept(server, Config::default()));
        let Connection { mut receiver, mut sender, .. } = ws.expect("it is accepted");
        let start = Instant::now();
        // 128 s of it, without a byte from the peer.
        sender.binary(&vec![0; 128 * 1024]).await.expect("it is queued");
        let take = async {
            let mut bytes = [0; 1024];
            for _ in 0..127 {
                sleep(seconds(1)).await;
                tokio::io::AsyncReadExt::read_exact(&mut raw.io, &mut bytes).await.expect("more comes");
            }
            down.stall();
        };
        let (ended, ()) = tokio::join!(receiver.drain(), take);
        assert!(matches!(ended, Err(Error::PongTimeout | Error::SlowPeer)), "{ended:?}");
        assert!(start.elapsed() > seconds(127), "given up after {:?}", start.elapsed());
    });
}
