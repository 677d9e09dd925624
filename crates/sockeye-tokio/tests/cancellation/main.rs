//! Every receive and send future may be dropped at any await: nothing accepted is lost, nothing is sent in part.

#[path = "../common/mod.rs"]
mod common;
mod harness;
mod proof;

use common::wire::{End, Wire, pipe};
use common::{Rng, connected, each_seed, patient, raw, run, until};
use harness::{Drops, END, Reader, Reading, Writer};
use sockeye_tokio::{CloseCode, Config, Connection, Kind, Receiver};

/// Over a rough pipe of 16 bytes or one that moves bursts, with more or less room in the outbox.
async fn rough_pair(seed: u64) -> (Connection<End>, Connection<End>, Wire, Wire) {
    let (client, server, up, down) = pipe(seed, 4096);
    let config = Config { high_water: [1, 20, 64, 300][(seed % 4) as usize], ..patient() };
    let (client, server) = connected(client, server, config.clone(), config).await;
    for wire in [&up, &down] {
        wire.record();
        if seed % 8 < 5 {
            wire.rough();
            wire.narrow(16);
        } else {
            wire.bursts();
            wire.narrow(600);
        }
    }
    (client, server, up, down)
}

struct Side {
    writer: Writer,
    reader: Reader<Receiver<End>>,
}

impl Side {
    fn new(connection: Connection<End>, seed: u64, drops: &Drops) -> Self {
        Side {
            writer: Writer::new(connection.sender, seed, drops),
            reader: Reader::new(connection.receiver, !seed, drops),
        }
    }

