//! Connections that are dropped in every state: every place comes back, without a deadline that is waited for.

use std::time::Instant;

use sockeye_tests::device::{beside_an_echo, close, dial, open, short};
use sockeye_tests::frame::{BINARY_BEGINS, CLOSE, ENDS, PING, TEXT, closing, masked};
use sockeye_tests::{Raw, Upgrade};

use crate::ECHO;

/// A conversation from its first byte to its last.
fn conversation() -> Vec<u8> {
    [
        Upgrade::to("/").bytes(),
        masked(TEXT, b"hello"),
        masked(PING, b"ping"),
        masked(BINARY_BEGINS, b"be"),
        masked(PING, b""),
        masked(ENDS, b"gin"),
        masked(CLOSE, &closing(1000, b"bye")),
    ]
    .concat()
}

/// Ends a connection at every byte of a conversation, and looks every now and then that there is a place.
fn end_at_every_byte(end: fn(Raw)) {
    beside_an_echo(ECHO, |device| {
        let conversation = conversation();
        for cut in 0..=conversation.len() {
            let mut raw = dial(device.address());
            // There may be no place yet.
            raw.try_send(&conversation[..cut]);
            end(raw);
            if cut % 10 == 0 {
                let begun = Instant::now();
                close(open(device.address(), "/"));
                assert!(begun.elapsed() < short::HANDSHAKE, "cut at {cut}: it took {:?}", begun.elapsed());
            }
        }
    });
}

#[test]
fn a_reset_at_every_byte() {
    end_at_every_byte(Raw::reset);
}

#[test]
fn an_end_at_every_byte() {
    end_at_every_byte(drop);
}

#[test]
fn an_end_of_one_side_at_every_byte() {
    end_at_every_byte(|mut raw| {
        raw.shut();
        raw.rest();
    });
}

#[test]
fn a_reset_after_each_byte_of_a_frame_behind_an_answer() {
    beside_an_echo(ECHO, |device| {
        for frame in [masked(TEXT, b"hello"), masked(PING, b"hello"), masked(CLOSE, &closing(1000, b"bye"))] {
            for cut in 0..=frame.len() {
                let mut raw = open(device.address(), "/");
                raw.send(&frame[..cut]);
                raw.reset();
            }
        }
    });
}
