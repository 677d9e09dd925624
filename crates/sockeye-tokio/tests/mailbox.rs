//! What others post to a connection: whole, in order, bounded, and gone with it.

mod common;

use common::raw::{self, Raw};
use common::wire::{End, Wire, pipe};
use common::{patient, run, settle};
use sockeye_tokio::proto::SendError;
use sockeye_tokio::{CloseCode, Connection, Error, Kind, Prepared, accept};

async fn served() -> (Raw<End>, Connection<End>, Wire) {
    let (client, server, _up, down) = pipe(0, 64 * 1024);
    let (raw, server) = tokio::join!(Raw::client(client), accept(server, patient()));
    (raw, server.expect("it accepts"), down)
}

#[test]
fn posts_and_sends_go_out_in_their_order_and_a_burst_by_one_write() {
    run(async {
        let (mut raw, mut ws, down) = served().await;
        let mailbox = ws.sender.mailbox(1 << 20);
        let before = down.writes();
        for id in 0..100 {
            mailbox.post(&Prepared::text(&id.to_string())).unwrap();
        }
        assert_eq!(down.writes(), before, "the task that posts goes on first");
        settle().await;
        assert_eq!(down.writes() - before, 1);
        ws.sender.text("100").await.unwrap();
        mailbox.clone().post(&Prepared::text("101")).unwrap();
        for id in 0..=101 {
            assert_eq!(raw.frame().await.unwrap().payload, id.to_string().as_bytes());
        }
    });
}

/// Nobody waits for the application, also for a large message and for one that nobody reads for.
#[test]
fn what_is_posted_goes_out_though_the_connection_does_nothing() {
    run(async {
        let (mut raw, ws, _down) = served().await;
        let mailbox = ws.sender.mailbox(1 << 20);
        let large = vec![7; 40_000];
        mailbox.post(&Prepared::binary(&large)).unwrap();
        mailbox.post(&Prepared::binary(b"small")).unwrap();
        assert_eq!(raw.frame().await.unwrap().payload, large);
        assert_eq!(raw.frame().await.unwrap().payload, b"small");
        drop(ws);
    });
}

#[test]
fn a_peer_that_is_behind_gets_no_more_and_its_connection_goes_on() {
    run(async {
        let (mut raw, mut ws, down) = served().await;
        let mailbox = ws.sender.mailbox(10_000);
        down.stall();
        let message = Prepared::binary(&[7; 1000]);
        let mut posted = 0;
        while mailbox.post(&message).is_ok() {
            posted += 1;
            settle().await;
        }
        // The last one may begin below the limit and end above it.
        assert_eq!(posted, 10);
        assert_eq!(mailbox.post(&message), Err(Error::SlowPeer));
        down.resume();
        for _ in 0..posted {
            assert_eq!(raw.frame().await.unwrap().payload, [7; 1000]);
        }
        mailbox.post(&message).unwrap();
        ws.sender.text("it goes on").await.unwrap();
        assert_eq!(raw.frame().await.unwrap().payload, [7; 1000]);
        assert_eq!(raw.frame().await.unwrap().payload, b"it goes on");
    });
}

/// A post between the chunks of a message would end it, or break into it.
#[test]
fn nothing_is_posted_into_a_message_of_chunks() {
    run(async {
        let (mut raw, mut ws, _down) = served().await;
        let mailbox = ws.sender.mailbox(1 << 20);
        ws.sender.chunk(Kind::Text, b"be", false).await.unwrap();
        for prepared in [Prepared::text("!"), Prepared::binary(b"!")] {
            assert_eq!(mailbox.post(&prepared), Err(Error::Send(SendError::KindChanged)));
        }
        ws.sender.chunk(Kind::Text, b"gun", true).await.unwrap();
        mailbox.post(&Prepared::text("after it")).unwrap();
        for (first, payload) in [(0x01, "be"), (0x80, "gun"), (raw::TEXT, "after it")] {
            assert_eq!(raw.frame().await.unwrap(), raw::Frame { first, payload: payload.into() });
        }
    });
}

/// It does not keep a connection open that nobody else has.
#[test]
fn a_mailbox_ends_with_its_connection() {
    run(async {
        let (mut raw, ws, down) = served().await;
        let mailbox = ws.sender.mailbox(1 << 20);
        mailbox.post(&Prepared::text("last words")).unwrap();
        assert!(!mailbox.is_closed());
        drop(ws);
        assert_eq!(raw.frame().await.unwrap().payload, b"last words");
        assert_eq!(raw.frame().await, None);
        assert!(down.is_ended());
        assert!(mailbox.is_closed());
        assert_eq!(mailbox.post(&Prepared::text("?")), Err(Error::Lost));
    });
}

#[test]
fn nothing_is_posted_behind_a_close() {
    run(async {
        let (mut raw, mut ws, _down) = served().await;
        let mailbox = ws.sender.mailbox(1 << 20);
        mailbox.post(&Prepared::text("before it")).unwrap();
        ws.sender.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(mailbox.post(&Prepared::text("?")), Err(Error::Send(SendError::Closed)));
        assert_eq!(raw.frame().await.unwrap().payload, b"before it");
        assert_eq!(raw.frame().await.unwrap().close(), Some((1000, "")));
    });
}
