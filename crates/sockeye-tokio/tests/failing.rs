//! How connections fail: by a rule that was broken, by the transport, by being dropped; and that nothing of them is
//! left.

mod common;

use common::raw::{self, Raw, closing, frame, masked};
use common::wire::{End, Wire, pipe};
use common::{bounded, connected, patient, run, settle};
use sockeye_tokio::proto::{Limits, ProtocolError, SendError};
use sockeye_tokio::{CloseCode, Config, Connection, Error, Kind, accept, connect_over};
use tokio::runtime::Handle;

async fn raw_client(config: Config) -> (Raw<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(0, 1 << 20);
    let (raw, server) = tokio::join!(Raw::client(client), accept(server, config));
    (raw, server.expect("it accepts"), up, down)
}

fn code(number: u16) -> CloseCode {
    CloseCode::new(number).expect("a code")
}

#[test]
fn an_end_without_a_close_is_lost() {
    let starts: [&[u8]; 4] = [b"", &[0x81], &[0x01, 0x80, 0, 0, 0, 0], &[0x82, 0x85, 0, 0, 0, 0, 1, 2]];
    for (start, whole) in starts.iter().flat_map(|start| [(start, false), (start, true)]) {
        run(async {
            let (mut raw, mut server, ..) = raw_client(patient()).await;
            raw.send(start).await;
            drop(raw);
            for _ in 0..3 {
                let result =
                    if whole { server.receiver.message().await.map(|_| ()) } else { server.receiver.drain().await };
                assert_eq!(result, Err(Error::Lost), "{start:?}");
            }
            assert_eq!(server.sender.text("?").await, Err(Error::Lost));
        });
    }
}

/// What a rule of the protocol that is broken comes to: the close on the wire, the error, for ever.
#[test]
fn a_broken_rule_is_told_and_stays() {
    let cases: [(&[u8], u16, ProtocolError); 7] = [
        (&masked(0x83, b""), 1002, ProtocolError::ReservedOpcode(3)),
        (&masked(0xc1, b""), 1002, ProtocolError::ReservedBits(4)),
        (&frame(raw::TEXT, b"bare"), 1002, ProtocolError::Unmasked),
        (&masked(raw::CLOSE, &[3]), 1002, ProtocolError::CloseTooShort),
        (&masked(raw::CLOSE, &closing(1005, "")), 1002, ProtocolError::CloseCode(1005)),
        (&masked(raw::TEXT, b"\xff"), 1007, ProtocolError::InvalidUtf8),
        (&masked(raw::BINARY, &[0; 200]), 1009, ProtocolError::MessageTooBig(200)),
    ];
    for (bytes, told, error) in cases {
        run(async {
            let (mut raw, mut server, _up, down) =
                raw_client(Config { limits: Limits::message(100), ..patient() }).await;
            server.sender.text("before").await.unwrap();
            raw.send(bytes).await;
            let peer = async {
                assert_eq!(raw.frame().await.unwrap().payload, b"before");
                assert_eq!(raw.frame().await.unwrap().close(), Some((told, "")));
                assert_eq!(raw.frame().await, None);
                drop(raw);
            };
            let receive = async { server.receiver.message().await.map(|_| ()) };
            assert_eq!(tokio::join!(receive, peer).0, Err(Error::Protocol(error)));
            assert!(Error::Protocol(error).to_string().ends_with(&format!("({told})")));
            for _ in 0..2 {
                assert_eq!(server.receiver.next().await.map(|_| ()), Err(Error::Protocol(error)), "for ever");
                assert_eq!(server.receiver.message().await.map(|_| ()), Err(Error::Protocol(error)), "for ever");
            }
            assert_eq!(server.sender.text("after").await, Err(Error::Send(SendError::Closed)));
            assert!(down.is_ended());
        });
    }
}

/// The peer is in the middle of 60 kB when it is refused; a transport that is closed with unread input would be reset,
/// and our close frame lost.
#[test]
fn a_peer_with_much_in_flight_still_gets_the_close() {
    run(async {
        let (mut raw, mut server, up, _down) = raw_client(Config { limits: Limits::message(100), ..patient() }).await;
        up.narrow(1000);
        let peer = async {
            raw.send(&masked(raw::BINARY, &[0; 60_000])).await;
            raw.frame().await
        };
        let receive = async {
            let result = server.receiver.drain().await;
            drop(server);
            result
        };
        let (result, told) = tokio::join!(receive, peer);
        assert_eq!(result, Err(Error::Protocol(ProtocolError::MessageTooBig(60_000))));
        assert_eq!(told.unwrap().close(), Some((1009, "")));
    });
}

