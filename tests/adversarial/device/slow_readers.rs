//! Peers that stop reading: the device reads no more of them than it has room for.

use std::io::Write as _;

use sockeye_tests::device::{beside_an_echo, close, next, open_narrow};
use sockeye_tests::frame::{BINARY, BINARY_BEGINS, CONTINUES, ENDS, TEXT, masked};

use crate::{ECHO, PATIENT};

/// What the host's kernel and QEMU hold of a connection at most, both ways, by far.
const ON_THE_WAY: usize = 32 << 20;

#[test]
fn an_echo_reads_no_more_than_is_taken_of_it() {
    let floods = [masked(BINARY, &[0; 60_000]), masked(TEXT, b"x").repeat(10_000), masked(CONTINUES, &[0; 60_000])];
    // With short deadlines: QEMU tells the device of an end only when it has passed on what the device sent before.
    beside_an_echo(ECHO, |device| {
        for frames in floods {
            let mut raw = open_narrow(device.address(), "/");
            if frames[0] == CONTINUES {
                raw.send(&masked(BINARY_BEGINS, b""));
            }
            let sent = raw.flood(&frames, 2 * ON_THE_WAY / frames.len());
            assert!(sent < ON_THE_WAY, "{sent} bytes: the device reads on though nothing is taken of its echo");
            drop(raw);
        }
    });
}

#[test]
fn a_peer_that_reads_late_gets_all_of_its_echo() {
    beside_an_echo(PATIENT, |device| {
        let mut raw = open_narrow(device.address(), "/");
        const LEN: usize = 60_000;
        // As far as it is taken, for a second.
        let frame: Vec<u8> = masked(BINARY, &[5; LEN]);
        let sent = raw.flood(&frame, ON_THE_WAY / LEN);
        let mut stream = raw.stream();
        // The rest of the message that is cut, once there is room.
        let sending = std::thread::spawn(move || {
            stream.write_all(&frame[sent % frame.len()..]).expect("it is taken at last");
        });
        let messages = sent / masked(BINARY, &[5; LEN]).len() + 1;
        for at in 0..messages {
            let mut echoed = 0;
            loop {
                let frame = next(&mut raw).expect("an echo");
                assert!(frame.payload.iter().all(|byte| *byte == 5));
                echoed += frame.payload.len();
                if frame.first & ENDS != 0 {
                    break;
                }
            }
            assert_eq!(echoed, LEN, "message {at} of {messages}");
        }
        sending.join().expect("all was sent");
        close(raw);
    });
}
