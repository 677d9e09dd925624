//! Cross-site hijacking and DNS rebinding: who may come in.

use sockeye_tests::rows::{HOSTS, NO_HOSTS, REBOUND_HOSTS, foreign_origins};
use sockeye_tests::{Bystander, Server, Upgrade};

use crate::{answer_to, beside_a_bystander};

fn status_of(server: &Server, host: &str, origin: Option<&str>) -> u16 {
    let upgrade = Upgrade::to("/echo").set("Host", host);
    let upgrade = origin.map_or(upgrade.clone(), |origin| upgrade.with("Origin", origin));
    answer_to(server.address(), &upgrade.bytes()).status
}

#[test]
fn only_pages_of_the_server_may_connect() {
    beside_a_bystander(|server| {
        let own = server.address().to_string();
        let allowed = [format!("http://{own}"), format!("https://{own}"), format!("HTTP://{own}")];
        for origin in &allowed {
            assert_eq!(status_of(server, &own, Some(origin)), 101, "{origin}");
        }
        assert_eq!(status_of(server, &own, None), 101, "no browser");
        for origin in foreign_origins(server.address()) {
            assert_eq!(status_of(server, &own, Some(&origin)), 403, "{origin:?}");
        }
        let log = server.log_with("(403)");
        assert!(log.contains("--origin"), "the refusal names the setting:\n{log}");
        let twice = Upgrade::to("/echo").set("Host", &own).with("Origin", &allowed[0]).with("Origin", "null");
        assert_eq!(answer_to(server.address(), &twice.bytes()).status, 400, "two origins");
    });
}

#[test]
fn only_hosts_that_cannot_be_rebound_are_served() {
    beside_a_bystander(|server| {
        for host in HOSTS {
            assert_eq!(status_of(server, host, None), 101, "{host}");
        }
        for host in REBOUND_HOSTS {
            assert_eq!(status_of(server, host, None), 421, "{host}");
            // Not even with the origin of the page that was rebound.
            assert_eq!(status_of(server, host, Some(&format!("http://{host}"))), 421, "{host}");
        }
        for host in NO_HOSTS {
            assert_eq!(status_of(server, host, None), 400, "{host}");
        }
        let log = server.log_with("evil.example");
        assert!(log.contains("--host"), "the refusal names the setting:\n{log}");
    });
}

#[test]
fn pages_are_not_for_a_rebound_name_either() {
    beside_a_bystander(|server| {
        for path in ["/", "/chat", "/nothing", "/echo"] {
            let request = Upgrade::to(path).without("Upgrade").set("Host", "evil.example");
            assert_eq!(answer_to(server.address(), &request.bytes()).status, 421, "{path}");
        }
        let page = answer_to(server.address(), &Upgrade::to("/chat").without("Upgrade").bytes());
        let policy = page.header("Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    });
}

#[test]
fn the_target_does_not_replace_the_host() {
    beside_a_bystander(|server| {
        let absolute = |host: &str| {
            Upgrade::to("/echo").line(&format!("GET http://{}/echo HTTP/1.1", server.address())).set("Host", host)
        };
        assert_eq!(answer_to(server.address(), &absolute("evil.example").bytes()).status, 421);
        assert_eq!(answer_to(server.address(), &absolute("127.0.0.1").bytes()).status, 101);
    });
}

#[test]
fn settings_allow_what_they_name_and_no_more() {
    let server = Server::start_with(&["--host", "sockeye.example", "--origin", "https://app.example"]);
    let bystander = Bystander::on(server.address());
    assert_eq!(status_of(&server, "sockeye.example", None), 101);
    assert_eq!(status_of(&server, "SOCKEYE.example:8443", None), 101);
    assert_eq!(status_of(&server, "127.0.0.1", Some("https://app.example")), 101);
    assert_eq!(status_of(&server, "127.0.0.1", Some("https://APP.example:443")), 101);
    for host in ["sockeye.example.evil.example", "xsockeye.example", "a.sockeye.example", "sockeye.exampl"] {
        assert_eq!(status_of(&server, host, None), 421, "{host}");
    }
    let origins = [
        "http://app.example",
        "https://app.example:444",
        "https://app.example.evil.example",
        "https://xapp.example",
        "https://a.app.example",
        "https://app.exampl",
        "wss://app.example",
        "null",
    ];
    for origin in origins {
        assert_eq!(status_of(&server, "127.0.0.1", Some(origin)), 403, "{origin}");
    }
    bystander.assert_undisturbed();
}
