//! Bad input and bad peers: each class of bug that WebSocket software shipped, against the server and the client.

mod budget;
mod client_frames;
mod client_trust;
mod command_line;
mod connect;
mod control;
mod door;
mod endless;
mod floods;
mod grammar;
mod half_open;
mod heads;
mod hosted;
mod lengths;
mod limits;
mod logs;
mod operator;
mod proxies;
mod resume;
mod room_api;
mod room_floods;
mod rooms;
mod service;
mod settings;
mod shutdown;
mod slow_readers;
mod smuggling;
mod teardown;
mod tls;
mod tokens;

use std::net::SocketAddr;

use sockeye_tests::rows::{self, Asked};
use sockeye_tests::{Bystander, Raw, Response, Server, Upgrade};

/// Runs a test on a server beside a bystander.
fn beside_a_bystander(test: impl FnOnce(&Server)) {
    let server = Server::start();
    let bystander = Bystander::on(server.address());
    test(&server);
    bystander.assert_undisturbed();
}

/// The answer to a request of these bytes, after which the connection must end unless it is a 101.
fn answer_to(server: SocketAddr, request: &[u8]) -> Response {
    let mut raw = Raw::dial(server);
    raw.try_send(request);
    let response = raw.response().unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(request)));
    if response.status != 101 {
        raw.rest();
    }
    response
}

/// Asserts the status of the answer to each request, which is told by a name.
fn assert_statuses(server: SocketAddr, cases: Vec<Asked>) {
    for (name, upgrade, status) in cases {
        assert_eq!(answer_to(server, &upgrade.bytes()).status, status, "{name}");
    }
}

/// Sends frames together with a request for /echo, cut in two at each place, and expects each to be answered.
fn assert_early_frames_are_kept(address: SocketAddr) {
    let frames = rows::early();
    let bytes = [Upgrade::to("/echo").bytes(), frames.clone()].concat();
    let head = bytes.len() - frames.len();
    for cut in (head - 4..bytes.len()).chain([bytes.len()]) {
        let mut raw = Raw::dial(address);
        raw.send(&bytes[..cut]);
        raw.send(&bytes[cut..]);
        assert_eq!(raw.response().expect("an answer").status, 101);
        assert_eq!(raw.text(), "early", "cut at {cut}");
        assert_eq!(raw.frame().expect("a pong").payload, b"bird", "cut at {cut}");
    }
}
