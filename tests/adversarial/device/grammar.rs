//! The grammar of a request, case by case.

use sockeye_tests::Upgrade;
use sockeye_tests::device::{beside_an_echo, dial};
use sockeye_tests::rows::{self, HIXIE, VERSIONS};

use crate::{ECHO, HEAD, answer_to, ask, assert_statuses};

/// As long as a value may be beside the rest of a request.
const LONG: usize = HEAD - 224;

#[test]
fn heads_that_break_http() {
    beside_an_echo(ECHO, |device| {
        for (name, head) in rows::heads_that_break_http() {
            assert_eq!(answer_to(device, &head).status, 400, "{name}");
        }
    });
}

#[test]
fn tls_to_a_plain_port_ends() {
    beside_an_echo(ECHO, |device| {
        // The begin of a ClientHello: it has no end that a head could have.
        let mut raw = dial(device.address());
        raw.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x00, 0xff]);
        raw.shut();
        assert_eq!(raw.rest(), b"");
    });
}

#[test]
fn connection_lists() {
    beside_an_echo(ECHO, |device| assert_statuses(device, rows::connections(LONG)));
}

#[test]
fn upgrade_lists() {
    // The echo has no pages.
    beside_an_echo(ECHO, |device| assert_statuses(device, rows::upgrades(404)));
}

#[test]
fn keys() {
    beside_an_echo(ECHO, |device| assert_statuses(device, rows::keys(LONG)));
}

#[test]
fn subprotocols_and_extensions() {
    beside_an_echo(ECHO, |device| {
        assert_statuses(device, rows::offers("/", LONG));
        let protocols = |value: &str| Upgrade::to("/").with("Sec-WebSocket-Protocol", value);
        // As many as there is room for, and one that is there twice only in the end.
        let many: Vec<_> = (0..LONG / 4).map(|at| format!("p{at}")).collect();
        let status = answer_to(device, &protocols(&many.join(",")[..LONG]).bytes()).status;
        assert!([101, 400].contains(&status), "{status}");
        let twice = format!("a,{},a", "b,".repeat(300));
        assert_eq!(answer_to(device, &protocols(&twice).bytes()).status, 400);
        // What was not offered, and an extension that is not spoken, is not answered.
        let offer = protocols("a, b").with("Sec-WebSocket-Extensions", "permessage-deflate");
        let response = answer_to(device, &offer.bytes());
        assert_eq!(response.header("Sec-WebSocket-Protocol"), None);
        assert_eq!(response.header("Sec-WebSocket-Extensions"), None);
    });
}

#[test]
fn methods() {
    beside_an_echo(ECHO, |device| {
        for method in ["POST", "HEAD", "OPTIONS", "CONNECT", "get"] {
            let upgrade = Upgrade::to("/").line(&format!("{method} / HTTP/1.1"));
            let response = answer_to(device, &upgrade.bytes());
            assert_eq!(response.status, 405, "{method}");
            assert_eq!(response.header("Allow"), Some("GET"));
        }
    });
}

#[test]
fn only_version_13_is_spoken() {
    beside_an_echo(ECHO, |device| {
        let with = |value: &str| Upgrade::to("/").set("Sec-WebSocket-Version", value);
        for version in VERSIONS {
            let response = answer_to(device, &with(version).bytes());
            assert_eq!(response.status, 426, "version {version:?}");
            assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
            assert_eq!(response.header("Upgrade"), Some("websocket"));
        }
        let none = Upgrade::to("/").without("Sec-WebSocket-Version");
        assert_eq!(answer_to(device, &none.bytes()).status, 426);
        assert_eq!(answer_to(device, &with("13").with("Sec-WebSocket-Version", "8").bytes()).status, 400);

        // The eight bytes behind the head are not read as frames.
        let (response, mut raw) = ask(device, HIXIE.as_bytes());
        assert_eq!((response.status, response.header("Sec-WebSocket-Version")), (426, Some("13")));
        assert_eq!(raw.rest(), b"");
    });
}
