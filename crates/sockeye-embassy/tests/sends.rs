//! What a send that was dropped leaves behind, awaits apart: the write buffer, the text at hand, the time it has.

mod common;

use common::exec::{Tasks, run, run_timed};
use common::raw::{self, masked};
use common::setup::{Server, client, server, sized_server};
use common::wire::Wire;
use common::{patient, payload, seconds};
use embassy_futures::poll_once;
use embassy_time::Timer;
use sockeye_embassy::proto::SendError;
use sockeye_embassy::{CloseCode, Config, Error, Kind};

/// Polls a future once, and drops it.
macro_rules! cut {
    ($future:expr) => {
        assert!(poll_once(std::pin::pin!($future)).is_pending(), "it was to wait")
    };
}

/// A server whose client takes nothing yet.
fn stalled<const TX: usize>(config: Config<'static>) -> (Server, Wire, Wire) {
    let (ws, up, down) = sized_server::<1024, TX>(config);
    down.stall();
    (ws, up, down)
}

/// "A frame that fits into the write buffer it has queued whole or not at all": at each length around its size.
#[test]
fn a_frame_that_fits_is_never_aborted() {
    for len in [0, 1, 100, 252, 253, 254, 255, 256, 300] {
        let (mut ws, _up, down) = stalled::<256>(patient());
        let fits = raw::frame(raw::BINARY, &payload(1, len)).len() <= 256;
        run(async {
            cut!(ws.sender.binary(&payload(1, len)));
            down.resume();
            let next = ws.sender.text("next").await;
            assert_eq!(next, if fits { Ok(()) } else { Err(Error::Aborted) }, "{len} bytes");
        });
        let bytes = down.take_all();
        if fits {
            let frames = raw::frames(&bytes);
            assert_eq!(frames[0].parts(), (raw::BINARY, &payload(1, len)[..]));
            assert_eq!(frames[1].parts(), (raw::TEXT, &b"next"[..]));
        } else {
            assert_eq!(raw::whole_frames(&bytes).0, []);
        }
    }
}

/// The same with a pong before it, which takes some of the buffer.
#[test]
fn a_frame_that_fits_is_never_aborted_for_a_pong() {
    for (pong, len) in [(0, 252), (1, 250), (20, 240), (100, 130), (100, 200), (125, 10), (125, 130), (125, 252)] {
        let (mut ws, up, down) = stalled::<256>(patient());
        let ping = |byte| masked(raw::PING, &vec![byte; pong]);
        run(async {
            // The pong of the first is in the buffer, and that of the second is owed.
            up.put(&[ping(7), ping(8), masked(raw::TEXT, b"!")].concat());
            ws.receiver.next().await.expect("a message");
            down.resume();
            down.narrow(2 + pong + 1);
            cut!(ws.sender.binary(&payload(1, len)));
            down.narrow(1 << 16);
            assert_eq!(ws.sender.text("next").await, Ok(()), "{len} bytes behind a pong of {pong}");
        });
        let frames = raw::frames(&down.take_all());
        assert_eq!(frames[0].parts(), (raw::PONG, &vec![7; pong][..]));
        assert_eq!(frames[1].parts(), (raw::PONG, &vec![8; pong][..]));
        assert_eq!(frames.last().map(raw::Frame::parts), Some((raw::TEXT, &b"next"[..])));
        assert!(frames[2..frames.len() - 1].iter().all(|frame| frame.payload == payload(1, len)));
    }
}

/// Inside a frame that does not fit, everything is aborted, for ever: a half that is cut there ends both.
#[test]
fn a_frame_that_was_cut_aborts_every_later_send() {
    let (mut ws, up, down) = server(patient());
    down.narrow(10);
    run(async {
        cut!(ws.sender.binary(&[0; 1000]));
        let before = down.take_all();
        for _ in 0..2 {
            assert_eq!(ws.sender.text("?").await, Err(Error::Aborted));
            assert_eq!(ws.sender.ping(b"?").await, Err(Error::Aborted));
            assert_eq!(ws.sender.close(CloseCode::NORMAL, "").await, Err(Error::Aborted));
            assert_eq!(ws.sender.flush().await, Err(Error::Aborted));
        }
        up.put(&masked(raw::PING, b"?"));
        assert_eq!(ws.receiver.drain().await, Err(Error::Aborted), "it owes a pong that cannot be sent");
        assert_eq!(ws.receiver.drain().await, Err(Error::Aborted), "for ever");
        assert_eq!(before.len() + down.take_all().len(), 10, "nothing is written into the frame");
    });
}

