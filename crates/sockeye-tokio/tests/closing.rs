//! How connections are closed: by either side, or by both at once.

mod common;

use common::raw::{self, Raw, closing, frame, masked};
use common::wire::{End, Wire, pipe};
use common::{Rng, connected, each_seed, patient, run, settle};
use sockeye_tokio::proto::SendError;
use sockeye_tokio::{CloseCode, Config, Connection, Error, Kind, accept, connect_over};

async fn pair(seed: u64) -> (Connection<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(seed, 4096);
    let (client, server) = connected(client, server, patient(), patient()).await;
    (client, server, up, down)
}

async fn raw_client(config: Config) -> (Raw<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(0, 1 << 20);
    let (raw, server) = tokio::join!(Raw::client(client), accept(server, config));
    (raw, server.expect("it accepts"), up, down)
}

async fn raw_server(config: Config) -> (Connection<End>, Raw<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(0, 1 << 20);
    let (client, raw) = tokio::join!(connect_over(client, "ws://localhost/", config), Raw::server(server));
    (client.expect("it connects"), raw, up, down)
}

fn code(number: u16) -> CloseCode {
    CloseCode::new(number).expect("a code")
}

/// What the peer's close frame said.
fn said(ws: &Connection<End>) -> Option<(u16, String)> {
    ws.receiver.close().map(|close| (close.code().map_or(1005, CloseCode::get), close.reason().to_owned()))
}

#[test]
fn either_side_closes_and_both_see_code_and_reason() {
    for server_closes in [false, true] {
        run(async {
            let (client, server, up, down) = pair(0).await;
            let (mut one, mut other) = if server_closes { (server, client) } else { (client, server) };
            let close = async {
                one.sender.close(code(4321), "that was it: ü").await.unwrap();
                one.receiver.drain().await.unwrap();
            };
            let answer = async { other.receiver.drain().await.unwrap() };
            // Our side is not dropped meanwhile: the server has to end the transport by itself.
            tokio::join!(close, answer);
            for ws in [&mut one, &mut other] {
                assert_eq!(said(ws), Some((4321, "that was it: ü".to_owned())));
                assert_eq!(ws.sender.text("more").await, Err(Error::Send(SendError::Closed)));
                assert_eq!(ws.sender.ping(b"").await, Err(Error::Send(SendError::Closed)));
                assert_eq!(ws.sender.close(code(1000), "").await, Err(Error::Send(SendError::Closed)));
                assert!(ws.receiver.next().await.unwrap().is_none(), "for ever");
                assert!(ws.receiver.message().await.unwrap().is_none(), "for ever");
            }
            // RFC 6455 section 7.1.1: the server ends TCP, the client does not.
            assert!(down.is_ended());
            assert!(!up.is_ended());
        });
    }
}

#[test]
fn a_close_without_code_is_answered_without() {
    run(async {
        let (mut raw, mut server, ..) = raw_client(patient()).await;
        raw.send(&masked(raw::CLOSE, b"")).await;
        assert_eq!(server.receiver.drain().await, Ok(()));
        assert_eq!(said(&server), Some((1005, String::new())));
        assert_eq!(raw.frame().await, Some(raw::Frame { first: raw::CLOSE, payload: vec![] }));
        assert_eq!(raw.frame().await, None, "and the server closes at once");
    });
}

/// Row 39: the client waits until the server has closed TCP.
#[test]
fn a_client_waits_for_the_server_to_close() {
    run(async {
        let (mut client, mut raw, up, _down) = raw_server(patient()).await;
        let drain = tokio::spawn(async move { (client.receiver.drain().await, client) });
        raw.send(&frame(raw::CLOSE, &closing(1000, "bye"))).await;
        assert_eq!(raw.frame().await.unwrap().close(), Some((1000, "bye")));
        settle().await;
        assert!(!drain.is_finished());
        assert!(!up.is_ended());
        drop(raw);
        assert_eq!(drain.await.unwrap().0, Ok(()));
    });
}

/// Both close at once, at any distance: two close frames cross, or one answers the other. All that was sent arrives.
#[test]
fn closes_that_race_are_clean() {
    let mut crossed = 0;
    let mut answered = 0;
    each_seed(300, |seed| {
        run(async {
            let (client, server, up, down) = pair(seed).await;
            for wire in [&up, &down] {
                wire.record();
                wire.rough();
                wire.narrow(16 + (seed % 40) as usize);
            }
            let side = async |mut ws: Connection<End>, own: u16| {
                let mut rng = Rng::new(seed + u64::from(own));
                let late = rng.below(60);
                let sent = rng.below(3) as u32;
                let (receiver, sender) = (&mut ws.receiver, &mut ws.sender);
                let close = async {
                    for _ in 0..late {
                        tokio::task::yield_now().await;
                    }
                    for _ in 0..sent {
                        match sender.text("before the close").await {
                            Ok(()) => {}
                            Err(error) => return assert_eq!(error, Error::Send(SendError::Closed)),
                        }
                    }
                    match sender.close(code(own), "race").await {
                        Ok(()) | Err(Error::Send(SendError::Closed)) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                let receive = async {
                    let mut received = 0;
                    while receiver.message().await.expect("a clean close").is_some() {
                        received += 1;
                    }
                    received
                };
                let ((), received) = tokio::join!(close, receive);
                (said(&ws).expect("a close").0, received)
            };
            let (client, server) = tokio::join!(side(client, 4001), side(server, 4002));
            for (wire, seen) in [(&up, server), (&down, client)] {
                let frames = raw::frames(wire.tape());
                let (last, before) = frames.split_last().expect("a close");
                assert_eq!(last.close(), Some((seen.0, "race")));
                assert_eq!(before.len(), seen.1, "all that went before the close arrived");
                assert!(before.iter().all(|frame| frame.first == raw::TEXT));
            }
            match (client.0, server.0) {
                (4002, 4001) => crossed += 1,
                (4001, 4001) | (4002, 4002) => answered += 1,
                other => panic!("{other:?}"),
            }
        });
    });
    println!("{crossed} crossed, {answered} were answered");
    assert!(common::replay().is_some() || (crossed >= 20 && answered >= 20), "{crossed} and {answered}");
}

#[test]
fn a_close_inside_a_message_of_fragments_ends_it() {
    run(async {
        let (mut raw, mut server, ..) = raw_client(patient()).await;
        server.sender.chunk(Kind::Text, b"begun", false).await.unwrap();
        raw.send(&[masked(0x01, b"begun"), masked(raw::CLOSE, &closing(1001, ""))].concat()).await;
        assert!(server.receiver.message().await.unwrap().is_none(), "what is not whole is no message");
        assert_eq!(server.sender.chunk(Kind::Text, b"", true).await, Err(Error::Send(SendError::Closed)));
        assert_eq!(raw.frame().await.unwrap().first, 0x01);
        assert_eq!(raw.frame().await.unwrap().close(), Some((1001, "")));
    });
}
