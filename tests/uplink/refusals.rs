//! Servers that do not want it.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sockeye_tests::device::Firmware;
use sockeye_tests::{Authority, Issued, Raw, Relay, Upgrade};

use crate::hub::{Hub, pins, readings_of};
use crate::{assert_whole, dial, is_secure, wait_until};

/// A server that answers each request so, and says when it came and with what head.
fn answering(issued: &Issued, answer: &'static str) -> (SocketAddr, Receiver<(Instant, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        loop {
            let mut raw = Raw::accepted(&listener);
            // Who breaks off is no request.
            let Some(head) = raw.head() else { continue };
            if tell.send((Instant::now(), head)).is_err() {
                return;
            }
            raw.try_send(answer.as_bytes());
        }
    });
    (if is_secure() { Authority::with_tls(issued, address) } else { address }, told)
}

#[test]
fn a_redirect_is_not_followed() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let (elsewhere, came) = answering(&issued, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let location = format!("HTTP/1.1 302 Found\r\nLocation: ws://10.0.2.2:{}/\r\n\r\n", elsewhere.port());
    let (redirecting, requests) = answering(&issued, location.leak());
    let relay = Relay::to(redirecting);
    let device = dial(Firmware::shipped("uplink"), relay.address(), &[pins(&[&issued])]);
    device.wait_for("302").expect("it says so");
    requests.recv_timeout(crate::LIMIT).expect("it asked");
    let hub = Hub::start(&authority, &issued, &[]);
    relay.lead_to(hub.address());
    assert_whole(&hub, &device, 5);
    assert!(came.try_recv().is_err(), "it followed");
}

#[test]
fn a_busy_server_is_left_alone_for_as_long_as_it_wants() {
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let (busy, requests) = answering(&issued, busy);
    let relay = Relay::to(busy);
    let device = dial(Firmware::shipped("uplink"), relay.address(), &[pins(&[&issued])]);
    let mut at = (0..2).map(|_| requests.recv_timeout(crate::LIMIT).expect("it asks").0);
    let (first, second) = (at.next().expect("one"), at.next().expect("another"));
    assert!(second - first >= Duration::from_secs(7), "it came back after {:?}", second - first);
    let hub = Hub::start(&authority, &issued, &[]);
    relay.lead_to(hub.address());
    assert_whole(&hub, &device, 10);
}

#[test]
fn a_token_that_is_not_known_and_then_is() {
    const TOKEN: &str = "a-device+token.of~its_own=";
    let authority = Authority::default();
    let issued = authority.issue(&["localhost"]);
    let tokens = |name: &str, secret: &str| {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let token = format!("[[token]]\nname = \"{name}\"\nsecret = \"{secret}\"\nread = [\"*\"]\nwrite = [\"*\"]\n");
        file.write_all(token.as_bytes()).expect("it is written");
        file
    };
    let (other, right) = (tokens("other", "the-token-of-somebody-else"), tokens("device", TOKEN));
    let guarded = |file: &tempfile::NamedTempFile| {
        Hub::start(&authority, &issued, &["--config", file.path().to_str().expect("text")])
    };
    let hub = guarded(&other);
    let relay = Relay::to(hub.address());
    let words = [pins(&[&issued]), format!("UPLINK_TOKEN={TOKEN}")];
    let device = dial(Firmware::shipped("uplink"), relay.address(), &words);
    device.wait_for("401").expect("it says so");
    let hub = guarded(&right);
    relay.lead_to(hub.address());
    let upgrade = || Upgrade::to("/rooms/lab").with("Authorization", &format!("Bearer {TOKEN}"));
    let mut readings = Vec::new();
    wait_until("readings", &device, || {
        readings = readings_of(&hub.join_with(upgrade()).1);
        readings.len() >= 5
    });
    assert!(readings.iter().enumerate().all(|(at, reading)| reading.number as usize == at), "{readings:?}");
    assert!(device.log().iter().all(|line| !line.message.contains(TOKEN)), "the token is in no log");
}
