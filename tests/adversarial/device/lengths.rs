//! What a frame claims, to a processor of 32 bits: no arithmetic that wraps or cuts, and no memory for it.

use sockeye_tests::Raw;
use sockeye_tests::device::{beside_an_echo, close, message, next, open};
use sockeye_tests::frame::{self, BINARY, BINARY_BEGINS, CONTINUES, ENDS, MASK, PING, TEXT, masked};
use sockeye_tests::rows::{CLAIMS, LONG_FORMS};

use crate::{ECHO, PATIENT};

#[test]
fn a_length_with_its_top_bit_set_or_without_a_mask_is_refused() {
    beside_an_echo(ECHO, |device| {
        for len in CLAIMS {
            for first in [TEXT, BINARY, BINARY_BEGINS] {
                let mut raw = open(device.address(), "/");
                raw.send(&frame::head_of(first, len, 8, None));
                assert_eq!(raw.close_code(), Some(1002), "{len:#x} without a mask");
                if len >> 63 == 1 {
                    let mut raw = open(device.address(), "/");
                    raw.send(&frame::head_of(first, len, 8, Some(MASK)));
                    assert_eq!(raw.close_code(), Some(1002), "{len:#x}");
                }
            }
            let mut raw = open(device.address(), "/");
            raw.send(&frame::head_of(PING, len, 8, Some(MASK)));
            assert_eq!(raw.close_code(), Some(1002), "a ping of {len:#x}");
        }
    });
}

#[test]
fn a_long_frame_is_as_long_as_it_says() {
    // Cut to 32 bits some of these would end at once or soon: then what follows would be frames.
    beside_an_echo(PATIENT, |device| {
        let payload = [masked(PING, b"ping"), masked(TEXT, b"text"), vec![0x88; 300]].concat();
        for len in CLAIMS.into_iter().filter(|len| len >> 63 == 0) {
            let mut raw = open(device.address(), "/");
            raw.send(&frame::head_of(BINARY, len, 8, Some([0; 4])));
            raw.send(&payload);
            assert_goes_on(&mut raw, BINARY_BEGINS, &payload, len);
            raw.send(&payload);
            assert_goes_on(&mut raw, CONTINUES, &payload, len);
            raw.reset();

            // The same of a later fragment.
            let mut raw = open(device.address(), "/");
            raw.send(&masked(BINARY_BEGINS, &payload));
            assert_goes_on(&mut raw, BINARY_BEGINS, &payload, len);
            raw.send(&frame::head_of(ENDS, len, 8, Some([0; 4])));
            raw.send(&payload);
            assert_goes_on(&mut raw, CONTINUES, &payload, len);
            raw.reset();
        }
    });
}

/// Asserts that all of this comes back as a part of a message, and not its end.
fn assert_goes_on(raw: &mut Raw, first: u8, payload: &[u8], len: u64) {
    let (mut echoed, mut first) = (Vec::new(), first);
    while echoed.len() < payload.len() {
        let frame = raw.frame().expect("an echo, not the end");
        assert_eq!(frame.first, first, "{len:#x}: {frame:?}");
        echoed.extend_from_slice(&frame.payload);
        first = CONTINUES;
    }
    assert!(echoed == payload, "{len:#x}: {echoed:?}");
}

#[test]
fn lengths_have_their_shortest_form() {
    beside_an_echo(ECHO, |device| {
        for (len, length_bytes) in LONG_FORMS {
            let mut raw = open(device.address(), "/");
            raw.send(&frame::head_of(BINARY, len, length_bytes, Some(MASK)));
            assert_eq!(raw.close_code(), Some(1002), "{len} in {length_bytes} bytes");
        }
        // What the device writes has it too.
        let mut raw = open(device.address(), "/");
        for len in (0..300).chain([65_534, 65_535, 65_536]) {
            raw.send(&masked(BINARY, &vec![1; len]));
            let mut echoed = 0;
            loop {
                let frame = next(&mut raw).expect("an echo");
                echoed += frame.payload.len();
                let shortest = if frame.payload.len() < 126 { 0 } else { 2 };
                assert_eq!(frame.length_bytes, shortest, "{} bytes", frame.payload.len());
                if frame.first & ENDS != 0 {
                    break;
                }
            }
            assert_eq!(echoed, len);
        }
        close(raw);
    });
}

#[test]
fn messages_of_65535_bytes_and_around_it() {
    beside_an_echo(ECHO, |device| {
        let mut raw = open(device.address(), "/");
        for len in [65_534, 65_535, 65_536, 65_537] {
            let payload: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            raw.send(&masked(BINARY, &payload));
            let (first, echo) = message(&mut raw);
            assert!(first == BINARY && echo == payload, "{len} bytes came back as {}", echo.len());
        }
        close(raw);
    });
}