    /// All in one task: sends and receives by turns, at random. The client then closes; `peer` is what comes to it.
    async fn alone(mut self, steps: u32, peer: Wire, close: Option<(CloseCode, &str)>) -> Self {
        let (mut steps, mut ended, mut closed) = (steps, false, close.is_none());
        let mut turns = Rng::new(self.writer.rng.next());
        let mut answered = false;
        for turn in 0..1_000_000 {
            answered = answered || (turn % 64 == 0 && peer.has(&last_pong()));
            let all_sent = ended && closed;
            if all_sent || turns.coin() {
                if !self.reader.step().await.expect("nothing is wrong") {
                    return self;
                }
            } else if steps > 0 {
                self.writer.step().await;
                steps -= 1;
            } else if !ended {
                ended = self.writer.end().await;
            } else if let Some((code, reason)) = close
                && self.reader.reading.is_over()
                && answered
            {
                closed = self.writer.close(code, reason).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        panic!("the conversation does not end");
    }

    /// A task for each half.
    async fn apart(self, steps: u32, peer: Wire, close: Option<(CloseCode, &'static str)>) -> Self {
        let Side { mut writer, mut reader } = self;
        let (over, mut is_over) = tokio::sync::watch::channel(false);
        let read = tokio::spawn(async move {
            while reader.step().await.expect("nothing is wrong") {
                over.send_replace(reader.reading.is_over());
            }
            reader
        });
        let write = tokio::spawn(async move {
            for _ in 0..steps {
                writer.step().await;
            }
            while !writer.end().await {}
            if let Some((code, reason)) = close {
                is_over.wait_for(|over| *over).await.expect("the last record comes before the close");
                until(|| peer.has(&last_pong())).await;
                while !writer.close(code, reason).await {}
            }
            writer
        });
        Side { reader: read.await.expect("no panic"), writer: write.await.expect("no panic") }
    }
}

/// A server's answer to the last ping.
fn last_pong() -> Vec<u8> {
    raw::frame(raw::PONG, &END.to_be_bytes())
}

/// What went over the wire is what was queued, frame by frame, and each pong answers a ping.
fn check_wires(from: &Side, wire: &Wire, back: &Wire) {
    let (mut there, mut pings) = (Reading::default(), Vec::new());
    for frame in raw::frames(wire.tape()) {
        match frame.first & 0x0f {
            0..=2 => there.piece(&frame.payload, frame.first & 0x80 != 0).expect("whole records"),
            9 => pings.push(frame.payload),
            _ => {}
        }
    }
    from.writer.journal.compare(&there.ids).expect("all that was queued was written");
    let back = raw::frames(back.tape());
    let pongs: Vec<_> = back.iter().filter(|frame| frame.first == raw::PONG).map(|frame| &frame.payload).collect();
    let mut unanswered = pings.iter();
    for pong in &pongs {
        assert!(unanswered.any(|ping| ping == *pong), "a pong that answers nothing: {pong:?}");
    }
    assert_eq!(pongs.last(), pings.last().as_ref(), "the newest ping was answered");
    assert_eq!(back.last().map(|frame| frame.first), Some(raw::CLOSE));
}

/// What a writer does before it ends.
const STEPS: u32 = 400;

const KINDS: [&str; 10] =
    ["next", "message", "send", "text", "chunk", "feed", "flush", "ping", "send_prepared", "feed_prepared"];

fn check_conversations(in_two_tasks: bool) {
    let drops = if in_two_tasks { Drops::default() } else { Drops::busy() };
    each_seed(100, |seed| {
        run(async {
            let (client, server, up, down) = rough_pair(seed).await;
            let (client, server) = (Side::new(client, seed, &drops), Side::new(server, seed + 1000, &drops));
            let code = CloseCode::new(4000 + seed as u16).expect("a code");
            let close = Some((code, "that was all"));
            let (client, server) = if in_two_tasks {
                tokio::join!(client.apart(STEPS, down.clone(), close), server.apart(STEPS, up.clone(), None))
            } else {
                tokio::join!(client.alone(STEPS, down.clone(), close), server.alone(STEPS, up.clone(), None))
            };
            for (from, to) in [(&client, &server), (&server, &client)] {
                from.writer.journal.compare(&to.reader.reading.ids).expect("what was queued arrived");
                let close = to.reader.receiver.close().expect("a close came");
                assert_eq!((close.code(), close.reason()), (Some(code), "that was all"));
            }
            check_wires(&client, &up, &down);
            check_wires(&server, &down, &up);
        });
    });
    drops.check(&KINDS);
}

#[test]
fn any_drop_with_both_halves_in_one_task() {
    check_conversations(false);
}

#[test]
fn any_drop_with_both_halves_in_two_tasks() {
    check_conversations(true);
}

/// What is drained is gone, but pings are answered and the other direction is whole.
#[test]
fn any_drop_of_drain() {
    let drops = Drops::default();
    each_seed(40, |seed| {
        run(async {
            let (client, mut server, up, down) = rough_pair(seed).await;
            let mut receiver = client.receiver;
            let mut writer = Writer::new(client.sender, seed, &drops);
            let mut reader = Reader::new(server.receiver, !seed, &drops);
            let (finished, is_finished) = tokio::sync::oneshot::channel();
            let mut rng = Rng::new(seed + 1);
            let drain = async {
                loop {
                    if let Some(result) = drops.cut(&mut rng, "drain", receiver.drain()).await {
                        return result;
                    }
                }
            };
            let write = async {
                for _ in 0..40 {
                    writer.step().await;
                }
                while !writer.end().await {}
                is_finished.await.expect("the server wrote all");
                until(|| down.has(&last_pong())).await;
                while !writer.close(CloseCode::NORMAL, "drained").await {}
            };
            let chatter = async {
                for id in 0..20 {
                    server.sender.text(&harness::record(id)).await.expect("it is queued");
                    server.sender.ping(&[id as u8]).await.expect("it is queued");
                }
                let _ = finished.send(());
            };
            let read = async { while reader.step().await.expect("nothing is wrong") {} };
            let (drained, ..) = tokio::join!(drain, write, chatter, read);
            drained.expect("a clean close");
            writer.journal.compare(&reader.reading.ids).expect("what was queued arrived");
            assert_eq!(reader.receiver.close().map(|close| close.reason()), Some("drained"));
            assert_eq!(receiver.close().and_then(|close| close.code()), Some(CloseCode::NORMAL));
            assert!(raw::frames(up.tape()).iter().any(|frame| frame.first == raw::PONG), "pings were answered");
        });
    });
    drops.check(&["drain"]);
}

/// Closes that are dropped while they wait for room, or for the close frame to be written; by one side or by both.
#[test]
fn any_drop_of_close() {
    let drops = Drops::default();
    each_seed(400, |seed| {
        run(async {
            let (client, server, up, down) = rough_pair(seed).await;
            let both = seed % 2 == 0;
            let side = async |connection: Connection<End>, code: u16, closes: bool| {
                let mut writer = Writer::new(connection.sender, seed + u64::from(code), &drops);
                let mut reader = Reader::new(connection.receiver, seed, &drops);
                let close = async {
                    if closes {
                        // So that there is something to wait for.
                        let _ = writer.sender.send(Kind::Text, harness::record(7).as_bytes()).await;
                        let code = CloseCode::new(code).expect("a code");
                        while !writer.close(code, "over and out").await {}
                    }
                };
                let read = async { while reader.step().await.expect("nothing is wrong") {} };
                tokio::join!(close, read);
                let close = reader.receiver.close().expect("a close came");
                (close.code().map(CloseCode::get), close.reason().to_owned(), reader.reading.ids)
            };
            let (from_server, from_client) = tokio::join!(side(client, 4001, true), side(server, 4002, both));
            for (from, own, other) in [(from_client, 4001, 4002), (from_server, 4002, 4001)] {
                let (code, reason, ids) = from;
                assert_eq!(reason, "over and out");
                // Its own close behind its record, or the echo of the other one's.
                assert!(code == Some(own) && ids == [7] || code == Some(other) && ids.len() <= 1, "{code:?} {ids:?}");
                assert!(both || code == Some(4001));
            }
            for wire in [up, down] {
                let closes = raw::frames(wire.tape()).iter().filter(|frame| frame.first == raw::CLOSE).count();
                assert_eq!(closes, 1);
            }
        });
    });
    drops.check(&["close"]);
}

/// A character that is cut between two chunks, of which the second is dropped before there is room for it.
#[test]
fn a_dropped_chunk_leaves_its_text_where_it_was() {
    run(async {
        let (client, server, _up, down) = pipe(0, 4096);
        let config = Config { high_water: 1, ..patient() };
        let (mut client, mut server) = connected(client, server, patient(), config).await;
        let (start, end) = "ü".as_bytes().split_at(1);
        down.stall();
        server.sender.chunk(Kind::Text, start, false).await.unwrap();
        for _ in 0..3 {
            tokio::select! {
                biased;
                sent = server.sender.chunk(Kind::Text, end, true) => panic!("there is no room: {sent:?}"),
                () = std::future::ready(()) => {}
            }
        }
        down.resume();
        server.sender.chunk(Kind::Text, end, true).await.unwrap();
        assert_eq!(client.receiver.message().await.unwrap().unwrap().text(), Some("ü"));
    });
}
