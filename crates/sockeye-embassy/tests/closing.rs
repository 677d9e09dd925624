//! How connections are closed: by either side, by both at once, and what may follow.

mod common;

use common::exec::{Tasks, run};
use common::patient;
use common::raw::{self, closing, frame, masked};
use common::setup::{client, server, sized_server};
use common::wire::Wire;
use embassy_futures::poll_once;
use sockeye_embassy::proto::SendError;
use sockeye_embassy::{CloseCode, Connection, Error, Kind};

fn code(number: u16) -> CloseCode {
    CloseCode::new(number).expect("a code")
}

/// The one close frame on the wire.
fn told(wire: &Wire) -> Vec<u8> {
    let frames = raw::frames(&wire.take_all());
    assert_eq!(frames.iter().map(|frame| frame.first).collect::<Vec<_>>(), [raw::CLOSE]);
    frames[0].payload.clone()
}

#[test]
fn a_close_is_answered_with_its_code_and_reason() {
    let long = "ü".repeat(61) + "!";
    for payload in [vec![], closing(1000, ""), closing(4321, "that was it: ü"), closing(1001, &long)] {
        let (mut ws, up, down) = server(patient());
        run(async {
            up.put(&[masked(raw::TEXT, b"last"), masked(raw::CLOSE, &payload)].concat());
            let mut buffer = [0; 8];
            assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some("last"));
            for _ in 0..2 {
                assert_eq!(ws.receiver.message(&mut buffer).await, Ok(None), "for ever");
                assert!(ws.receiver.next().await.unwrap().is_none(), "for ever");
                assert_eq!(ws.receiver.drain().await, Ok(()), "for ever");
            }
            let close = ws.receiver.close().expect("it came");
            let said = close.code().map_or(vec![], |code| closing(code.get(), close.reason()));
            assert_eq!(said, payload);
            assert_eq!(told(&down), payload);
            for sent in [ws.sender.text("more").await, ws.sender.ping(b"").await, ws.sender.close(code(1000), "").await]
            {
                assert_eq!(sent, Err(Error::Send(SendError::Closed)));
            }
            assert_eq!(ws.sender.flush().await, Ok(()));
        });
        assert_eq!(down.len(), 0, "nothing follows a close");
    }
}

#[test]
fn a_client_answers_a_close_by_a_masked_one() {
    let (mut ws, to, from) = client(patient());
    to.put(&frame(raw::CLOSE, &closing(1012, "restart")));
    run(async { assert_eq!(ws.receiver.drain().await, Ok(())) });
    let frames = raw::frames(&from.take_all());
    assert_eq!(frames[0].close(), Some((1012, "restart")));
    assert!(frames[0].key.is_some() && frames.len() == 1);
}

/// What follows the peer's close is discarded, in the same segment or later, be it data, pings or no frames at all.
#[test]
fn what_follows_a_close_is_discarded() {
    for more in
        [masked(raw::TEXT, b"data"), masked(raw::PING, b"?"), masked(raw::CLOSE, b""), b"GET / HTTP/1.1".to_vec()]
    {
        for later in [false, true] {
            let (mut ws, up, down) = server(patient());
            up.put(&masked(raw::CLOSE, b""));
            if !later {
                up.put(&more);
            }
            run(async {
                assert!(ws.receiver.next().await.unwrap().is_none());
                if later {
                    up.put(&more);
                }
                assert!(ws.receiver.next().await.unwrap().is_none());
            });
            assert_eq!(told(&down), b"");
        }
    }
}

/// Between our close and the peer's, messages still come, and pings are not answered any more.
#[test]
fn our_close_waits_for_the_peers() {
    let (mut ws, up, down) = server(patient());
    let mut tasks = Tasks::new(0);
    let closed = tasks.spawn(async {
        ws.sender.close(code(4000), "bye").await.expect("it is sent");
        let mut buffer = [0; 16];
        assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some("still"));
        assert_eq!(ws.sender.text("too late").await, Err(Error::Send(SendError::Closed)));
        ws.receiver.drain().await
    });
    tasks.settle();
    assert_eq!(told(&down), closing(4000, "bye"));
    up.put(&[masked(raw::TEXT, b"still"), masked(raw::PING, b"?"), masked(raw::TEXT, b"talking")].concat());
    tasks.settle();
    assert!(!closed.is_there());
    up.put(&masked(raw::CLOSE, &closing(4000, "bye")));
    tasks.settle();
    assert_eq!(closed.take(), Some(Ok(())));
    drop(tasks);
    assert_eq!(down.len(), 0, "one close, and no pong behind it");
}

#[test]
fn the_whole_closing_handshake() {
    let (mut ws, up, down) = server(patient());
    up.put(&[masked(raw::TEXT, b"unread"), masked(raw::CLOSE, &closing(4001, "mine"))].concat());
    // Both sides closed at once: two closes cross, and neither is answered.
    run(async { assert_eq!(ws.close(code(4002), "ours").await, Ok(())) });
    assert_eq!(told(&down), closing(4002, "ours"));
    let close = ws.receiver.close().expect("it came");
    assert_eq!((close.code(), close.reason()), (Some(code(4001)), "mine"));
}

