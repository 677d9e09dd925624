//! Both ends write at once over a pipe of a few bytes, batches keep their order, answers go out together, and what
//! is queued goes out whatever the application does next.

mod common;

use std::time::Duration;

use common::wire::{End, pipe};
use common::{connected, each_seed, patient, raw, run, settle};
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{CloseCode, Config, Connection, Error, Kind, Receiver, Sender, accept, connect_over};

fn large() -> Config {
    Config { limits: Limits::NONE, ..patient() }
}

/// A message of its own for each number.
fn payload(id: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + id * 7) as u8).collect()
}

async fn send_all(sender: &mut Sender<End>, lens: &[usize]) -> Result<(), Error> {
    for (id, len) in lens.iter().enumerate() {
        sender.binary(&payload(id, *len)).await?;
    }
    sender.flush().await
}

async fn receive_all(receiver: &mut Receiver<End>, lens: &[usize], whole: bool) -> Result<(), Error> {
    for (id, len) in lens.iter().enumerate() {
        let mut bytes = Vec::new();
        if whole {
            bytes.extend_from_slice(receiver.message().await?.expect("a message").payload);
        } else {
            loop {
                let chunk = receiver.next().await?.expect("a chunk");
                bytes.extend_from_slice(chunk.payload);
                if chunk.last {
                    break;
                }
            }
        }
        assert!(bytes == payload(id, *len), "message {id} is as it was sent");
    }
    Ok(())
}

const LENS: [usize; 6] = [70_000, 1, 33_000, 0, 200_000, 20_000];

#[test]
fn both_ends_write_at_once_with_both_halves_in_one_task() {
    for (capacity, whole) in [(16, false), (16, true), (64, false), (64, true)] {
        run(async {
            let (client, server, up, down) = pipe(0, 4096);
            let (client, server) = connected(client, server, large(), large()).await;
            up.narrow(capacity);
            down.narrow(capacity);
            let side = async |mut ws: Connection<End>| {
                let (receiver, sender) = (&mut ws.receiver, &mut ws.sender);
                tokio::try_join!(send_all(sender, &LENS), receive_all(receiver, &LENS, whole)).expect("it goes on");
                ws
            };
            tokio::join!(side(client), side(server));
        });
    }
}

#[test]
fn both_ends_write_at_once_with_a_task_for_each_half() {
    each_seed(4, |seed| {
        run(async {
            let (client, server, up, down) = pipe(seed, 4096);
            let (client, server) = connected(client, server, large(), large()).await;
            for wire in [up, down] {
                wire.narrow(if seed < 2 { 16 } else { 64 });
                wire.rough();
            }
            let side = |ws: Connection<End>| {
                let Connection { mut receiver, mut sender, .. } = ws;
                let read = tokio::spawn(async move { receive_all(&mut receiver, &LENS, seed % 2 == 0).await });
                let write = tokio::spawn(async move { send_all(&mut sender, &LENS).await });
                async { (read.await.expect("no panic"), write.await.expect("no panic")) }
            };
            assert_eq!(tokio::join!(side(client), side(server)), ((Ok(()), Ok(())), (Ok(()), Ok(()))));
        });
    });
}

/// The plain loop of chunks, against a client that sends and receives at once.
#[test]
fn an_echo_of_messages_larger_than_all_buffers_goes_on() {
    run(async {
        let (client, server, up, down) = pipe(0, 4096);
        let (mut client, mut server) = connected(client, server, large(), large()).await;
        up.narrow(64);
        down.narrow(64);
        let echo = async {
            while let Some(chunk) = server.receiver.next().await? {
                server.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
            }
            Ok::<(), Error>(())
        };
        let talk = async {
            let (receiver, sender) = (&mut client.receiver, &mut client.sender);
            tokio::try_join!(send_all(sender, &LENS), receive_all(receiver, &LENS, false))?;
            client.close(CloseCode::NORMAL, "").await
        };
        assert_eq!(tokio::join!(echo, talk), (Ok(()), Ok(())));
    });
}

#[test]
fn a_thousand_pipelined_messages_arrive_in_order() {
    each_seed(3, |seed| {
        run(async {
            let (client, server, up, down) = pipe(seed, 64 * 1024);
            let (mut client, mut server) = connected(client, server, patient(), patient()).await;
            if seed > 0 {
                up.rough();
                down.rough();
            }
            let echo = async {
                while let Some(message) = server.receiver.message().await.expect("a message") {
                    server.sender.send(message.kind, message.payload).await.expect("it is queued");
                }
            };
            let talk = async {
                for id in 0..1000 {
                    client.sender.feed(Kind::Text, id.to_string().as_bytes()).await.expect("it is queued");
                }
                client.sender.flush().await.expect("it is written");
                for id in 0..1000 {
                    let message = client.receiver.message().await.expect("a message").expect("no close");
                    assert_eq!(message.text(), Some(&*id.to_string()));
                }
                client.close(CloseCode::NORMAL, "").await.expect("a clean close");
            };
            tokio::join!(echo, talk);
        });
    });
}