/// A peer that never stops is discarded 64 KiB at most, and 1 s.
#[test]
fn what_is_discarded_is_bounded() {
    for slow in [false, true] {
        run(async {
            let config =
                Config { limits: Limits::message(100), close_timeout: std::time::Duration::from_secs(5), ..patient() };
            let (mut raw, mut server, up, _down) = raw_client(config).await;
            let before = up.written();
            up.narrow(512);
            let start = tokio::time::Instant::now();
            tokio::spawn(async move {
                use tokio::io::AsyncWriteExt as _;
                let _ = raw.io.write_all(&raw::header(raw::BINARY, 1 << 40, 0x80)).await;
                while raw.io.write_all(&[0; 256]).await.is_ok() {
                    if slow {
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                }
            });
            assert!(matches!(server.receiver.drain().await, Err(Error::Protocol(ProtocolError::MessageTooBig(_)))));
            assert!(up.written() - before <= 66 * 1024, "{} bytes", up.written() - before);
            assert_eq!(start.elapsed(), std::time::Duration::from_secs(u64::from(slow)));
        });
    }
}

/// Messages, pings and a close each way, with the transport reset after each byte of either direction in turn.
#[test]
fn a_reset_at_every_byte_neither_hangs_nor_panics() {
    let mut ends = 0;
    for (down_too, seed) in [(false, 0), (true, 1)] {
        for at in 0.. {
            let reached = run(async {
                let (client, server, up, down) = pipe(seed, 64);
                let wire = if down_too { down } else { up };
                if seed == 1 {
                    wire.rough();
                }
                wire.reset_at(at);
                let talk = async {
                    let mut ws = connect_over(client, "ws://localhost/", patient()).await.ok()?;
                    for _ in 0..3 {
                        ws.sender.text("a message").await.ok()?;
                        ws.sender.ping(b"ping").await.ok()?;
                        ws.receiver.message().await.ok()?;
                    }
                    ws.close(code(1000), "done").await.ok()
                };
                let echo = async {
                    let mut ws = accept(server, patient()).await.ok()?;
                    while let Some(message) = ws.receiver.message().await.ok()? {
                        ws.sender.send(message.kind, message.payload).await.ok()?;
                    }
                    Some(())
                };
                let clean = tokio::join!(talk, echo);
                settle().await;
                assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "at byte {at}");
                (clean == (Some(()), Some(()))).then_some(wire.written())
            });
            if reached.is_some_and(|written| written < at) {
                break;
            }
            ends += 1;
        }
    }
    assert!(ends > 400, "{ends} bytes");
}

/// Dropped in each state, a connection closes its transport and leaves no task.
#[test]
fn a_dropped_connection_leaves_nothing() {
    for state in 0..7 {
        run(bounded(async {
            let (client, server, up, down) = pipe(0, 100);
            if state == 0 {
                // Before the handshake is over.
                let mut raw = Raw::new(client);
                raw.send(b"GET / HTTP/1.1\r\n").await;
                tokio::select! {
                    biased;
                    _ = accept(server, patient()) => panic!("the request is not whole"),
                    () = settle() => {}
                }
            } else {
                let (client, server) = connected(client, server, patient(), patient()).await;
                let Connection { mut receiver, mut sender, .. } = server;
                let mut client = client;
                match state {
                    // Idle,
                    1 => {}
                    // inside a message of chunks that comes, with the rest of one that was sent still queued,
                    2 => {
                        client.sender.chunk(Kind::Text, b"begun", false).await.unwrap();
                        receiver.next().await.unwrap().unwrap();
                        sender.chunk(Kind::Text, b"begun", false).await.unwrap();
                    }
                    3 => sender.binary(&[7; 1000]).await.unwrap(),
                    // after a ping that was not answered,
                    4 => {
                        client.sender.ping(b"?").await.unwrap();
                        client.sender.text("!").await.unwrap();
                        receiver.message().await.unwrap().unwrap();
                    }
                    // after our close, and in the middle of the wait for the peer's.
                    5 => sender.close(code(1000), "").await.unwrap(),
                    _ => {
                        sender.close(code(1000), "").await.unwrap();
                        tokio::select! {
                            biased;
                            _ = receiver.drain() => panic!("the peer did not answer"),
                            () = settle() => {}
                        }
                    }
                }
                drop((receiver, sender));
                // The client takes what was queued; then it is alone.
                let result = client.receiver.drain().await;
                assert_eq!(result, if state >= 5 { Ok(()) } else { Err(Error::Lost) }, "state {state}");
                drop(client);
            }
            settle().await;
            assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "state {state}");
            assert!(down.is_ended() && (up.is_ended() || state == 0));
        }));
    }
}

/// With both halves gone, what is queued for a peer that takes nothing is kept for `send_timeout`, no longer.
#[test]
fn a_dropped_connection_to_a_stalled_peer_leaves_nothing_after_20_s() {
    run(async {
        let (_raw, mut server, _up, down) = raw_client(Config::default()).await;
        down.stall();
        server.sender.text("never taken").await.unwrap();
        drop(server);
        let start = tokio::time::Instant::now();
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(start.elapsed().as_secs(), 20);
        assert!(down.is_ended());
    });
}
