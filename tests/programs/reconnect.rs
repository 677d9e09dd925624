//! The client that stays.

use sockeye_tests::{Example, Http, Relay, Server, eventually};

fn say(server: &Server, text: &str) {
    let (response, body) = Http::post("/rooms/lobby", text.as_bytes()).ask(server.address());
    assert_eq!(response.status, 200, "{body}");
}

fn members(server: &Server) -> usize {
    let (response, body) = Http::get("/rooms/lobby").ask(server.address());
    let room: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    if response.status == 200 { room["members"].as_array().map_or(0, Vec::len) } else { 0 }
}

#[test]
fn what_was_said_while_it_was_away_it_hears_once() {
    let server = Server::start();
    let relay = Relay::to(server.address());
    let client = Example::start("reconnect", &format!("ws://{}/rooms/lobby", relay.address()), "");
    for round in 0..2 {
        assert!(eventually(|| members(&server) == 1), "it comes back");
        let now = format!("here {round}");
        say(&server, &now);
        assert_eq!(client.line(), format!("\"\": {now:?}"));
        relay.cut();
        assert!(eventually(|| members(&server) == 0), "the room knows that it is gone");
        for word in ["one", "two"] {
            say(&server, &format!("{word} {round}"));
        }
        relay.lead_to(server.address());
        for word in ["one", "two"] {
            assert_eq!(client.line(), format!("\"\": \"{word} {round}\""));
        }
    }
}

#[test]
fn a_refusal_for_good_ends_it() {
    let server = Server::start();
    let (status, said) = Example::start("reconnect", &server.url("/nothing"), "").ended();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("404") && said.contains("no use"), "{said}");
}

#[test]
fn a_server_that_goes_down_is_come_back_to() {
    let server = Server::start();
    let relay = Relay::to(server.address());
    let client = Example::start("reconnect", &format!("ws://{}/rooms/lobby", relay.address()), "");
    assert!(eventually(|| members(&server) == 1), "it is there");
    say(&server, "before");
    assert_eq!(client.line(), "\"\": \"before\"");
    let next = Server::start();
    relay.lead_to(next.address());
    server.terminate();
    assert!(server.ended().0.success());
    assert!(eventually(|| members(&next) == 1), "it comes back");
    // The room is another.
    assert_eq!(client.line(), "some of what was said is gone");
    say(&next, "after");
    assert_eq!(client.line(), "\"\": \"after\"");
}
