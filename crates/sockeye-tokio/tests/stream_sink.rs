//! A connection as a `Stream` and a `Sink`: feature `futures`.
#![cfg(feature = "futures")]

mod common;

use common::raw::{self, Raw, masked};
use common::wire::{End, pipe};
use common::{connected, each_seed, patient, run};
use futures_util::{SinkExt as _, StreamExt as _};
use sockeye_tokio::{CloseCode, Config, Error, Messages, OwnedMessage, accept};

async fn pair(seed: u64, rough: bool) -> (Messages<End>, Messages<End>) {
    let (client, server, up, down) = pipe(seed, 4096);
    let config = Config { high_water: 200, ..patient() };
    let (client, server) = connected(client, server, config.clone(), config).await;
    for wire in [up, down] {
        if rough {
            wire.rough();
            wire.narrow(16);
        }
    }
    (Messages::new(client), Messages::new(server))
}

#[test]
fn messages_go_through_both_ways_at_once() {
    each_seed(10, |seed| {
        run(async {
            let (client, server) = pair(seed, true).await;
            let side = async |messages: Messages<End>, closes: bool| {
                let (mut sink, mut stream) = messages.split();
                let send = async {
                    for id in 0..50 {
                        let text = OwnedMessage::text(format!("message {id}"));
                        if id % 2 == 0 { sink.send(text).await } else { sink.feed(text).await }.unwrap();
                    }
                    sink.send(OwnedMessage::binary(vec![7; 5000])).await.unwrap();
                };
                let receive = async {
                    for id in 0..50 {
                        let message = stream.next().await.unwrap().unwrap();
                        assert_eq!(message, OwnedMessage::text(format!("message {id}")));
                    }
                    assert_eq!(stream.next().await.unwrap().unwrap(), OwnedMessage::binary(vec![7; 5000]));
                };
                tokio::join!(send, receive);
                if closes {
                    sink.close().await.unwrap();
                    sink.close().await.unwrap();
                }
                assert_eq!(stream.next().await, None);
                assert_eq!(stream.next().await, None, "for ever");
                let ws = sink.reunite(stream).expect("the two halves of one").into_inner();
                assert_eq!(ws.receiver.close().unwrap().code(), Some(CloseCode::NORMAL));
            };
            tokio::join!(side(client, true), side(server, false));
        });
    });
}

#[test]
fn an_error_comes_once_and_ends_the_stream() {
    run(async {
        let (client, server, ..) = pipe(0, 4096);
        let (mut raw, server) = tokio::join!(Raw::client(client), accept(server, patient()));
        let mut messages = Messages::new(server.unwrap());
        raw.send(&[masked(raw::TEXT, b"right"), masked(0x8b, b"wrong")].concat()).await;
        assert_eq!(messages.next().await, Some(Ok(OwnedMessage::text("right"))));
        let peer = async {
            let told = raw.frame().await.unwrap();
            drop(raw);
            told.close().unwrap().0
        };
        let (error, told) = tokio::join!(messages.next(), peer);
        assert!(matches!(error, Some(Err(Error::Protocol(_)))), "{error:?}");
        assert_eq!(told, 1002);
        assert_eq!(messages.next().await, None);
    });
}

/// The sink is not ready while the peer is behind, and a text that is none is refused alone.
#[test]
fn the_sink_has_backpressure_and_checks_texts() {
    run(async {
        let (client, server, _up, down) = pipe(0, 4096);
        let config = Config { high_water: 1000, ..patient() };
        let (mut client, server) = connected(client, server, patient(), config).await;
        down.stall();
        let mut messages = Messages::new(server);
        let mut fed = 0;
        loop {
            tokio::select! {
                biased;
                result = messages.feed(OwnedMessage::binary(vec![0; 100])) => result.unwrap(),
                () = std::future::ready(()) => break,
            }
            fed += 1;
        }
        assert_eq!(fed, 10, "messages of 102 bytes until there are 1000");
        down.resume();
        let mut bad = OwnedMessage::text("");
        bad.payload = vec![0xff].into();
        let sends = async {
            assert!(matches!(messages.feed(bad).await, Err(Error::Send(_))));
            messages.send(OwnedMessage::text("last")).await.unwrap();
        };
        let receives = async {
            for _ in 0..10 {
                assert_eq!(client.receiver.message().await.unwrap().unwrap().payload, [0; 100]);
            }
            assert_eq!(client.receiver.message().await.unwrap().unwrap().text(), Some("last"));
        };
        tokio::join!(sends, receives);
    });
}
