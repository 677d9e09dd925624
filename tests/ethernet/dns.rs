//! A resolver that knows one name (RFC 1035), and a device that asks it.

use std::io::Read as _;
use std::time::Duration;

use smoltcp::wire::Ipv4Address;

use crate::datagram::{self, Datagram};
use crate::guest::{Deadlines, Guest};
use crate::stream::PATIENCE;

const PORT: u16 = 53;
const NAME: &[u8] = b"\x03hub\x07example\0";
/// Of the host that the name is of.
const HUB: u8 = 80;

/// What it answers, and how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Of `hub.example`; there is no such name without.
    pub(crate) address: Option<Ipv4Address>,
    /// So many questions get no answer.
    pub(crate) lost: usize,
    pub(crate) asked: usize,
}

impl Server {
    /// What answers this frame, if it is for this server.
    pub(crate) fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let question = Datagram::of(frame).filter(|datagram| datagram.to_port == PORT)?;
        self.asked += 1;
        if self.lost > 0 {
            self.lost -= 1;
            return None;
        }
        let asked = question.payload.get(12..)?;
        let known = self.address.filter(|_| asked.starts_with(NAME));
        // A response, with recursion; 3 is that there is no such name.
        let flags = if known.is_some() { [0x81, 0x80] } else { [0x81, 0x83] };
        let counts = [0, 1, 0, known.is_some().into(), 0, 0, 0, 0];
        let mut answer = [&question.payload[..2], &flags, &counts, asked].concat();
        if let Some(address) = known {
            // Its name is the question's; an A of class IN, good for a minute.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(address.octets());
        }
        Some(datagram::frame(PORT, question.hardware, question.from, &answer))
    }
}

#[test]
fn a_device_that_dials_a_name_asks_for_its_address() {
    let guest = Guest::boot_dialling(Deadlines::Short, "ws://hub.example/rooms/lab");
    guest.wait_for(0, "no connection: Name");
    assert!(guest.lan.dns(|server| server.asked) > 0, "it asked");
    let hub = guest.lan.neighbour(HUB);
    let mut stream = hub.listen(80);
    guest.lan.dns(|server| (server.address, server.lost) = (Some(hub.address()), 1));
    stream.wait_until_open(PATIENCE).expect("it comes");
    assert_eq!(guest.lan.dns(|server| server.lost), 0, "it asked again");
    stream.set_limit(Duration::from_secs(10));
    let mut request = [0; 256];
    let len = stream.read(&mut request).expect("a request");
    let request = String::from_utf8_lossy(&request[..len]).into_owned();
    assert!(request.starts_with("GET /rooms/lab HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nHost: hub.example\r\n"), "{request}");
}
