//! What a frame claims: no allocation from it, no arithmetic that wraps, and 1009 before any payload.

use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, CLOSE, CONTINUES, ENDS, MASK, PING, TEXT};
use sockeye_tests::rows::{CLAIMS, LONG_FORMS};
use sockeye_tests::{Hostile, Raw, Server, beside_a_bystander as client_test};
use sockeye_tokio::proto::{Limits, ProtocolError};
use sockeye_tokio::{Budget, Config, Error, connect};

use crate::beside_a_bystander;

const ROOM_LIMIT: u64 = 64 * 1024;
/// Above what any allocation for a claim would fit in.
const FLAT: u64 = 6 << 20;
/// Neither memory that was written to, nor memory that was only asked for.
fn assert_nothing_allocated(server: &Server, (memory, address_space): (u64, u64)) {
    let grown = server.peak_memory() - memory;
    assert!(grown < FLAT, "{grown} bytes were allocated for claims");
    let grown = server.peak_address_space() - address_space;
    assert!(grown < CLAIMS[0] / 2, "{grown} bytes were asked for because of claims");
}

#[test]
fn a_room_refuses_a_claimed_length_before_any_payload() {
    beside_a_bystander(|server| {
        let before = (server.peak_memory(), server.peak_address_space());
        for len in CLAIMS.into_iter().chain([ROOM_LIMIT + 1]) {
            for first in [TEXT, BINARY, BINARY_BEGINS] {
                let mut raw = Raw::open(server.address(), "/rooms/lengths");
                raw.send(&frame::head_of(first, len, 8, Some(MASK)));
                let code = if len >> 63 == 1 { 1002 } else { 1009 };
                assert_eq!(raw.close_code(), Some(code), "{len:#x}");
            }
            let mut raw = Raw::open(server.address(), "/rooms/lengths");
            raw.send(&frame::head_of(BINARY, len, 8, None));
            assert_eq!(raw.close_code(), Some(1002), "{len:#x} without a mask");
        }
        assert_nothing_allocated(server, before);
    });
}

#[test]
fn an_echo_of_a_claimed_length_keeps_memory_flat() {
    beside_a_bystander(|server| {
        let before = (server.peak_memory(), server.peak_address_space());
        let mut open = Vec::new();
        for len in CLAIMS {
            let mut raw = Raw::open(server.address(), "/echo");
            raw.send(&frame::head_of(BINARY, len, 8, Some(MASK)));
            if len >> 63 == 1 {
                assert_eq!(raw.close_code(), Some(1002), "{len:#x}");
                continue;
            }
            // What comes of it is echoed; the rest is waited for.
            raw.send(&[0; 1000]);
            let mut echoed = 0;
            while echoed < 1000 {
                let frame = raw.frame().expect("an echo");
                assert_eq!(frame.first & 0x8f, if echoed == 0 { BINARY_BEGINS } else { CONTINUES }, "{len:#x}");
                echoed += frame.payload.len();
            }
            open.push(raw);

            let mut raw = Raw::open(server.address(), "/echo");
            raw.send(&frame::head_of(BINARY, len, 8, None));
            assert_eq!(raw.close_code(), Some(1002), "{len:#x} without a mask");
        }
        assert_nothing_allocated(server, before);
    });
}

#[test]
fn a_long_message_passes_the_echo_with_memory_flat() {
    const LEN: usize = 64 << 20;
    beside_a_bystander(|server| {
        let before = server.peak_memory();
        let mut raw = Raw::open(server.address(), "/echo");
        let mut stream = raw.stream();
        let sending = std::thread::spawn(move || {
            use std::io::Write as _;
            stream.write_all(&frame::head(BINARY, LEN as u64, Some([0; 4]))).expect("it is taken");
            for _ in 0..LEN / (64 << 10) {
                stream.write_all(&[7; 64 << 10]).expect("it is taken");
            }
        });
        let mut echoed = 0;
        loop {
            let frame = raw.frame().expect("an echo");
            assert!(frame.payload.iter().all(|byte| *byte == 7));
            echoed += frame.payload.len();
            if frame.first & ENDS != 0 {
                break;
            }
        }
        assert_eq!(echoed, LEN);
        sending.join().expect("all was sent");
        let grown = server.peak_memory() - before;
        assert!(grown < FLAT, "{grown} bytes for a message that only passes");
    });
}

