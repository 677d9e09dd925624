//! Floods of small frames: memory flat, others served, however much comes.

use std::io::Write as _;

use sockeye_tests::frame::{BINARY, BINARY_BEGINS, CLOSE, CONTINUES, PING, PONG, TEXT, closing, masked};
use sockeye_tests::{Bystander, Library, Raw, Server, eventually, short};
use sockeye_tokio::{Config, Error};

use crate::beside_a_bystander;

const MILLION: usize = 1_000_000;
const BLOCK: usize = 10_000;
/// What buffers and queues may come to; a byte kept of each frame's header would be more.
const FLAT: u64 = 6 << 20;

/// Sends a million copies of a frame, as far as they are taken.
fn million(raw: &mut Raw, frame: &[u8]) -> usize {
    let block = frame.repeat(BLOCK);
    (0..MILLION / BLOCK).take_while(|_| raw.try_send(&block)).count() * BLOCK
}

fn assert_flat(server: &Server, before: u64) {
    let grown = server.peak_memory() - before;
    assert!(grown < FLAT, "the flood took {grown} bytes");
}

#[test]
fn a_million_empty_fragments() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        for path in ["/echo", "/rooms/flood"] {
            let mut raw = Raw::open(server.address(), path);
            raw.send(&masked(BINARY_BEGINS, b""));
            assert_eq!(million(&mut raw, &masked(CONTINUES, b"")), MILLION, "{path}");
            raw.round_trip(b"it goes on");
        }
        assert_flat(server, before);
    });
}

#[test]
fn a_million_fragments_of_a_byte_to_the_echo() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::open(server.address(), "/echo");
        let mut stream = raw.stream();
        let sending = std::thread::spawn(move || {
            stream.write_all(&masked(BINARY_BEGINS, b"x")).expect("it is taken");
            let block = masked(CONTINUES, b"x").repeat(BLOCK);
            for _ in 0..MILLION / BLOCK {
                stream.write_all(&block).expect("it is taken");
            }
        });
        let mut echoed = 0;
        while echoed < MILLION + 1 {
            let frame = raw.frame().expect("an echo");
            assert!(frame.payload.iter().all(|byte| *byte == b'x'));
            echoed += frame.payload.len();
        }
        sending.join().expect("all was sent");
        assert_flat(server, before);
    });
}

#[test]
fn a_million_fragments_of_a_byte_to_a_room_end_at_the_limit() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::open(server.address(), "/rooms/flood");
        raw.send(&masked(BINARY_BEGINS, b"x"));
        // Exactly as many as the limit has room for, then one more.
        for _ in 0..7 {
            raw.send(&masked(CONTINUES, b"x").repeat(64 * 1024 / 8));
        }
        raw.send(&masked(CONTINUES, b"x").repeat(64 * 1024 / 8 - 1));
        raw.round_trip(b"at the limit");
        raw.send(&masked(CONTINUES, b"x")[..6]);
        assert_eq!(raw.close_code(), Some(1009));

        let mut raw = Raw::open(server.address(), "/rooms/flood");
        raw.send(&masked(BINARY_BEGINS, b"x"));
        let sent = million(&mut raw, &masked(CONTINUES, b"x"));
        assert!(sent < MILLION, "the server hung up");
        assert_flat(server, before);
    });
}

#[test]
fn a_million_pings_of_which_no_pong_is_read() {
    for payload in [0, 125] {
        beside_a_bystander(|server| {
            let before = server.peak_memory();
            let mut raw = Raw::dial_narrow(server.address()).opened(&sockeye_tests::Upgrade::to("/echo"));
            assert_eq!(million(&mut raw, &masked(PING, &vec![b'p'; payload])), MILLION);
            assert_flat(server, before);
            // Once they are read there are pongs, and the last ping's is among them.
            raw.round_trip(b"the last one");
        });
    }
}

#[test]
fn a_million_pings_to_a_room() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::dial_narrow(server.address()).opened(&sockeye_tests::Upgrade::to("/rooms/pings"));
        assert_eq!(million(&mut raw, &masked(PING, b"p")), MILLION);
        raw.round_trip(b"the last one");
        assert_flat(server, before);
    });
}

#[test]
fn a_million_pongs_that_nobody_asked_for() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::open(server.address(), "/echo");
        assert_eq!(million(&mut raw, &masked(PONG, &[b'p'; 8])), MILLION);
        raw.send(&masked(TEXT, b"still here"));
        assert_eq!(raw.text(), "still here", "nothing was answered before");
        assert_flat(server, before);
    });
}

#[test]
fn a_million_empty_messages_to_a_room() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::open(server.address(), "/rooms/empty");
        assert_eq!(million(&mut raw, &masked(BINARY, b"")), MILLION);
        raw.round_trip(b"done");
        assert_flat(server, before);
    });
}

#[test]
fn many_floods_at_once_leave_the_bystander_its_turn() {
    beside_a_bystander(|server| {
        let floods = [PING, PONG, CONTINUES, CONTINUES].map(|first| {
            let mut raw = Raw::open(server.address(), "/echo");
            std::thread::spawn(move || {
                raw.send(&masked(BINARY_BEGINS, b""));
                million(&mut raw, &masked(first, b""))
            })
        });
        for flood in floods {
            assert_eq!(flood.join().expect("the server takes it all"), MILLION);
        }
    });
}

/// Floods until the server hangs up.
fn until_hung_up(raw: &Raw, frame: &[u8]) -> std::thread::JoinHandle<bool> {
    let (mut stream, block) = (raw.stream(), frame.repeat(BLOCK));
    std::thread::spawn(move || eventually(|| stream.write_all(&block).is_err()))
}

#[test]
fn a_message_that_never_ends_is_let_go_however_busy_it_is() {
    // Small config-only deadline: the flood never leaves the receiver without bytes to read.
    let library = Library::echo(short());
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::open(library.address(), "/");
    raw.send(&masked(BINARY_BEGINS, b""));
    let flood = until_hung_up(&raw, &masked(CONTINUES, b""));
    assert_eq!(library.end_of(raw.address()), Err(Error::MessageTimeout));
    assert!(flood.join().expect("it ends"), "the server hangs up");
    bystander.assert_undisturbed();
}

#[test]
fn a_close_is_not_put_off_by_a_flood() {
    // The server closes; the peer sends on instead of an answer.
    let config = Config { close_timeout: short().close_timeout, ..Config::default() };
    let library = Library::serve(config, async |mut ws| {
        let said = ws.receiver.message().await?.map(|message| message.payload.to_vec());
        if said.as_deref() == Some(b"close") {
            return ws.close(sockeye_tokio::CloseCode::NORMAL, "").await;
        }
        ws.sender.text("bystander 0").await?;
        while let Some(message) = ws.receiver.message().await? {
            ws.sender.send(message.kind, message.payload).await?;
        }
        Ok(())
    });
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::open(library.address(), "/");
    raw.send(&masked(TEXT, b"close"));
    let flood = until_hung_up(&raw, &masked(TEXT, b"more"));
    assert_eq!(raw.close_frame_code(), Some(1000));
    assert_eq!(library.end_of(raw.address()), Err(Error::CloseTimeout));
    assert!(flood.join().expect("it ends"), "the server hangs up");
    bystander.assert_undisturbed();
}

#[test]
fn a_close_behind_a_flood_is_answered() {
    beside_a_bystander(|server| {
        let mut raw = Raw::open(server.address(), "/echo");
        million(&mut raw, &masked(PONG, b""));
        raw.send(&masked(CLOSE, &closing(1000, b"")));
        assert_eq!(raw.close_code(), Some(1000));
    });
}
