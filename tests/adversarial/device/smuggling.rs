//! The bytes around the upgrade: what one side takes for a body and the other for a request.

use sockeye_tests::device::{self, Firmware, beside_a_reader, beside_an_echo, close, dial};
use sockeye_tests::{Upgrade, frame, rows};

use crate::{ECHO, answer_to, ask, assert_statuses};

#[test]
fn an_upgrade_with_a_body_is_400() {
    beside_an_echo(ECHO, |device| assert_statuses(device, rows::bodies()));
}

#[test]
fn nothing_behind_a_refusal_is_answered() {
    beside_an_echo(ECHO, |device| {
        let second = Upgrade::to("/").bytes();
        let refusals = [
            (Upgrade::to("/").with("Content-Length", "5"), 400),
            (Upgrade::to("/").with("Transfer-Encoding", "chunked"), 400),
            (Upgrade::to("/").set("Sec-WebSocket-Version", "8"), 426),
            (Upgrade::to("/").with("Origin", "http://evil.example"), 403),
            (Upgrade::to("/").set("Host", "evil.example"), 421),
            (Upgrade::to("/").without("Upgrade"), 404),
            (Upgrade::to("/").without("Upgrade").with("Content-Length", "600"), 404),
        ];
        for (first, status) in refusals {
            let response =
                answer_to(device, &[first.bytes(), second.clone(), frame::masked(frame::TEXT, b"tunnel")].concat());
            assert_eq!(response.status, status);
            assert!(response.has_token("Connection", "close"), "{}", response.head);
        }
    });
}

#[test]
fn nothing_behind_a_page_is_answered() {
    beside_a_reader(Firmware::short("sensor"), |device| {
        let page = Upgrade::to("/").without("Upgrade");
        let second = Upgrade::to("/ws").bytes();
        let requests = [
            (page.clone(), 200),
            (page.clone().with("Content-Length", "600"), 200),
            (page.clone().with("Transfer-Encoding", "chunked"), 200),
            (page.line("HEAD / HTTP/1.1"), 200),
        ];
        for (first, status) in requests {
            let head_alone = first.bytes().starts_with(b"HEAD");
            let (response, mut raw) = ask(device, &[first.bytes(), second.clone()].concat());
            assert_eq!(response.status, status);
            let len: usize = response.header("Content-Length").and_then(|len| len.parse().ok()).expect("a length");
            assert_eq!(raw.rest().len(), if head_alone { 0 } else { len }, "{}", response.head);
        }
    });
}

#[test]
fn a_request_behind_the_upgrade_is_no_request() {
    beside_an_echo(ECHO, |device| {
        let second = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".to_vec();
        let (response, mut raw) = ask(device, &[Upgrade::to("/").bytes(), second].concat());
        assert_eq!(response.status, 101);
        assert_eq!(raw.close_code(), Some(1002), "its bytes are a frame that breaks the rules");
    });
}

#[test]
fn frames_in_the_segment_of_the_request_are_kept() {
    beside_an_echo(ECHO, |device| {
        let frames = rows::early();
        // Also with a head that leaves no room for them.
        for upgrade in [Upgrade::to("/"), Upgrade::to("/").padded(crate::HEAD - 3)] {
            let bytes = [upgrade.bytes(), frames.clone()].concat();
            let head = bytes.len() - frames.len();
            for cut in (head - 4..bytes.len()).chain([bytes.len()]) {
                let mut raw = dial(device.address());
                raw.send(&bytes[..cut]);
                raw.send(&bytes[cut..]);
                assert_eq!(raw.response().expect("an answer").status, 101);
                assert_eq!(raw.text(), "early", "cut at {cut}");
                assert_eq!(device::next(&mut raw).expect("a pong").payload, b"bird", "cut at {cut}");
                close(raw);
            }
        }
    });
}

#[test]
fn what_a_client_sends_never_splits_an_answer() {
    beside_an_echo(ECHO, |device| {
        let plain = Upgrade::to("/nothing%0d%0aInjected:%20x").without("Upgrade");
        let response = answer_to(device, &plain.bytes());
        assert_eq!((response.status, response.header("Injected")), (404, None));
        let upgrade = Upgrade::to("/").with("Sec-WebSocket-Protocol", "a%0d%0aInjected, b");
        let response = answer_to(device, &upgrade.bytes());
        assert_eq!((response.status, response.header("Sec-WebSocket-Protocol")), (101, None));
    });
}
