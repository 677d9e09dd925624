//! Peers that stop reading: what waits for them is bounded, and then the policy fires.

use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, CONTINUES, PING, TEXT, masked};
use sockeye_tests::{Bystander, Hostile, Library, Raw, Upgrade, beside_a_bystander as client_test, short};
use sockeye_tokio::{Budget, Config, Error, connect};

use crate::beside_a_bystander;

/// What the kernel holds of a connection at most, both buffers, by far.
const KERNEL: usize = 64 << 20;
const FLAT: u64 = 6 << 20;

#[test]
fn an_echo_reads_no_more_than_is_taken_of_it() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        for frame in [masked(BINARY, &[0; 60_000]), masked(TEXT, b"x").repeat(10_000)] {
            let mut raw = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/echo"));
            let sent = raw.flood(&frame, 4 * KERNEL / frame.len());
            assert!(sent < 2 * KERNEL, "the server reads on though nothing is taken of its echo");
            let grown = server.peak_memory() - before;
            assert!(grown < FLAT, "{sent} bytes to a peer that does not read took {grown}");
        }
    });
}

#[test]
fn an_echo_of_one_message_without_an_end() {
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/echo"));
        raw.send(&masked(BINARY_BEGINS, b""));
        let sent = raw.flood(&masked(CONTINUES, &[0; 60_000]), 4 * KERNEL / 60_000);
        assert!(sent < 2 * KERNEL, "the server reads on though nothing is taken of its echo");
        let grown = server.peak_memory() - before;
        assert!(grown < FLAT, "{sent} bytes to a peer that does not read took {grown}");
    });
}

#[test]
fn a_peer_that_reads_late_gets_all_of_its_echo() {
    beside_a_bystander(|server| {
        let mut raw = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/echo"));
        // More than the queue and the kernel's buffers take, if they are of the usual size.
        let (mut stream, messages) = (raw.stream(), 400);
        let sending = std::thread::spawn(move || {
            use std::io::Write as _;
            (0..messages).for_each(|_| stream.write_all(&masked(BINARY, &[5; 60_000])).expect("it is taken at last"));
        });
        let mut left = messages * 60_000;
        while left > 0 {
            let frame = raw.frame().expect("an echo");
            assert!(frame.payload.iter().all(|byte| *byte == 5));
            left -= frame.payload.len();
        }
        sending.join().expect("all was sent");
    });
}

#[test]
fn a_member_that_stops_reading_is_let_go_and_others_get_all() {
    const MESSAGES: usize = 600;
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut slow = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/rooms/slow"));
        let mut other = Raw::open(server.address(), "/rooms/slow");
        let mut speaker = Raw::open(server.address(), "/rooms/slow");
        let mut message = vec![7; 60_000];
        for number in 0..MESSAGES {
            message[..8].copy_from_slice(&(number as u64).to_be_bytes());
            speaker.send(&masked(BINARY, &message));
            let got = other.frame().expect("the message");
            assert_eq!(got.payload, message, "message {number}");
        }
        let grown = server.peak_memory() - before;
        assert!(grown < 12 << 20, "36 MB to a member that does not read took {grown} bytes");
        // Once it reads it gets what waited, then why there is no more.
        let mut got = 0;
        let code = loop {
            let frame = slow.frame().expect("the rest, not the end");
            if let Some(code) = frame.close_code() {
                break code;
            }
            assert_eq!(frame.payload[..8], (got as u64).to_be_bytes(), "in order, without a gap");
            got += 1;
        };
        assert_eq!(code, 1013);
        assert!(got < MESSAGES, "it was let go before the end");
    });
}

