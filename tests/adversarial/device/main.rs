//! Bad input and bad peers, against the firmware in QEMU: the rows of the host's tests that a device can have. Silence,
//! resets and clients that stop reading are in tests/device/gone.rs.

mod control;
mod door;
mod floods;
mod grammar;
mod half_open;
mod heads;
mod lengths;
mod slow_readers;
mod smuggling;
mod teardown;

use sockeye_qemu::Device;
use sockeye_tests::device::{self, Firmware, dial};
use sockeye_tests::rows::Asked;
use sockeye_tests::{Raw, Response};

/// Echoes, with deadlines of seconds.
const ECHO: Firmware = Firmware::short("echo");
/// Echoes, and waits as long as a device does that is no test's.
const PATIENT: Firmware = Firmware::shipped("echo");
/// What a request and its response head must fit into.
const HEAD: usize = 1024;

/// The answer to a request of these bytes, and the connection.
fn ask(device: &Device, request: &[u8]) -> (Response, Raw) {
    device::ask(device.address(), request)
}

/// The same answer, after which the connection must end unless it is a 101.
fn answer_to(device: &Device, request: &[u8]) -> Response {
    let (response, mut raw) = ask(device, request);
    if response.status == 101 {
        raw.round_trip(b"open");
    } else {
        let len = response.header("Content-Length").expect("a length").parse::<usize>().expect("a number");
        assert_eq!(raw.rest().len(), len, "nothing follows");
    }
    response
}

/// Asserts the status of the answer to each request.
fn assert_statuses(device: &Device, cases: Vec<Asked>) {
    for (name, upgrade, status) in cases {
        assert_eq!(answer_to(device, &upgrade.bytes()).status, status, "{name}");
    }
}

/// A connection over which the request was made byte by byte.
fn byte_by_byte(device: &Device, request: &[u8]) -> Raw {
    let mut raw = dial(device.address());
    for byte in request {
        if !raw.try_send(&[*byte]) {
            break;
        }
    }
    raw
}
