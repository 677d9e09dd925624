//! Drops of `drain` and of `close`.

use std::cell::Cell;

use embassy_futures::join::join;
use sockeye_embassy::proto::SendError;
use sockeye_embassy::{CloseCode, Config, Error, Kind, Resources, accept};

use crate::common::exec::{Tasks, run};
use crate::common::peer::{Peer, Seen};
use crate::common::raw::{self, REQUEST};
use crate::common::wire::{self, pipe};
use crate::common::{Rng, each_seed, patient};
use crate::harness::Drops;
use crate::records::{Reading, record};

const CONFIG: Config<'static> = patient();

fn code(number: u16) -> CloseCode {
    CloseCode::new(number).expect("a code")
}

/// What is drained is gone, but pings are answered, and the other direction is whole.
#[test]
fn any_drop_of_drain() {
    let drops = Drops::default();
    each_seed(30, |seed| {
        let (_, end, up, down) = pipe(seed, 4096);
        let mut resources: Resources<'_, _, 200, 131> = Resources::new();
        up.put(REQUEST.as_bytes());
        let mut ws = run(accept(end.reader, end.writer, &mut resources, &CONFIG)).expect("it accepts");
        down.take_all();
        for wire in [&up, &down] {
            wire.rough();
            wire.narrow(16);
        }
        let mut peer = Peer::client(seed, down, up);
        let mut rng = Rng::new(seed);
        for id in 0..20 {
            peer.chunk(Kind::Text, record(id, true).as_bytes(), true);
            peer.ping(&[id as u8]);
        }
        let mut tasks = Tasks::new(seed);
        let sent = Cell::new(false);
        let mut cuts = Rng::new(!seed);
        let drained = tasks.spawn(async {
            let drain = async {
                loop {
                    if let Some(result) = drops.cut(&mut cuts, "drain", ws.receiver.drain()).await {
                        return result;
                    }
                }
            };
            let send = async {
                for id in 0..20 {
                    ws.sender.text(&record(id, true)).await.expect("it is sent");
                }
                sent.set(true);
            };
            join(drain, send).await.0
        });
        for _ in 0..100_000 {
            tasks.settle_within(1 + rng.below(20));
            peer.turn(1 + rng.below(20) as usize, 1 + rng.below(20) as usize);
            if sent.get() && peer.is_idle() && !peer.is_closed() && peer.seen.contains(&Seen::Pong(vec![19])) {
                peer.close(CloseCode::NORMAL, "drained");
            }
        }
        assert_eq!(drained.take(), Some(Ok(())));
        drop(tasks);
        while peer.turn(100, 100) > 0 {}
        assert_eq!(Reading::of(&peer.seen, true), Ok((0..20).collect()));
        assert_eq!(peer.seen.last(), Some(&Seen::Close(Some(1000), "drained".into())));
        assert_eq!(ws.receiver.close().map(|close| close.reason().to_owned()), Some("drained".to_owned()));
    });
    drops.check(&["drain"]);
}

/// Closes that are dropped while they wait for the link or for the close frame to be written, by one side or by both.
#[test]
fn any_drop_of_close() {
    let drops = Drops::default();
    each_seed(800, |seed| {
        let (_, end, up, down) = pipe(seed, 4096);
        let mut resources: Resources<'_, _, 200, 131> = Resources::new();
        up.put(REQUEST.as_bytes());
        let ws = run(accept(end.reader, end.writer, &mut resources, &CONFIG)).expect("it accepts");
        let (mut receiver, mut sender) = (ws.receiver, ws.sender);
        down.take_all();
        down.record();
        for wire in [&up, &down] {
            wire.rough();
            wire.narrow(4);
        }
        let mut peer = Peer::client(seed, down.clone(), up);
        let (mut rng, mut cuts) = (Rng::new(seed), Rng::new(!seed));
        peer.ping(b"first");
        let both = rng.coin();
        let mut tasks = Tasks::new(seed);
        let closed = tasks.spawn(async {
            let _ = sender.text("the last words").await;
            loop {
                match drops.cut(&mut cuts, "close", sender.close(code(4001), "over and out")).await {
                    None => {}
                    Some(Ok(()) | Err(Error::Send(SendError::Closed))) => return,
                    Some(Err(error)) => panic!("{error}"),
                }
            }
        });
        let drained = tasks.spawn(async { receiver.drain().await });
        let at = rng.below(60);
        for turn in 0..100_000 {
            tasks.settle_within(1 + rng.below(20));
            let moved = peer.turn(1 + rng.below(3) as usize, 1 + rng.below(3) as usize);
            if both && turn == at && !peer.is_closed() {
                peer.close(code(4002), "over and out");
            }
            if turn > at && moved == 0 && !tasks.are_ready() && !wire::wake_later() {
                break;
            }
        }
        assert!(closed.is_there(), "the close hangs");
        assert_eq!(drained.take(), Some(Ok(())));
        drop(tasks);
        let frames = raw::frames(&down.tape());
        let closes: Vec<_> = frames.iter().filter(|frame| frame.first == raw::CLOSE).collect();
        assert_eq!(closes.len(), 1, "{frames:?}");
        let (told, reason) = closes[0].close().expect("a code");
        assert!((told == 4001 || (both && told == 4002)) && reason == "over and out", "{told} {reason}");
        assert_eq!(frames.last().map(|frame| frame.first), Some(raw::CLOSE));
    });
    drops.check(&["close"]);
}
