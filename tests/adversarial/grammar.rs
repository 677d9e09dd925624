//! The grammar of a request, case by case.

use sockeye_tests::rows::{self, HIXIE, VERSIONS};
use sockeye_tests::{Raw, Upgrade};

use crate::{answer_to, assert_statuses, beside_a_bystander};

#[test]
fn heads_that_break_http() {
    beside_a_bystander(|server| {
        for (name, head) in rows::heads_that_break_http() {
            assert_eq!(answer_to(server.address(), &head).status, 400, "{name}");
        }
    });
}

#[test]
fn tls_to_a_plain_port_ends() {
    beside_a_bystander(|server| {
        // The begin of a ClientHello: it has no end that a head could have.
        let mut raw = Raw::dial(server.address());
        raw.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x00, 0xff]);
        raw.shut();
        assert_eq!(raw.rest(), b"");
    });
}

#[test]
fn connection_lists() {
    beside_a_bystander(|server| assert_statuses(server.address(), rows::connections(1000)));
}

#[test]
fn upgrade_lists() {
    beside_a_bystander(|server| assert_statuses(server.address(), rows::upgrades(426)));
}

#[test]
fn keys() {
    beside_a_bystander(|server| assert_statuses(server.address(), rows::keys(6000)));
}

#[test]
fn subprotocols_and_extensions() {
    beside_a_bystander(|server| {
        let protocols = |value: &str| Upgrade::to("/rooms/x").with("Sec-WebSocket-Protocol", value);
        let many: Vec<_> = (0..500).map(|at| format!("p{at}")).collect();
        assert_statuses(server.address(), rows::offers("/rooms/x", 7000));
        assert_statuses(server.address(), vec![("the one that is known", protocols("a, sockeye.rooms.v1"), 101)]);
        // Many are refused or taken, but answered soon.
        let status = answer_to(server.address(), &protocols(&many.join(",")).bytes()).status;
        assert!([101, 400, 431].contains(&status), "{status}");
        // What was not offered, and an extension that is not spoken, is not answered.
        let response = answer_to(
            server.address(),
            &protocols("a, b").with("Sec-WebSocket-Extensions", "permessage-deflate").bytes(),
        );
        assert_eq!(response.header("Sec-WebSocket-Protocol"), None);
        assert_eq!(response.header("Sec-WebSocket-Extensions"), None);
    });
}

#[test]
fn methods() {
    beside_a_bystander(|server| {
        for (method, status) in [("POST", 405), ("HEAD", 405), ("OPTIONS", 405), ("CONNECT", 405), ("get", 405)] {
            let upgrade = Upgrade::to("/echo").line(&format!("{method} /echo HTTP/1.1"));
            let response = answer_to(server.address(), &upgrade.bytes());
            assert_eq!(response.status, status, "{method}");
            assert_eq!(response.header("Allow"), Some("GET"));
        }
    });
}

#[test]
fn only_version_13_is_spoken() {
    beside_a_bystander(|server| {
        let with = |value: &str| Upgrade::to("/echo").set("Sec-WebSocket-Version", value);
        for version in VERSIONS {
            let response = answer_to(server.address(), &with(version).bytes());
            assert_eq!(response.status, 426, "version {version:?}");
            assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
            assert_eq!(response.header("Upgrade"), Some("websocket"));
        }
        let none = Upgrade::to("/echo").without("Sec-WebSocket-Version");
        assert_eq!(answer_to(server.address(), &none.bytes()).status, 426);
        assert_eq!(answer_to(server.address(), &with("13").with("Sec-WebSocket-Version", "8").bytes()).status, 400);

        let response = answer_to(server.address(), HIXIE.as_bytes());
        assert_eq!(response.status, 426);
        assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
    });
}
