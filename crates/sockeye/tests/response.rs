//! What a server answers (RFC 6455 section 4.2.2): 101, and refusals with the headers that each status owes.

mod common;

use common::http::*;
use sockeye::handshake::{AcceptError, WriteError, reason_phrase};
use sockeye::{Reject, Response};

/// Writes into every size from 0 to one more than enough: only what is enough succeeds, and all say the same.
#[track_caller]
fn written(response: &Response<'_>) -> String {
    let mut big = vec![0; 4096];
    let len = response.write(&mut big).expect("a valid response");
    for size in 0..=len + 1 {
        let mut out = vec![b'?'; size];
        let result = response.write(&mut out);
        if size < len {
            assert_eq!(result, Err(WriteError::TooSmall), "{size} of {len} bytes");
        } else {
            assert_eq!(result, Ok(len));
            assert_eq!(out[..len], big[..len]);
            assert!(out[len..].iter().all(|byte| *byte == b'?'), "a byte after the end was written");
        }
    }
    big.truncate(len);
    String::from_utf8(big).expect("UTF-8")
}

/// Status, phrase, headers and body, as another parser reads them.
fn parsed(response: &str) -> (u16, String, Vec<(String, String)>, String) {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response_head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(len)) = response_head.parse(response.as_bytes()) else {
        panic!("no response: {response}")
    };
    let headers = response_head.headers.iter();
    let headers =
        headers.map(|header| (header.name.to_owned(), String::from_utf8(header.value.to_vec()).expect("UTF-8")));
    let (status, phrase) = (response_head.code.expect("a status"), response_head.reason.expect("a phrase").to_owned());
    (status, phrase, headers.collect(), response[len..].to_owned())
}

#[test]
fn the_key_of_the_rfc_gives_the_answer_of_the_rfc() {
    let head = upgrade();
    let response = written(&Response::accept(&request(&head), None).unwrap());
    let expect = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    );
    assert_eq!(response, expect);
}

#[test]
fn a_subprotocol_is_chosen_from_the_offer_or_left_out() {
    let head = upgrade_with("", &["Sec-WebSocket-Protocol: chat, superchat", "Sec-WebSocket-Protocol: v1"]);
    for chosen in ["chat", "superchat", "v1"] {
        let (_, _, headers, _) = parsed(&written(&Response::accept(&request(&head), Some(chosen)).unwrap()));
        assert_eq!(headers.last(), Some(&("Sec-WebSocket-Protocol".to_owned(), chosen.to_owned())));
    }
    for chosen in ["Chat", "v2", "", "chat, superchat", "chat\r\nX: a"] {
        let error = Response::accept(&request(&head), Some(chosen)).unwrap_err();
        assert_eq!(error, AcceptError::SubprotocolNotOffered, "{chosen:?}");
    }
    let response = written(&Response::accept(&request(&head), None).unwrap());
    assert!(!response.contains("Sec-WebSocket-Protocol"));
    let nothing_offered = upgrade();
    let error = Response::accept(&request(&nothing_offered), Some("chat")).unwrap_err();
    assert_eq!(error, AcceptError::SubprotocolNotOffered);
}

#[test]
fn an_extension_that_is_offered_is_declined() {
    let head = upgrade_with("", &["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x"]);
    let response = written(&Response::accept(&request(&head), None).unwrap());
    assert!(!response.contains("Sec-WebSocket-Extensions"));
}

#[test]
fn a_plain_request_is_not_accepted() {
    let head = head(["GET / HTTP/1.1", "Host: a"]);
    assert_eq!(Response::accept(&request(&head), None).unwrap_err(), AcceptError::NotUpgrade);
}

#[test]
fn each_refusal_has_its_status_and_the_headers_it_owes() {
    for (reject, status, owed) in [
        (Reject::Malformed, 400, &[][..]),
        (Reject::NotUtf8, 400, &[]),
        (Reject::HttpVersion, 400, &[]),
        (Reject::Repeated("Host"), 400, &[]),
        (Reject::Host, 400, &[]),
        (Reject::Body, 400, &[]),
        (Reject::Connection, 400, &[]),
        (Reject::Key, 400, &[]),
        (Reject::Subprotocols, 400, &[]),
        (Reject::Extensions, 400, &[]),
        (Reject::OriginNotAllowed, 403, &[]),
        (Reject::NotFound, 404, &[]),
        (Reject::Method, 405, &[("Allow", "GET")]),
        (Reject::HostNotAllowed, 421, &[]),
        (Reject::Version, 426, &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]),
        (Reject::UpgradeRequired, 426, &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]),
        (Reject::HeadTooBig, 431, &[]),
        (Reject::TooManyHeaders, 431, &[]),
        (Reject::Unavailable { retry_after: 0 }, 503, &[("Retry-After", "0")]),
        (Reject::Unavailable { retry_after: 30 }, 503, &[("Retry-After", "30")]),
        (Reject::Unavailable { retry_after: u32::MAX }, 503, &[("Retry-After", "4294967295")]),
    ] {
        for body in ["", "why\n", &"b".repeat(1234)] {
            let response = written(&Response::reject(reject).body(body.as_bytes()).headers(&[("X-Own", "1")]));
            let (got, phrase, headers, got_body) = parsed(&response);
            assert_eq!((got, phrase.as_str(), got_body.as_str()), (status, reason_phrase(status), body));
            assert!(!phrase.is_empty());
            let values = |name: &str| -> Vec<&str> {
                headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
            };
            for (name, value) in owed {
                assert_eq!(values(name), [*value], "{reject:?}: {name}");
            }
            assert_eq!(values("Content-Length"), [body.len().to_string()]);
            assert_eq!(values("X-Own"), ["1"]);
            let connection = values("Connection");
            let tokens: Vec<&str> = connection.iter().flat_map(|value| value.split(", ")).collect();
            let upgrade = if status == 426 { &["Upgrade", "close"][..] } else { &["close"] };
            assert_eq!(tokens, upgrade, "{reject:?}");
            for header in ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Transfer-Encoding"] {
                assert_eq!(values(header), Vec::<&str>::new());
            }
        }
    }
}

