//! Pings: each is answered while the peer takes the answers; of one that takes nothing, the newest.

mod common;

use common::exec::{Tasks, run};
use common::raw::{self, frame, masked};
use common::setup::{client, server, sized_server};
use common::{patient, payload};
use sockeye_embassy::Connection;

/// As the Autobahn cases 2.10 and 2.11 count them.
#[test]
fn ten_pings_in_one_read_get_ten_pongs() {
    fn check<const TX: usize>(rough: bool) {
        let (mut ws, up, down) = sized_server::<1024, TX>(patient());
        let pings: Vec<u8> = (0..10).flat_map(|id| masked(raw::PING, &payload(id, 12 * id))).collect();
        up.put(&[pings, masked(raw::CLOSE, b"")].concat());
        if rough {
            down.rough();
        }
        run(async { assert_eq!(ws.receiver.drain().await, Ok(())) });
        let frames = raw::frames(&down.take_all());
        let (close, pongs) = frames.split_last().expect("a close");
        assert_eq!(close.first, raw::CLOSE);
        if !rough {
            assert_eq!(pongs.len(), 10);
        }
        for pong in pongs {
            assert_eq!(pong.first, raw::PONG);
        }
        for (id, pong) in pongs.iter().enumerate().filter(|_| !rough) {
            assert_eq!(pong.payload, payload(id, 12 * id));
        }
    }
    check::<131>(false);
    check::<256>(false);
    check::<1024>(false);
    check::<256>(true);
}

/// A pong goes ahead of the next message, and both go out in the order in which they are owed.
#[test]
fn a_pong_goes_ahead_of_the_next_message() {
    let (mut ws, up, down) = server(patient());
    for id in 0..10 {
        up.put(&[masked(raw::PING, &[id]), masked(raw::TEXT, b"?")].concat());
    }
    run(async {
        let mut buffer = [0; 8];
        for _ in 0..10 {
            ws.receiver.message(&mut buffer).await.unwrap().unwrap();
            ws.sender.text("!").await.unwrap();
        }
    });
    let frames = raw::frames(&down.take_all());
    assert_eq!(frames.len(), 20);
    for (id, pair) in frames.chunks(2).enumerate() {
        assert_eq!(pair[0].parts(), (raw::PONG, &[id as u8][..]));
        assert_eq!(pair[1].parts(), (raw::TEXT, &b"!"[..]));
    }
}

#[test]
fn of_a_hundred_thousand_pings_that_nobody_reads_the_answers_to_one_is_owed() {
    for room in [0, 1, 20] {
        let (mut ws, up, down) = server(patient());
        down.narrow(room);
        let mut tasks = Tasks::new(0);
        let drained = tasks.spawn(async { ws.receiver.drain().await });
        for id in 0..100_000u32 {
            up.put(&masked(raw::PING, &id.to_be_bytes()));
            tasks.settle();
        }
        assert_eq!((up.len(), down.len()), (0, room), "all is read, and nothing more than fits is written");
        let mut bytes = down.take_all();
        down.narrow(1 << 16);
        up.put(&masked(raw::CLOSE, b""));
        tasks.settle();
        assert_eq!(drained.take(), Some(Ok(())));
        drop(tasks);
        bytes.extend(down.take_all());
        let frames = raw::frames(&bytes);
        let (close, pongs) = frames.split_last().expect("a close");
        assert_eq!(close.first, raw::CLOSE);
        // Those that went out at first, the one in flight, and no more: the close takes the place of the newest.
        let ids: Vec<u32> = pongs.iter().map(|pong| u32::from_be_bytes(pong.payload[..].try_into().unwrap())).collect();
        assert!(ids.len() <= room / 6 + 1 && ids.is_sorted() && ids.iter().all(|id| *id < 5), "{ids:?}");
    }
}

/// Then it reads: of all the later pings the newest is answered.
#[test]
fn a_peer_that_reads_again_gets_the_newest_pong() {
    let (mut ws, to, from) = client(patient());
    from.stall();
    let mut tasks = Tasks::new(0);
    tasks.spawn(async { ws.receiver.drain().await });
    for id in 0..1000u32 {
        to.put(&frame(raw::PING, &id.to_be_bytes()));
        tasks.settle();
    }
    from.resume();
    tasks.settle();
    let frames = raw::frames(&from.take_all());
    let ids: Vec<u32> = frames.iter().map(|pong| u32::from_be_bytes(pong.payload[..].try_into().unwrap())).collect();
    assert_eq!(ids, [0, 999], "the one in flight, and the newest");
    to.put(&frame(raw::PING, b"and on"));
    tasks.settle();
    assert_eq!(raw::frames(&from.take_all())[0].payload, b"and on");
}

/// While the sender is inside a long frame: the pong waits for its end, and is then sent by whoever has the link.
#[test]
fn a_pong_waits_for_the_frame_in_flight() {
    let (ws, up, down) = server(patient());
    let Connection { mut receiver, mut sender, .. } = ws;
    down.narrow(100);
    let mut tasks = Tasks::new(0);
    let sent = tasks.spawn(async move { sender.binary(&payload(0, 1000)).await });
    tasks.spawn(async move { receiver.drain().await });
    tasks.settle();
    for id in 0..5 {
        up.put(&masked(raw::PING, &[id]));
        tasks.settle();
    }
    let mut bytes = Vec::new();
    while down.len() > 0 {
        bytes.extend(down.take_all());
        tasks.settle();
    }
    assert_eq!(sent.take(), Some(Ok(())));
    let frames = raw::frames(&bytes);
    assert_eq!(frames[0].parts(), (raw::BINARY, &payload(0, 1000)[..]));
    assert_eq!(frames[1..].iter().map(raw::Frame::parts).collect::<Vec<_>>(), [(raw::PONG, &[4][..])]);
}

/// A sender that never pauses does not keep the pongs from going out: one goes ahead of each frame.
#[test]
fn a_busy_sender_answers_pings() {
    let (ws, up, down) = server(patient());
    let Connection { mut receiver, mut sender, .. } = ws;
    down.narrow(500);
    let mut tasks = Tasks::new(3);
    tasks.spawn(async move {
        loop {
            sender.binary(&[0; 100]).await.expect("it is sent");
        }
    });
    tasks.spawn(async move { receiver.drain().await });
    let mut bytes = Vec::new();
    for id in 0..2000u32 {
        up.put(&masked(raw::PING, &id.to_be_bytes()));
        tasks.settle();
        bytes.extend(down.take_all());
        tasks.settle();
    }
    let (frames, _) = raw::whole_frames(&bytes);
    let pongs = frames.iter().filter(|frame| frame.first == raw::PONG).count();
    assert!(pongs >= 1900, "{pongs} pongs for 2000 pings, {} frames", frames.len());
}

/// Pongs, asked for or not, are nothing to anybody.
#[test]
fn pongs_are_not_answered() {
    let (mut ws, up, down) = server(patient());
    up.put(&[masked(raw::PONG, b"unasked").repeat(100), masked(raw::TEXT, b"!")].concat());
    let before = down.written();
    run(async { assert_eq!(ws.receiver.message(&mut [0; 4]).await.unwrap().unwrap().text(), Some("!")) });
    assert_eq!(down.written(), before);
}
