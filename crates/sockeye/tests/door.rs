//! Who may come in (RFC 6455 section 10.2): `Host` against DNS rebinding, `Origin` against cross-site hijacking.

mod common;

use common::http::*;
use proptest::prelude::*;
use sockeye::Reject;
use sockeye::handshake::{Host, Origin};

#[track_caller]
fn check_host(host: &str, names: &[&str], expect: bool) {
    let head = upgrade_with("Host", &[format!("Host: {host}")]);
    let verdict = request(&head).check_host(&Host::Named(names));
    assert_eq!(verdict, if expect { Ok(()) } else { Err(Reject::HostNotAllowed) }, "{host}, served: {names:?}");
    let any: Host<'_> = Host::Any;
    assert_eq!(request(&head).check_host(&any), Ok(()));
}

#[test]
fn an_ip_address_or_localhost_is_always_served() {
    for host in [
        "127.0.0.1",
        "127.0.0.1:9001",
        "0.0.0.0",
        "192.168.4.1",
        "255.255.255.255:65535",
        "[::1]",
        "[::1]:9001",
        "[2001:db8::17]:80",
        "[::ffff:127.0.0.1]",
        "localhost",
        "localhost:9001",
        "LocalHost:80",
    ] {
        check_host(host, &[], true);
        check_host(host, &["example.com"], true);
        assert_eq!(request(&upgrade_with("Host", &[format!("Host: {host}")])).check_host(&Host::NAMELESS), Ok(()));
    }
}

#[test]
fn a_name_that_is_not_listed_is_refused() {
    for host in [
        "example.com",
        "1.2.3.",
        "127..0.1",
        "localhost.evil.com",
        "evil.localhost",
        "localhost.",
        "localhost-evil",
        "xlocalhost:80",
        "local.host",
        "127.0.0.1.evil.com",
        "127.0.0.1.",
        "127.0.0.1.1",
        "127.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0127.0.0.1",
        "0000.0.0.1",
        "256.0.0.1",
        "999.0.0.1",
        "127.0.0.1e",
        "127.0..1",
        "1.2.3.x",
        "%31.2.3.4",
        "a.b.c.d",
    ] {
        check_host(host, &[], false);
        check_host(host, &["example.org", "server.example.com"], false);
    }
    assert_eq!(Reject::HostNotAllowed.status(), 421);
}

#[test]
fn a_long_label_of_a_host_is_no_address() {
    for host in [
        "averyveryverylongname.b.c.d",
        "99999999999.1.1.1",
        "4294967296.0.0.1",
        "1.99999999999999999999.1.1",
        "1.1.1.4294967297",
        "www.averyveryverylongname.example.com",
    ] {
        check_host(host, &[], false);
        check_host(host, &[host], true);
    }
}

#[test]
fn a_listed_name_is_served_in_any_case_on_any_port() {
    let names = ["example.com", "Other.Example"];
    for host in ["example.com", "EXAMPLE.com", "example.com:80", "example.com:65535", "other.example:1"] {
        check_host(host, &names, true);
    }
    for host in ["www.example.com", "example.com.evil", "evil-example.com", "example.co", "xample.com", "example.com."]
    {
        check_host(host, &names, false);
    }
}

#[track_caller]
fn check_origin(origin: &str, host: &str, listed: &[&str], expect: bool) {
    let head = upgrade_with("Host", &[format!("Host: {host}"), format!("Origin: {origin}")]);
    let request = request(&head);
    assert_eq!(request.origin(), Some(origin));
    let verdict = request.check_origin(&Origin::Listed(listed));
    let expect = if expect { Ok(()) } else { Err(Reject::OriginNotAllowed) };
    assert_eq!(verdict, expect, "{origin:?} at {host}, listed: {listed:?}");
    let any: Origin<'_> = Origin::Any;
    assert_eq!(request.check_origin(&any), Ok(()));
}

#[test]
fn a_request_without_an_origin_is_no_browsers_and_comes_in() {
    let head = upgrade();
    assert_eq!(request(&head).origin(), None);
    assert_eq!(request(&head).check_origin(&Origin::SAME), Ok(()));
    assert_eq!(request(&head).check_origin(&Origin::Listed(&["https://example.com"])), Ok(()));
    assert_eq!(Reject::OriginNotAllowed.status(), 403);
}

#[test]
fn the_servers_own_pages_come_in() {
    for (origin, host) in [
        ("http://example.com", "example.com"),
        ("http://EXAMPLE.com", "example.COM"),
        ("HTTP://example.com", "example.com"),
        ("http://example.com", "example.com:80"),
        ("http://example.com:80", "example.com"),
        ("https://example.com", "example.com:443"),
        ("https://example.com:443", "example.com"),
        // Behind a proxy that ends TLS
        ("https://example.com", "example.com"),
        ("http://127.0.0.1:9001", "127.0.0.1:9001"),
        ("http://[::1]:9001", "[::1]:9001"),
        ("http://[::1]", "[::1]"),
        ("http://localhost:9001", "localhost:9001"),
    ] {
        check_origin(origin, host, &[], true);
        check_origin(origin, host, &["https://other.example"], true);
    }
}