#[test]
fn other_responses_have_a_status_headers_and_a_body() {
    let page = Response::new(200).headers(&[("Content-Type", "text/html; charset=utf-8")]).body(b"<p>hello");
    let expect = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n<p>hello";
    assert_eq!(written(&page), expect);
    assert_eq!(written(&page.clone().head_only()), expect.strip_suffix("<p>hello").unwrap());
    // A status without a phrase keeps its space (RFC 9112 section 4).
    assert!(written(&Response::new(299)).starts_with("HTTP/1.1 299 \r\n"));
}

#[test]
fn a_204_has_no_content_length() {
    // RFC 9110 section 8.6
    assert!(!written(&Response::new(204)).contains("Content-Length"));
}

#[test]
fn a_header_that_is_the_handshakes_own_or_no_token_is_refused() {
    let upgrade = upgrade();
    for name in [
        "",
        "X Y",
        "X:",
        "X\r\nY",
        "X\n",
        "X\0",
        "é",
        "Host",
        "host",
        "Connection",
        "CONNECTION",
        "Upgrade",
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Sec-WebSocket-Accept",
        "sec-websocket-protocol",
        "Sec-WebSocket-Extensions",
        "SEC-WEBSOCKET-",
    ] {
        let headers = [("X-First", "1"), (name, "value")];
        let mut out = [0; 1024];
        let accept = Response::accept(&request(&upgrade), None).unwrap().headers(&headers).write(&mut out);
        assert_eq!(accept, Err(WriteError::Name), "{name:?}");
        assert_eq!(Response::reject(Reject::NotFound).headers(&headers).write(&mut out), Err(WriteError::Name));
        assert_eq!(Response::new(200).headers(&headers).write(&mut out), Err(WriteError::Name));
    }
    for name in ["Set-Cookie", "Sec-WebSocke", "Sec-WebSocketX", "Upgrade-Insecure-Requests", "X-Host"] {
        assert!(written(&Response::new(200).headers(&[(name, "v")])).contains(&format!("\r\n{name}: v\r\n")));
    }
}

#[test]
fn a_value_with_a_line_end_or_another_control_character_is_refused() {
    let upgrade = upgrade();
    let controls = (0..0x20u8).filter(|byte| *byte != b'\t').chain([0x7f]).map(char::from);
    let values = controls.flat_map(|c| [format!("{c}"), format!("a{c}"), format!("{c}a"), format!("a{c}b")]);
    for value in values.chain(["a\r\nX-Evil: 1".into(), "a\r\n\r\nbody".into(), "a\nSet-Cookie: b".into()]) {
        let headers = [("X-Value", value.as_str())];
        let mut out = [0; 1024];
        let accept = Response::accept(&request(&upgrade), None).unwrap().headers(&headers).write(&mut out);
        assert_eq!(accept, Err(WriteError::Value), "{value:?}");
        assert_eq!(Response::reject(Reject::NotFound).headers(&headers).write(&mut out), Err(WriteError::Value));
    }
    for value in ["", "a\tb", "a b", "é", "a: b, \"c\""] {
        written(&Response::new(200).headers(&[("X-Value", value)]));
    }
}

#[test]
fn refusals_to_write_say_why() {
    for error in [WriteError::TooSmall, WriteError::Name, WriteError::Value] {
        assert!(error.to_string().len() > 15, "{error}");
    }
    for error in [AcceptError::NotUpgrade, AcceptError::SubprotocolNotOffered] {
        assert!(error.to_string().len() > 15, "{error}");
    }
}

#[test]
fn every_reason_to_reject_says_so_with_its_status() {
    for reject in [
        Reject::HeadTooBig,
        Reject::TooManyHeaders,
        Reject::Malformed,
        Reject::NotUtf8,
        Reject::HttpVersion,
        Reject::Repeated("Host"),
        Reject::Host,
        Reject::Body,
        Reject::Method,
        Reject::Connection,
        Reject::Version,
        Reject::Key,
        Reject::Subprotocols,
        Reject::Extensions,
        Reject::HostNotAllowed,
        Reject::OriginNotAllowed,
        Reject::NotFound,
        Reject::UpgradeRequired,
        Reject::Unavailable { retry_after: 5 },
    ] {
        let shown = reject.to_string();
        assert!(shown.ends_with(&format!(" ({})", reject.status())) && !shown.contains(") ("), "{shown}");
    }
}
