//! The page that the sensor's device serves from its flash.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use sockeye_qemu::Device;
use sockeye_tests::device::{self, CLIENTS, Firmware, assert_free, beside_a_reader, close, open};
use sockeye_tests::{Raw, Response, Upgrade};

const SENSOR: Firmware = Firmware::short("sensor");

/// The answer and its body, after which the connection must end.
fn ask(device: &Device, line: &str, headers: &[(&str, &str)]) -> (Response, Vec<u8>) {
    let (response, mut raw) = begin(device, line, headers);
    assert!(response.has_token("Connection", "close"), "{}", response.head);
    (response, raw.rest())
}

/// The head of the answer, and the connection. There may not be a place at once.
fn begin(device: &Device, line: &str, headers: &[(&str, &str)]) -> (Response, Raw) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    device::ask(device.address(), request.as_bytes())
}

fn len(response: &Response) -> Option<usize> {
    response.header("Content-Length").map(|len| len.parse().expect("a number"))
}

#[test]
fn the_page_is_served_compressed_and_in_one() {
    beside_a_reader(SENSOR, |device| {
        let (response, body) = ask(device, "GET /", &[("Accept-Encoding", "gzip")]);
        assert_eq!(response.status, 200);
        assert_eq!(len(&response), Some(body.len()));
        assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(response.header("Content-Encoding"), Some("gzip"));
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
        let policy = response.header("Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let mut plain = String::new();
        GzDecoder::new(&body[..]).read_to_string(&mut plain).expect("it is gzip");
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web");
        for file in ["sensor.css", "sensor.js"] {
            let source = fs::read_to_string(web.join(file)).expect("a source of the page");
            assert!(plain.contains(&source), "{file} is not in the page, or another one");
            // A browser would take one more of the places for it.
            assert!(!plain.contains(&format!("\"/{file}\"")), "{file} is loaded besides");
        }
    });
}

#[test]
fn a_page_that_is_known_is_not_sent_again() {
    beside_a_reader(SENSOR, |device| {
        let (response, body) = ask(device, "GET /", &[]);
        let etag = response.header("ETag").expect("an ETag");
        assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        for known in [etag, &format!("W/{etag}"), &format!("\"other\", {etag}"), "*"] {
            let (response, rest) = ask(device, "GET /", &[("If-None-Match", known)]);
            assert_eq!((response.status, rest.len()), (304, 0), "with {known}");
            assert_eq!(response.header("ETag"), Some(etag));
            // RFC 9110 section 8.6: none, or that of a 200.
            assert!(len(&response).is_none_or(|len| len == body.len()), "{}", response.head);
        }
        for other in ["\"other\"", "", &etag[1..], &format!("x{etag}")] {
            let (response, rest) = ask(device, "GET /", &[("If-None-Match", other)]);
            assert_eq!((response.status, rest.len()), (200, body.len()), "with {other:?}");
        }
    });
}

#[test]
fn the_head_alone_says_how_long_the_page_is() {
    beside_a_reader(SENSOR, |device| {
        let (get, body) = ask(device, "GET /", &[]);
        let (head, nothing) = ask(device, "HEAD /", &[]);
        assert_eq!((head.status, nothing.len(), len(&head)), (200, 0, Some(body.len())));
        assert_eq!(head.head, get.head);
        let (head, nothing) = ask(device, "HEAD /nothing", &[]);
        assert_eq!((head.status, nothing.len()), (404, 0));
    });
}

#[test]
fn what_is_not_there_is_404_and_what_is_not_read_is_405() {
    beside_a_reader(SENSOR, |device| {
        let long = format!("GET /{}", "a".repeat(800));
        for line in [
            "GET /nothing",
            "GET /sensor.html",
            "GET /sensor.js",
            "GET /ws",
            "GET //",
            "GET /../",
            "GET /%2e%2e/x",
            &long,
        ] {
            let (response, body) = ask(device, line, &[]);
            assert_eq!((response.status, len(&response)), (404, Some(body.len())), "{line}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"] {
            let (response, _) = ask(device, &format!("{method} /"), &[]);
            assert_eq!(response.status, 405, "{method}");
            assert!(response.has_token("Allow", "GET"), "{}", response.head);
        }
        // A question behind the path is no other page.
        assert_eq!(ask(device, "GET /?reload=1", &[]).0.status, 200);
    });
}

#[test]
fn the_page_is_for_its_own_host_and_the_readings_for_its_own_pages() {
    beside_a_reader(SENSOR, |device| {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"] {
            for path in ["/", "/nothing", "/ws"] {
                let request = Upgrade::to(path).without("Upgrade").set("Host", host);
                assert_eq!(device::ask(device.address(), &request.bytes()).0.status, 421, "{path} for {host}");
            }
        }
        let own = device.address().to_string();
        for (origin, status) in
            [(format!("http://{own}"), 101), ("http://evil.example".into(), 403), ("null".into(), 403)]
        {
            let upgrade = Upgrade::to("/ws").set("Host", &own).with("Origin", &origin);
            assert_eq!(device::ask(device.address(), &upgrade.bytes()).0.status, status, "{origin}");
        }
    });
}

#[test]
fn four_browsers_load_the_page_and_connect() {
    device::on(SENSOR, |device| {
        for _ in 0..10 {
            let mut live = Vec::new();
            for _ in 0..CLIENTS {
                // What the page took is free again when it connects.
                let (response, body) = ask(device, "GET /", &[]);
                assert_eq!((response.status, len(&response)), (200, Some(body.len())));
                live.push(open(device.address(), "/ws"));
            }
            live.into_iter().for_each(close);
        }
        assert_free(device.address(), "/ws");
    });
}

#[test]
fn a_reader_of_the_page_that_stops_gives_its_place_back() {
    beside_a_reader(SENSOR, |device| {
        for _ in 0..3 * CLIENTS {
            let (response, raw) = begin(device, "GET /", &[]);
            assert_eq!(response.status, 200);
            raw.reset();
        }
    });
}
