//! How many may come in: in all, from one address, and in a time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockeye_tokio::proto::Request;

use crate::metrics::METRICS;
use crate::rate::Bucket;

/// What is counted at the door.
pub(crate) struct Door {
    limit: usize,
    per_address: usize,
    proxies: Vec<IpAddr>,
    state: Mutex<State>,
}

struct State {
    inside: usize,
    by_address: HashMap<IpAddr, usize>,
    handshakes: Option<Bucket>,
}

/// A place inside, until it is dropped.
pub(crate) struct Pass {
    door: Arc<Door>,
    /// Whose place it is, once that is known, where it counts.
    address: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    Address,
    Rate,
}

impl Full {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Full::All => "limit.connections",
            Full::Address => "limit.connections-per-address",
            Full::Rate => "limit.handshakes",
        }
    }
}

impl Door {
    pub(crate) fn new(limit: usize, per_address: usize, handshakes: u32, proxies: Vec<IpAddr>) -> Arc<Self> {
        let state = State { inside: 0, by_address: HashMap::new(), handshakes: Bucket::new(handshakes) };
        Arc::new(Door { limit, per_address, proxies, state: Mutex::new(state) })
    }

    /// A place for a connection that just came.
    pub(crate) fn enter(self: &Arc<Self>, peer: SocketAddr) -> Result<Pass, Full> {
        let mut state = self.lock();
        if state.inside >= self.limit {
            return Err(Full::All);
        }
        if state.handshakes.as_mut().is_some_and(|bucket| !bucket.take(1)) {
            return Err(Full::Rate);
        }
        let ip = peer.ip().to_canonical();
        let address = if self.proxies.contains(&ip) { None } else { state.count(ip, self.per_address)? };
        state.inside += 1;
        METRICS.connections.inc();
        drop(state);
        Ok(Pass { door: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in it is half done at a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The client behind a proxy of ours, by the head that the proxy sent; the peer itself otherwise.
    pub(crate) fn client(&self, peer: SocketAddr, request: &Request<'_>) -> IpAddr {
        let ip = peer.ip().to_canonical();
        if !self.door.proxies.contains(&ip) {
            return ip;
        }
        let forwarded = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("X-Forwarded-For"));
        let hops: Vec<_> = forwarded.flat_map(|(_, value)| value.split(',')).collect();
        let mut hops = hops.iter().rev().map_while(|hop| hop.trim().parse::<IpAddr>().ok()).map(|ip| ip.to_canonical());
        // The last that no proxy of ours is: what comes before it, anybody may have written.
        hops.find(|hop| !self.door.proxies.contains(hop)).unwrap_or(ip)
    }

    /// Counts the client, whose peer, a proxy of ours, did not count.
    pub(crate) fn count(&mut self, client: IpAddr) -> Result<(), Full> {
        if self.address.is_none() && !self.door.proxies.contains(&client) {
            self.address = self.door.lock().count(client, self.door.per_address)?;
        }
        Ok(())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        METRICS.connections.dec();
        let mut state = self.door.lock();
        state.inside -= 1;
        if let Some(address) = self.address
            && let Some(count) = state.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                state.by_address.remove(&address);
            }
        }
    }
}

impl State {
    /// Counts one more of this address, if addresses count.
    fn count(&mut self, ip: IpAddr, limit: usize) -> Result<Option<IpAddr>, Full> {
        if limit == 0 {
            return Ok(None);
        }
        let address = network(ip);
        let count = self.by_address.entry(address).or_default();
        if *count >= limit {
            return Err(Full::Address);
        }
        *count += 1;
        Ok(Some(address))
    }
}

/// What one customer has: an address, or of IPv6 a /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address"), 1)
    }

    fn request(forwarded: &[&str]) -> String {
        let lines: String = forwarded.iter().map(|value| format!("X-Forwarded-For: {value}\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
    }

    #[test]
    fn addresses_are_counted_by_network() {
        let door = Door::new(10, 2, 0, Vec::new());
        let first = door.enter(peer("2001:db8::1")).expect("a place");
        let _second = door.enter(peer("2001:db8::2")).expect("a place");
        assert_eq!(door.enter(peer("2001:db8::ffff:3")).err(), Some(Full::Address));
        let _other = door.enter(peer("2001:db8:0:1::1")).expect("another network");
        let _v4 = door.enter(peer("192.0.2.1")).expect("a place");
        let _mapped = door.enter(peer("::ffff:192.0.2.1")).expect("a place");
        assert_eq!(door.enter(peer("192.0.2.1")).err(), Some(Full::Address));
        drop(first);
        let _again = door.enter(peer("2001:db8::3")).expect("a place came free");
    }

    #[test]
    fn the_client_is_the_last_that_is_no_proxy() {
        let proxies = ["127.0.0.1", "10.0.0.1"].map(|ip| ip.parse().expect("an address")).to_vec();
        let cases: &[(&str, &[&str], &str)] = &[
            ("192.0.2.9", &["192.0.2.1"], "192.0.2.9"), // no proxy of ours said so
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["6.6.6.6", "192.0.2.1, 10.0.0.1"], "192.0.2.1"),
            ("127.0.0.1", &["6.6.6.6, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ];
        for (from, forwarded, expected) in cases {
            let door = Door::new(10, 5, 0, proxies.clone());
            let pass = door.enter(peer(from)).expect("a place");
            let head = request(forwarded);
            let (request, _) = Request::parse(head.as_bytes()).expect("a head").expect("whole");
            let client = pass.client(peer(from), &request).to_string();
            assert_eq!(client, *expected, "{forwarded:?}");
        }
    }

    #[test]
    fn clients_behind_a_proxy_count_too() {
        let door = Door::new(10, 1, 0, vec!["127.0.0.1".parse().expect("an address")]);
        let client = "192.0.2.1".parse().expect("an address");
        let mut first = door.enter(peer("127.0.0.1")).expect("a proxy has as many as it likes");
        let mut second = door.enter(peer("127.0.0.1")).expect("a proxy has as many as it likes");
        assert!(first.count(client).is_ok());
        assert_eq!(second.count(client), Err(Full::Address));
        drop(first);
        assert!(second.count(client).is_ok());
    }
}
