//! The grammar of heads against `httparse`: whatever we take, it reads in the same way (we may be stricter).

mod common;

use common::http::{KEY, head};
use proptest::prelude::*;
use sockeye::handshake::AnswerHead;
use sockeye::{Request, Response};

/// Heads that are mostly valid, with what a hostile client would put in.
fn any_head() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![4 => Just("GET".to_owned()), 1 => "[A-Za-z!#$ ]{0,6}"];
    let target = prop_oneof![
        4 => "/[a-z0-9%./?&=_~:@-]{0,20}",
        1 => "/[ -~]{0,10}",
        1 => "(http|https)://[a-z.:0-9]{0,8}[/?]?[ -~]{0,8}",
        1 => "[ -~é]{0,8}",
    ];
    let version = prop_oneof![8 => Just("HTTP/1.1".to_owned()), 1 => "HTTP/[0-3][.]?[0-2]?"];
    let name = prop_oneof![
        12 => "[A-Za-z-]{1,12}",
        3 => prop::sample::select(vec!["Upgrade", "Connection", "Origin", "Content-Length"]).prop_map(str::to_owned),
        1 => "[ -~\\t]{0,8}",
    ];
    let value = prop_oneof![12 => "[ -~]{0,20}", 4 => "[ \\t]{0,4}[a-z,é]{0,8}[ \\t]{0,4}", 1 => "[\\x00-\\x7f]{0,8}"];
    let line = (name, prop_oneof![20 => Just(":"), 20 => Just(": "), 1 => Just(" :"), 1 => Just("")], value)
        .prop_map(|(name, colon, value)| format!("{name}{colon}{value}"));
    let lines = prop::collection::vec(line, 0..6);
    let host = prop_oneof![8 => Just("Host: example.com:80".to_owned()), 1 => "Host:[ -~]{0,10}"];
    (method, target, version, host, lines, any::<bool>()).prop_map(|(method, target, version, host, lines, upgrade)| {
        let mut all = vec![format!("{method} {target} {version}"), host];
        if upgrade {
            all.extend(["Upgrade: websocket".into(), "Connection: Upgrade".into()]);
            all.extend([format!("Sec-WebSocket-Key: {KEY}"), "Sec-WebSocket-Version: 13".into()]);
        }
        all.extend(lines);
        head(all)
    })
}

/// Where and how a head is broken.
fn any_changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, bool)>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\0 \t:,\"\\#/?@[]".to_vec())];
    prop::collection::vec((any::<prop::sample::Index>(), byte, any::<bool>()), 0..3)
}

fn change(head: &mut Vec<u8>, changes: &[(prop::sample::Index, u8, bool)]) {
    for (at, byte, insert) in changes {
        let at = at.index(head.len());
        if *insert {
            head.insert(at, *byte);
        } else {
            head[at] = *byte;
        }
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

fn read_as_httparse_does(bytes: &[u8]) {
    let Ok(Some((request, len))) = Request::parse(bytes) else { return };
    let shown = String::from_utf8_lossy(bytes);
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut other = httparse::Request::new(&mut headers);
    assert_eq!(other.parse(bytes), Ok(httparse::Status::Complete(len)), "{shown}");
    assert_eq!((other.method, other.version), (Some(request.method()), Some(1)), "{shown}");
    let target = match request.query() {
        Some(query) => format!("{}?{query}", request.path()),
        None => request.path().to_owned(),
    };
    let other_target = other.path.expect("a target");
    if other_target.starts_with('/') {
        assert_eq!(target, other_target);
    } else {
        let (_, after_scheme) = other_target.split_once("://").expect("an absolute form");
        let authority = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
        assert_eq!(target.trim_start_matches('/'), after_scheme[authority..].trim_start_matches('/'), "{shown}");
    }
    let ours: Vec<(&str, &[u8])> = request.headers().map(|(name, value)| (name, value.as_bytes())).collect();
    let theirs: Vec<(&str, &[u8])> = other.headers.iter().map(|header| (header.name, trimmed(header.value))).collect();
    assert_eq!(ours, theirs, "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_request_that_is_taken_is_read_as_httparse_reads_it(mut head in any_head(), changes in any_changes()) {
        change(&mut head, &changes);
        read_as_httparse_does(&head);
    }

    #[test]
    fn arbitrary_bytes_are_no_danger(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = AnswerHead::parse(&bytes);
        read_as_httparse_does(&bytes);
        // The end that makes a head of them.
        read_as_httparse_does(&[&bytes[..], b"\r\n\r\n"].concat());
        let _ = AnswerHead::parse(&[b"HTTP/1.1 101 ", &bytes[..], b"\r\n\r\n"].concat());
    }

    #[test]
    fn an_answer_that_is_taken_is_read_as_httparse_reads_it(
        status in 100u16..1000,
        value in "[ -~]{0,20}",
        changes in any_changes(),
    ) {
        let mut bytes = head([format!("HTTP/1.1 {status} Some Words"), format!("X-Value: {value}"), "Y:".into()]);
        change(&mut bytes, &changes);
        if let Ok(Some((answer, len))) = AnswerHead::parse(&bytes) {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut other = httparse::Response::new(&mut headers);
            prop_assert_eq!(other.parse(&bytes), Ok(httparse::Status::Complete(len)));
            prop_assert_eq!((other.code, other.version), (Some(answer.status()), Some(1)));
            for header in other.headers.iter() {
                let first = other.headers.iter().find(|first| first.name.eq_ignore_ascii_case(header.name));
                prop_assert_eq!(
                    answer.header(header.name).map(str::as_bytes),
                    first.map(|first| trimmed(first.value))
                );
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(status in 200u16..600, value in "[!-~é]([ -~é\\t]{0,30}[!-~])?", body: Vec<u8>) {
        let headers = [("X-Value", value.as_str())];
        let mut out = [0; 2048];
        let len = Response::new(status).headers(&headers).body(&body).write(&mut out).expect("room");
        let (answer, end) = AnswerHead::parse(&out[..len]).expect("a response").expect("whole");
        prop_assert_eq!((answer.status(), answer.header("x-value")), (status, Some(value.as_str())));
        prop_assert_eq!(&out[end..len], &body[..]);
    }
}