/// The text at hand stands where the last chunk left it that was queued, dropped or not.
#[test]
fn a_dropped_chunk_counts_if_it_was_queued() {
    let (mut ws, _up, down) = stalled::<256>(patient());
    let (start, end) = "ü".as_bytes().split_at(1);
    run(async {
        cut!(ws.sender.chunk(Kind::Text, start, false));
        // This one is queued behind it, and not before: whether it was is for the next one to see.
        cut!(ws.sender.chunk(Kind::Text, end, false));
        down.resume();
        assert_eq!(ws.sender.chunk(Kind::Text, end, true).await, Ok(()), "the first was queued, the second was not");
        assert_eq!(ws.sender.text("next").await, Ok(()));
    });
    let frames = raw::frames(&down.take_all());
    let parts: Vec<_> = frames.iter().map(raw::Frame::parts).collect();
    assert_eq!(parts, [(0x01, start), (0x80, end), (raw::TEXT, &b"next"[..])]);
}

/// A mistake is found whatever is in the buffer, and leaves that in it.
#[test]
fn a_refused_send_leaves_what_is_queued() {
    let (mut ws, up, down) = stalled::<256>(patient());
    run(async {
        cut!(ws.sender.ping(b"queued"));
        up.put(&[masked(raw::PING, b"owed"), masked(raw::TEXT, b"!")].concat());
        ws.receiver.next().await.expect("a message");
        down.resume();
        assert_eq!(ws.sender.send(Kind::Text, b"\xff").await, Err(Error::Send(SendError::InvalidUtf8)));
        assert_eq!(ws.sender.flush().await, Ok(()));
    });
    let frames = raw::frames(&down.take_all());
    let parts: Vec<_> = frames.iter().map(raw::Frame::parts).collect();
    assert_eq!(parts, [(raw::PING, &b"queued"[..]), (raw::PONG, b"owed")]);
}

/// A send that waited and was dropped a minute ago takes no time from the next one.
#[test]
fn each_wait_has_its_own_time() {
    let (mut ws, _up, down) = stalled::<256>(Config { ping_interval: None, ..Config::new() });
    run_timed(async {
        cut!(ws.sender.ping(b"1"));
        Timer::after(seconds(60)).await;
        // The peer takes something now, but slowly: a wait that is no wait for a peer that is gone.
        down.rough();
        down.resume();
        down.narrow(3);
        let send = ws.sender.text("after a minute");
        let take = async {
            let mut bytes = Vec::new();
            for _ in 0..30 {
                Timer::after(seconds(1)).await;
                bytes.extend(down.take_all());
            }
            bytes
        };
        let (sent, bytes) = embassy_futures::join::join(send, take).await;
        assert_eq!(sent, Ok(()));
        assert_eq!(raw::frames(&bytes)[1].payload, b"after a minute");
    });
}

/// Head and payload of a message go out by one write if they fit: one segment, not two.
#[test]
fn a_short_message_is_one_write() {
    let (mut ws, up, down) = server(patient());
    run(async {
        let before = down.writes();
        ws.sender.text("short").await.expect("it is sent");
        assert_eq!(down.writes() - before, 1);
        // A pong that is owed goes with it.
        up.put(&[masked(raw::PING, b"?"), masked(raw::TEXT, b"!")].concat());
        ws.receiver.next().await.expect("a message");
    });
    let (mut ws, _to, from) = client(patient());
    run(async {
        let before = from.writes();
        ws.sender.text("short").await.expect("it is sent");
        assert_eq!(from.writes() - before, 1);
    });
}

/// Nothing is written twice or left out when writes take a byte at a time.
#[test]
fn frames_go_out_whole_through_any_transport() {
    for rough in [false, true] {
        let (mut ws, _up, down) = sized_server::<256, 131>(patient());
        if rough {
            down.rough();
        } else {
            down.narrow(1);
        }
        let mut tasks = Tasks::new(0);
        let sent = tasks.spawn(async {
            for (id, len) in [0, 1, 100, 127, 128, 129, 130, 131, 132, 1000].into_iter().enumerate() {
                ws.sender.binary(&payload(id, len)).await.expect("it is sent");
                ws.sender.ping(&payload(id, len.min(125))).await.expect("it is sent");
            }
        });
        let mut bytes = Vec::new();
        while !sent.is_there() || down.len() > 0 {
            tasks.settle();
            bytes.extend(down.take_all());
        }
        let frames = raw::frames(&bytes);
        for (id, len) in [0, 1, 100, 127, 128, 129, 130, 131, 132, 1000].into_iter().enumerate() {
            assert_eq!(frames[2 * id].parts(), (raw::BINARY, &payload(id, len)[..]));
            assert_eq!(frames[2 * id + 1].parts(), (raw::PING, &payload(id, len.min(125))[..]));
        }
    }
}
