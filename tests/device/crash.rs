//! A device that fails says where, and its end tells how.

use sockeye_tests::Raw;
use sockeye_tests::device::{Firmware, on_a_new};

const CRASH: Firmware = Firmware::short("crash");

#[test]
fn a_panic_ends_it_with_101() {
    on_a_new(CRASH, |device| {
        let mut raw = Raw::dial(device.address());
        raw.send(b"GET /panic HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        let line = device.wait_for("panicked at").expect("its last words");
        assert_eq!(line.level, "error", "{line}");
        assert!(line.message.contains("crash.rs:"), "{line}");
        assert_eq!(device.status().expect("it ends").code(), Some(101));
    });
}

#[test]
fn a_fault_ends_it_with_102() {
    on_a_new(CRASH, |device| {
        let mut raw = Raw::dial(device.address());
        raw.send(b"GET /fault HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        assert_eq!(device.status().expect("it ends").code(), Some(102));
        let log = device.log();
        let line = log.last().expect("its last words");
        assert_eq!(line.level, "error", "{line}");
        // The counter's value: mepc on RISC-V.
        assert!(line.message.contains("pc 0x"), "{line}");
    });
}
