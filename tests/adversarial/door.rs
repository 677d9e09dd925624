//! Cross-site hijacking and DNS rebinding: who may come in.

use sockeye_tests::{Bystander, Server, Upgrade};

use crate::{answer_to, beside_a_bystander};

fn status_of(server: &Server, host: &str, origin: Option<&str>) -> u16 {
    let upgrade = Upgrade::to("/echo").set("Host", host);
    let upgrade = origin.map_or(upgrade.clone(), |origin| upgrade.with("Origin", origin));
    answer_to(server, &upgrade.bytes()).status
}

#[test]
fn only_pages_of_the_server_may_connect() {
    beside_a_bystander(|server| {
        let own = server.address().to_string();
        let port = server.address().port();
        let allowed = [format!("http://{own}"), format!("https://{own}"), format!("HTTP://{own}")];
        for origin in &allowed {
            assert_eq!(status_of(server, &own, Some(origin)), 101, "{origin}");
        }
        assert_eq!(status_of(server, &own, None), 101, "no browser");
        let refused = [
            "null".to_owned(),
            String::new(),
            "*".into(),
            "http://evil.example".into(),
            format!("http://evil.example:{port}"),
            // Another port, or none.
            "http://127.0.0.1".into(),
            format!("http://127.0.0.1:{}", port ^ 1),
            format!("http://127.0.0.1:0{port}"),
            format!("http://{own}0"),
            // Other names of this machine are other origins.
            format!("http://localhost:{port}"),
            format!("http://127.0.0.2:{port}"),
            format!("http://[::1]:{port}"),
            // The right one as prefix or suffix of another.
            format!("http://{own}.evil.example"),
            format!("http://127.0.0.1.evil.example:{port}"),
            format!("http://evil{own}"),
            format!("http://evil.example/{own}"),
            format!("http://evil.example?{own}"),
            format!("http://evil.example#{own}"),
            format!("http://evil.example@{own}"),
            format!("http://{own}@evil.example"),
            format!("http://{own}:80@evil.example"),
            format!("http://{own}/"),
            format!("http://{own}\\@evil.example"),
            format!("http://{own} http://evil.example"),
            format!("http://evil.example http://{own}"),
            format!("http://{own},http://evil.example"),
            // No origin at all.
            own.clone(),
            format!("//{own}"),
            format!("http:{own}"),
            format!("http:/{own}"),
            format!("http//{own}"),
            format!("file://{own}"),
            format!("chrome-extension://{own}"),
        ];
        for origin in &refused {
            assert_eq!(status_of(server, &own, Some(origin)), 403, "{origin:?}");
        }
        let log = server.log_with("http://evil.example");
        assert!(log.contains("--origin"), "the refusal names the setting:\n{log}");
        let twice = Upgrade::to("/echo").set("Host", &own).with("Origin", &allowed[0]).with("Origin", "null");
        assert_eq!(answer_to(server, &twice.bytes()).status, 400, "two origins");
    });
}

#[test]
fn only_hosts_that_cannot_be_rebound_are_served() {
    beside_a_bystander(|server| {
        let port = server.address().port();
        let allowed = ["127.0.0.1", "127.0.0.1:1", "localhost", "LocalHost:80", "192.168.1.7", "[::1]", "[::1]:80"];
        for host in allowed {
            assert_eq!(status_of(server, host, None), 101, "{host}");
        }
        let refused = [
            "evil.example",
            &format!("evil.example:{port}"),
            "localhost.evil.example",
            "evil-localhost",
            "localhost.",
            "xlocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1.",
            "127.0.0.256",
            "127.0.0.0001",
            // Other ways to write an address, which a resolver may take for a name.
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0x7f000001",
            // More digits than a number has room for.
            "99999999999.1.1.1",
            "4294967423.0.0.1",
            "averyveryverylonglabel.b.c.d",
        ];
        for host in refused {
            assert_eq!(status_of(server, host, None), 421, "{host}");
            // Not even with the origin of the page that was rebound.
            assert_eq!(status_of(server, host, Some(&format!("http://{host}"))), 421, "{host}");
        }
        for host in
            ["evil@127.0.0.1", "127.0.0.1/", "127.0.0.1:x", "127.0.0.1:-1", "a b", "[evil]", "[::1", "::1", ":80"]
        {
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
            assert_eq!(answer_to(server, &request.bytes()).status, 421, "{path}");
        }
        let page = answer_to(server, &Upgrade::to("/chat").without("Upgrade").bytes());
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
        assert_eq!(answer_to(server, &absolute("evil.example").bytes()).status, 421);
        assert_eq!(answer_to(server, &absolute("127.0.0.1").bytes()).status, 101);
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