#[test]
fn small_messages_to_a_member_that_does_not_read_are_bounded_too() {
    // What waits is counted in memory, not in payload: an empty message is not for free.
    for payload in [0, 1] {
        beside_a_bystander(|server| {
            let slow = Raw::dial_narrow(server.address()).opened(&Upgrade::to("/rooms/small"));
            let mut speaker = Raw::open(server.address(), "/rooms/small");
            let before = server.peak_memory();
            let block = masked(BINARY, &vec![b'x'; payload]).repeat(10_000);
            for _ in 0..100 {
                speaker.send(&block);
            }
            speaker.round_trip(b"all of them");
            let grown = server.peak_memory() - before;
            assert!(grown < 24 << 20, "a million messages of {payload} bytes took {grown} bytes of memory");
            drop(slow);
        });
    }
}

#[test]
fn a_zero_window_peer_of_a_server_that_only_writes() {
    let budget = Budget::new(1 << 20, 64 << 20);
    let config = Config { budget: budget.clone(), ..short() };
    let library = Library::serve(config, async |mut ws| {
        let Some(message) = ws.receiver.message().await? else { return Ok(()) };
        if message.payload != b"write" {
            ws.sender.text("bystander 0").await?;
            while let Some(message) = ws.receiver.message().await? {
                ws.sender.send(message.kind, message.payload).await?;
            }
            return Ok(());
        }
        loop {
            ws.sender.binary(&[0; 10_000]).await?;
        }
    });
    let bystander = Bystander::on(library.address());
    let mut raw = Raw::dial_narrow(library.address()).opened(&Upgrade::to("/"));
    raw.send(&masked(TEXT, b"write"));
    assert_eq!(library.end_of(raw.address()), Err(Error::SlowPeer));
    assert!(budget.outbox_bytes() < 256 << 10, "{} bytes wait", budget.outbox_bytes());
    bystander.assert_undisturbed();
}

#[test]
fn a_peer_that_takes_a_byte_now_and_then_is_slow_too() {
    let library = Library::serve(short(), async |mut ws| {
        let Some(_) = ws.receiver.message().await? else { return Ok(()) };
        loop {
            ws.sender.binary(&[0; 10_000]).await?;
        }
    });
    let mut raw = Raw::dial_narrow(library.address()).opened(&Upgrade::to("/"));
    raw.send(&masked(TEXT, b"write"));
    let mut stream = raw.stream();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let sipping = std::thread::spawn(move || {
        use std::io::Read as _;
        let pace = std::time::Duration::from_millis(20);
        while stopped.recv_timeout(pace).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = stream.read(&mut [0; 16]);
        }
    });
    assert_eq!(library.end_of(raw.address()), Err(Error::SlowPeer));
    drop(stop);
    sipping.join().expect("it ends");
}

#[test]
fn a_server_that_does_not_read_fails_a_client_that_only_writes() {
    client_test(async {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let hostile = Hostile::after_handshake(move |_| wait.recv().is_err());
        let mut ws = connect(&hostile.url(), short()).await.expect("it accepts");
        let error = loop {
            if let Err(error) = ws.sender.binary(&[0; 60_000]).await {
                break error;
            }
        };
        assert_eq!(error, Error::SlowPeer);
        drop(done);
        assert!(hostile.join());
    });
}

#[test]
fn a_server_that_pings_and_does_not_read_gets_one_pong_at_most_queued() {
    client_test(async {
        let budget = Budget::new(1 << 20, 64 << 20);
        let config = Config { budget: budget.clone(), ..Config::default() };
        let hostile = Hostile::after_handshake(|raw| {
            let block = frame::unmasked(PING, &[b'p'; 125]).repeat(1000);
            (0..1000).all(|_| raw.try_send(&block))
        });
        let mut ws = connect(&hostile.url(), config).await.expect("it accepts");
        let error = ws.receiver.message().await.expect_err("the server is gone at the end");
        assert!(matches!(error, Error::Lost | Error::Io(_)), "{error}");
        assert!(hostile.join(), "a client reads on though none of its pongs is taken");
        assert!(budget.outbox_bytes() < 256 << 10, "{} bytes wait", budget.outbox_bytes());
    });
}