#[test]
fn the_limit_of_a_room_is_exact() {
    beside_a_bystander(|server| {
        let mut other = Raw::open(server.address(), "/rooms/exact");
        for len in [ROOM_LIMIT - 1, ROOM_LIMIT] {
            let mut raw = Raw::open(server.address(), "/rooms/exact");
            raw.send(&frame::masked(BINARY, &vec![1; len as usize]));
            raw.round_trip(b"taken");
            assert_eq!(other.frame().expect("the message").payload.len() as u64, len);
            // In pieces, too.
            raw.send(&frame::masked(BINARY_BEGINS, &vec![2; len as usize - 1]));
            raw.send(&frame::masked(ENDS, &[2]));
            assert_eq!(other.frame().expect("the message").payload.len() as u64, len);
        }
        let mut raw = Raw::open(server.address(), "/rooms/exact");
        raw.send(&frame::masked(BINARY_BEGINS, &vec![3; ROOM_LIMIT as usize]));
        raw.send(&frame::masked(CONTINUES, &[]));
        // One byte too much: refused when it is announced.
        raw.send(&frame::head(ENDS, 1, Some(MASK)));
        assert_eq!(raw.close_code(), Some(1009));
        other.send(&frame::masked(PING, b""));
        assert_eq!(other.frame().expect("a pong").first, frame::PONG, "nothing of what was refused");
    });
}

#[test]
fn lengths_have_their_shortest_form() {
    beside_a_bystander(|server| {
        for (len, length_bytes) in LONG_FORMS {
            let mut raw = Raw::open(server.address(), "/echo");
            raw.send(&frame::head_of(BINARY, len, length_bytes, Some(MASK)));
            assert_eq!(raw.close_code(), Some(1002), "{len} in {length_bytes} bytes");
        }
        // What the server writes has it too: 65535 is no 64-bit length.
        let mut other = Raw::open(server.address(), "/rooms/forms");
        let mut raw = Raw::open(server.address(), "/rooms/forms");
        for (len, length_bytes) in [(0, 0), (125, 0), (126, 2), (127, 2), (65534, 2), (65535, 2), (65536, 8)] {
            raw.send(&frame::masked(BINARY, &vec![0; len]));
            let frame = other.frame().expect("the message");
            assert_eq!((frame.payload.len(), frame.length_bytes), (len, length_bytes));
        }
    });
}

#[test]
fn a_client_writes_lengths_in_their_shortest_form() {
    const LENS: [(usize, usize); 6] = [(0, 0), (125, 0), (126, 2), (65535, 2), (65536, 8), (100_000, 8)];
    client_test(async {
        let hostile = Hostile::after_handshake(|raw| {
            for (len, length_bytes) in LENS {
                let frame = raw.frame().expect("a message");
                assert_eq!((frame.payload.len(), frame.length_bytes), (len, length_bytes));
            }
        });
        let mut ws = connect(&hostile.url(), Config::default()).await.expect("it accepts");
        for (len, _) in LENS {
            ws.sender.binary(&vec![0; len]).await.expect("it is taken");
        }
        ws.sender.flush().await.expect("it is taken");
        hostile.join();
    });
}

#[test]
fn a_client_allocates_nothing_for_what_a_server_claims() {
    client_test(async {
        let budget = Budget::new(1 << 20, 1 << 20);
        for len in CLAIMS {
            for mask in [None, Some(MASK)] {
                let hostile = Hostile::after_handshake(move |raw| {
                    raw.send(&frame::head_of(BINARY, len, 8, mask));
                    raw.close_frame_code()
                });
                let config = Config { budget: budget.clone(), ..Config::default() };
                let mut ws = connect(&hostile.url(), config).await.expect("it accepts");
                let error = ws.receiver.message().await.expect_err("it breaks a rule");
                assert_eq!(budget.partial_bytes(), 0, "{len:#x}");
                let code = match error {
                    Error::Protocol(ProtocolError::Masked) if mask.is_some() => 1002,
                    Error::Protocol(ProtocolError::LengthTopBit) if len >> 63 == 1 => 1002,
                    Error::Protocol(ProtocolError::FrameTooBig(told) | ProtocolError::MessageTooBig(told))
                        if mask.is_none() && told == len =>
                    {
                        1009
                    }
                    error => panic!("{len:#x}, mask {mask:?}: {error}"),
                };
                drop(ws);
                assert_eq!(hostile.join(), Some(code), "{len:#x}");
            }
        }
    });
}

#[test]
fn a_client_without_a_limit_allocates_only_for_what_comes() {
    client_test(async {
        let config = Config { limits: Limits::NONE, ..Config::default() };
        let budget = Budget::new(64 << 20, 1 << 20);
        let config = Config { budget: budget.clone(), ..config };
        let hostile = Hostile::after_handshake(|raw| {
            raw.send(&frame::head_of(BINARY, (1 << 63) - 1, 8, None));
            raw.send(&[0; 100_000]);
            raw.send(&frame::unmasked(CLOSE, b""));
        });
        let mut ws = connect(&hostile.url(), config).await.expect("it accepts");
        // The close is payload of the frame, and then the server is gone.
        assert_eq!(ws.receiver.message().await, Err(Error::Lost));
        hostile.join();
        assert!(budget.partial_bytes() < 64 << 20);
    });
}