/// 16 messages in one read, answered by a plain loop of either kind: one write.
#[test]
fn answers_to_one_read_go_out_by_one_write() {
    for streamed in [false, true] {
        run(async {
            let (client, server, _up, down) = pipe(0, 64 * 1024);
            let (mut raw, server) = tokio::join!(raw::Raw::client(client), accept(server, patient()));
            let mut server = server.expect("it accepts");
            let messages: Vec<u8> = (0..16).flat_map(|id| raw::masked(raw::BINARY, &payload(id, 50))).collect();
            raw.send(&messages).await;
            let before = down.writes();
            for _ in 0..16 {
                if streamed {
                    let chunk = server.receiver.next().await.unwrap().unwrap();
                    server.sender.chunk(chunk.kind, chunk.payload, chunk.last).await.unwrap();
                } else {
                    let message = server.receiver.message().await.unwrap().unwrap();
                    server.sender.send(message.kind, message.payload).await.unwrap();
                }
            }
            for id in 0..16 {
                assert_eq!(raw.frame().await.unwrap().payload, payload(id, 50));
            }
            assert_eq!(down.writes() - before, 1);
        });
    }
}

/// A pong that is owed goes ahead of the next message, by the same write.
#[test]
fn a_reply_goes_ahead_of_the_next_message() {
    run(async {
        let (client, server, _up, down) = pipe(0, 64 * 1024);
        let (mut raw, server) = tokio::join!(raw::Raw::client(client), accept(server, patient()));
        let mut server = server.expect("it accepts");
        let mut all = Vec::new();
        for id in 0..10 {
            all.extend(raw::masked(raw::PING, &[id]));
            all.extend(raw::masked(raw::TEXT, b"?"));
        }
        raw.send(&all).await;
        let before = down.writes();
        for _ in 0..10 {
            server.receiver.message().await.unwrap().unwrap();
            server.sender.text("!").await.unwrap();
        }
        for id in 0..10 {
            assert_eq!(raw.frame().await.unwrap(), raw::Frame { first: raw::PONG, payload: vec![id] });
            assert_eq!(raw.frame().await.unwrap(), raw::Frame { first: raw::TEXT, payload: b"!".to_vec() });
        }
        assert_eq!(down.writes() - before, 1);
    });
}

/// What an application may do instead of coming back.
#[derive(Debug, Clone, Copy)]
enum Then {
    AwaitSomethingElse,
    DropTheReceiver,
    DropTheSender,
    DropBoth,
}

const THEN: [Then; 4] = [Then::AwaitSomethingElse, Then::DropTheReceiver, Then::DropTheSender, Then::DropBoth];

/// While the receiver holds bytes, an answer, a fed message and a pong are only queued. They go out all the same.
#[test]
fn what_is_queued_goes_out_whatever_comes_next() {
    for then in THEN {
        for (what, feed) in [("an answer", false), ("a fed message", true), ("a pong", false)] {
            run(async {
                let (client, server, ..) = pipe(0, 64 * 1024);
                let (mut raw, server) = tokio::join!(raw::Raw::client(client), accept(server, patient()));
                let Connection { mut receiver, mut sender, .. } = server.expect("it accepts");
                let hello = [raw::masked(raw::PING, b"?"), raw::masked(raw::TEXT, b"1"), raw::masked(raw::TEXT, b"2")];
                raw.send(&hello.concat()).await;
                assert_eq!(receiver.message().await.unwrap().unwrap().text(), Some("1"));
                let mut expected = vec![raw::Frame { first: raw::PONG, payload: b"?".to_vec() }];
                if what != "a pong" {
                    if feed {
                        sender.feed(Kind::Text, b"answer").await.unwrap();
                    } else {
                        sender.text("answer").await.unwrap();
                    }
                    expected.push(raw::Frame { first: raw::TEXT, payload: b"answer".to_vec() });
                }
                let (mut receiver, mut sender) = (Some(receiver), Some(sender));
                if matches!(then, Then::DropTheReceiver | Then::DropBoth) {
                    receiver = None;
                }
                if matches!(then, Then::DropTheSender | Then::DropBoth) {
                    sender = None;
                }
                let start = tokio::time::Instant::now();
                for frame in expected {
                    let came = tokio::time::timeout(Duration::from_millis(1), raw.frame()).await;
                    assert_eq!(came.ok().flatten(), Some(frame), "{what}, {then:?}");
                }
                assert!(start.elapsed().is_zero(), "promptly");
                if matches!(then, Then::DropBoth) {
                    // The second message was never read: as a socket does, this ends with a reset or an end.
                    assert_eq!(raw.frame().await, None);
                }
                drop((receiver, sender));
            });
        }
    }
}

/// `feed` alone is enough, as is a later send, and the order stays.
#[test]
fn a_fed_message_goes_out_by_itself() {
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let (client, mut raw) = tokio::join!(connect_over(client, "ws://h/", patient()), raw::Raw::server(server));
        let mut client = client.expect("it connects");
        client.sender.feed(Kind::Text, b"1").await.unwrap();
        settle().await;
        assert_eq!(raw.frame().await.unwrap().payload, b"1");
        client.sender.feed(Kind::Text, b"2").await.unwrap();
        client.sender.text("3").await.unwrap();
        client.sender.feed(Kind::Text, b"4").await.unwrap();
        client.sender.flush().await.unwrap();
        for text in ["2", "3", "4"] {
            assert_eq!(raw.frame().await.unwrap().payload, text.as_bytes());
        }
    });
}

/// A burst of fed messages goes out by one write, once it is flushed.
#[test]
fn a_fed_batch_goes_out_by_one_write() {
    run(async {
        let (client, server, _up, down) = pipe(0, 64 * 1024);
        let (_client, mut server) = connected(client, server, patient(), patient()).await;
        let before = down.writes();
        for _ in 0..100 {
            server.sender.feed(Kind::Text, b"many").await.unwrap();
        }
        assert_eq!(down.writes(), before);
        server.sender.flush().await.unwrap();
        assert_eq!(down.writes() - before, 1);
    });
}