#[test]
fn pages_of_another_origin_are_refused() {
    for (origin, host) in [
        ("http://evil.com", "example.com"),
        ("http://example.com.evil", "example.com"),
        ("http://example.comevil", "example.com"),
        ("http://evil-example.com", "example.com"),
        ("http://www.example.com", "example.com"),
        ("http://example.com", "www.example.com"),
        ("http://example.com.", "example.com"),
        ("http://example.com:81", "example.com"),
        ("http://example.com", "example.com:81"),
        ("http://example.com:8080", "example.com:9001"),
        ("http://example.com:443", "example.com"),
        ("https://example.com:80", "example.com"),
        ("http://example.com", "example.com:443"),
        ("https://example.com", "example.com:80"),
        ("http://example.com:080", "example.com"),
        ("http://example.com:80:80", "example.com:80"),
        ("http://localhost", "127.0.0.1"),
        ("http://127.0.0.1", "localhost"),
        ("http://[::1]:80", "[::2]:80"),
        ("http://[::1]evil:80", "[::1]:80"),
        ("null", "example.com"),
        ("null", "null"),
        ("NULL", "example.com"),
        ("", "example.com"),
        ("example.com", "example.com"),
        ("//example.com", "example.com"),
        ("http:example.com", "example.com"),
        ("http:/example.com", "example.com"),
        ("http://", "example.com"),
        ("http://example.com/", "example.com"),
        ("http://example.com/x", "example.com"),
        ("http://example.com?", "example.com"),
        ("http://example.com@evil.com", "example.com"),
        ("http://evil.com@example.com", "example.com"),
        ("http://evil.com:80@example.com", "example.com"),
        ("http://evil.com http://example.com", "example.com"),
        ("http://example.com http://evil.com", "example.com"),
        ("http://evil.com, http://example.com", "example.com"),
        ("http://example.com\\.evil.com", "example.com"),
        ("file://", "example.com"),
    ] {
        check_origin(origin, host, &[], false);
        check_origin(origin, host, &["https://other.example", "http://other.example:81"], false);
    }
}

#[test]
fn only_pages_of_http_or_https_are_the_servers_own() {
    for origin in ["chrome-extension://localhost", "tauri://localhost", "ftp://localhost", "x://localhost"] {
        check_origin(origin, "localhost", &[], false);
        check_origin(origin, "localhost", &[origin], true);
    }
}

#[test]
fn pages_of_a_listed_origin_come_in() {
    let listed =
        ["https://example.com", "http://dev.example:8080", "https://443.example:443", "chrome-extension://abcdef"];
    for origin in [
        "https://example.com",
        "https://EXAMPLE.COM",
        "HTTPS://example.com",
        "https://example.com:443",
        "http://dev.example:8080",
        "https://443.example",
        "https://443.example:443",
        "chrome-extension://abcdef",
    ] {
        check_origin(origin, "server", &listed, true);
    }
    for origin in [
        "http://example.com",
        "http://example.com:443",
        "https://example.com:8443",
        "https://example.com.evil",
        "https://www.example.com",
        "https://example.com/",
        "https://evil.com#https://example.com",
        "http://dev.example",
        "http://dev.example:80",
        "https://dev.example:8080",
        "chrome-extension://abcdeg",
        "chrome-extension://abcdef.evil",
        "null",
        "",
        "example.com",
    ] {
        check_origin(origin, "server", &listed, false);
    }
    // An opaque origin only when it is listed as such.
    check_origin("null", "server", &["null"], true);
    check_origin("nullx", "server", &["null"], false);
    // What is no origin lets nothing in.
    check_origin("https://example.com", "server", &["example.com", "", "https://", "*", "https://*"], false);
}

#[test]
fn lists_of_owned_names_work_too() {
    let names = vec![String::from("example.com")];
    let origins = vec![String::from("https://example.com")];
    let head = upgrade_with("Host", &["Host: example.com:81", "Origin: https://example.com"]);
    assert_eq!(request(&head).check_host(&Host::Named(&names)), Ok(()));
    assert_eq!(request(&head).check_origin(&Origin::Listed(&origins)), Ok(()));
    assert_eq!(request(&head).check_origin(&Origin::SAME), Err(Reject::OriginNotAllowed));
}

proptest! {
    #[test]
    fn any_host_and_origin_get_a_verdict(host in "[0-9a-z.:\\[\\]-]{1,60}", origin in "[a-z]{0,5}(://)?[ -~]{0,40}") {
        let head = upgrade_with("Host", &[format!("Host: {host}"), format!("Origin: {origin}")]);
        if let Ok(Some((request, _))) = sockeye::Request::parse(&head) {
            let by_host = request.check_host(&Host::NAMELESS);
            let is_address = host.parse::<std::net::Ipv4Addr>().is_ok()
                || host.parse::<std::net::SocketAddr>().is_ok();
            prop_assert!(by_host.is_ok() || !is_address, "{} is an address", host);
            let same = request.check_origin(&Origin::SAME);
            let ends_with_host = origin.trim_end().split_once("://").is_some_and(|(_, authority)| {
                let name = |of: &str| of.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(':').to_lowercase();
                authority.eq_ignore_ascii_case(&host) || name(authority) == name(&host)
            });
            prop_assert!(same.is_err() || ends_with_host, "{} at {}", origin, host);
        }
    }
}