/// Who closes after a clean end has nothing more to do, and is told so; after a failure, what it was.
#[test]
fn a_close_after_the_end_says_how_it_ended() {
    let (mut ws, up, down) = server(patient());
    up.put(&masked(raw::CLOSE, b""));
    run(async {
        assert!(ws.receiver.next().await.unwrap().is_none());
        assert_eq!(ws.close(code(1000), "").await, Ok(()));
        assert_eq!(ws.close(code(1000), "").await, Ok(()));
    });
    assert_eq!(told(&down), b"");

    let (mut ws, up, down) = server(patient());
    up.end();
    run(async {
        assert_eq!(ws.receiver.drain().await, Err(Error::Lost));
        assert_eq!(ws.close(code(1000), "").await, Err(Error::Lost));
    });
    assert_eq!(down.len(), 0);
}

#[test]
fn a_close_inside_a_message_of_fragments_ends_it() {
    let (mut ws, up, down) = server(patient());
    run(async {
        ws.sender.chunk(Kind::Text, b"begun", false).await.expect("it is sent");
        up.put(&[masked(0x01, b"begun"), masked(raw::CLOSE, &closing(1001, ""))].concat());
        assert_eq!(ws.receiver.message(&mut [0; 8]).await, Ok(None), "what is not whole is no message");
        assert_eq!(ws.sender.chunk(Kind::Text, b"", true).await, Err(Error::Send(SendError::Closed)));
    });
    let frames = raw::frames(&down.take_all());
    assert_eq!(frames[0].parts(), (0x01, &b"begun"[..]));
    assert_eq!(frames[1].close(), Some((1001, "")));
}

/// The peer's close comes while the sender is inside a frame: the answer waits for the frame's end.
#[test]
fn an_answer_waits_for_the_frame_in_flight() {
    let (ws, up, down) = sized_server::<256, 131>(patient());
    let Connection { mut receiver, mut sender, .. } = ws;
    down.narrow(50);
    let mut tasks = Tasks::new(0);
    let sent = tasks.spawn(async move {
        let long = sender.binary(&[7; 1000]).await;
        (long, sender.binary(b"more").await)
    });
    tasks.settle();
    let drained = tasks.spawn(async move { receiver.drain().await });
    up.put(&masked(raw::CLOSE, &closing(1000, "enough")));
    tasks.settle();
    assert!(!drained.is_there());
    let mut bytes = Vec::new();
    while down.len() > 0 {
        bytes.extend(down.take(50));
        tasks.settle();
    }
    assert_eq!(sent.take(), Some((Ok(()), Err(Error::Send(SendError::Closed)))));
    assert_eq!(drained.take(), Some(Ok(())));
    drop(tasks);
    let frames = raw::frames(&bytes);
    assert_eq!(frames[0].parts(), (raw::BINARY, &[7; 1000][..]));
    assert_eq!(frames[1].close(), Some((1000, "enough")));
    assert_eq!(frames.len(), 2);
}

/// A close is owed in the place of a pong, and no pong follows it.
#[test]
fn a_close_takes_the_place_of_a_pong() {
    let (mut ws, up, down) = server(patient());
    down.stall();
    up.put(&[masked(raw::PING, b"1"), masked(raw::PING, b"2"), masked(raw::CLOSE, b"")].concat());
    let mut tasks = Tasks::new(0);
    let drained = tasks.spawn(async { ws.receiver.drain().await });
    tasks.settle();
    down.resume();
    tasks.settle();
    assert_eq!(drained.take(), Some(Ok(())));
    drop(tasks);
    let frames = raw::frames(&down.take_all());
    let last = frames.last().expect("a close");
    assert_eq!(last.first, raw::CLOSE);
    assert!(frames.len() <= 2, "one pong may have been begun: {frames:?}");
}

/// The same while the sender writes the answer already, and the receiver is asked anew: who is told that all is over
/// closes the transport, so it must be out by then.
#[test]
fn the_end_is_told_when_the_answer_is_out() {
    let (ws, up, down) = sized_server::<256, 256>(patient());
    let Connection { mut receiver, mut sender, .. } = ws;
    let frame_len = raw::frame(raw::BINARY, &[7; 300]).len();
    let answer_len = 2 + 2 + 100;
    down.narrow(frame_len + 10);
    run(async {
        let mut sending = std::pin::pin!(sender.binary(&[7; 300]));
        up.put(&masked(raw::CLOSE, &closing(1000, &"x".repeat(100))));
        // The receiver owes the answer, and then the sender, which began first, has it in its hands.
        down.stall();
        assert!(poll_once(sending.as_mut()).is_pending());
        assert!(poll_once(std::pin::pin!(receiver.next())).is_pending());
        down.resume();
        assert!(poll_once(sending.as_mut()).is_pending());
        assert_eq!(down.len(), frame_len + 10, "the answer is begun");
        for _ in 0..3 {
            assert!(poll_once(std::pin::pin!(receiver.next())).is_pending(), "the answer is not out");
        }
        down.narrow(1000);
        // It ended its own frame, and what came after that; or the receiver does it.
        assert_eq!(sending.await, Ok(()));
        assert!(receiver.next().await.expect("a clean end").is_none());
    });
    assert_eq!(down.len(), frame_len + answer_len);
}
