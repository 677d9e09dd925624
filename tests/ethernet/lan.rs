//! The whole network of a device: hosts with TCP of their own, a DHCP server, peers whose segments are made by hand,
//! and what happens to frames on the way.

use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use smoltcp::wire::{EthernetAddress, Ipv4Address};

use crate::cable::Cable;
use crate::dhcp;
use crate::dns;
use crate::faults::{Faults, Way};
use crate::host::Host;
use crate::state::State;

/// The way to the rest of the world, and the DHCP server.
pub(crate) const GATEWAY: Ipv4Address = Ipv4Address::new(192, 168, 77, 1);
pub(crate) const MASK: Ipv4Address = Ipv4Address::new(255, 255, 255, 0);
pub(crate) const PREFIX: u8 = 24;

/// The network card of an address.
pub(crate) fn hardware(address: Ipv4Address) -> EthernetAddress {
    let [a, b, c, d] = address.octets();
    EthernetAddress([0x02, 0, a, b, c, d])
}

/// A network at the other end of a cable.
#[derive(Debug)]
pub(crate) struct Lan {
    shared: Arc<Shared>,
    cable: Cable,
    threads: Vec<JoinHandle<()>>,
}

impl Lan {
    pub(crate) fn new(cable: UnixStream, seed: u64, dhcp: dhcp::Server) -> Self {
        let cable = Cable::new(cable);
        let (out, frames) = mpsc::channel();
        let shared = Arc::new(Shared { state: Mutex::new(State::new(out, seed, dhcp)), changed: Condvar::new() });
        let threads = vec![
            thread::spawn({
                let mut cable = cable.again();
                move || while frames.recv().is_ok_and(|frame| cable.send(frame).is_ok()) {}
            }),
            thread::spawn({
                let (mut cable, shared) = (cable.again(), shared.clone());
                move || {
                    while let Ok(frame) = cable.receive() {
                        shared.with(|state| state.pass(Way::FromDevice, frame));
                    }
                }
            }),
            thread::spawn({
                let shared = shared.clone();
                move || shared.keep_time()
            }),
        ];
        let lan = Lan { shared, cable, threads };
        lan.host(GATEWAY);
        lan
    }

    /// The host of this address, which is new or was there before.
    pub(crate) fn host(&self, address: Ipv4Address) -> Host {
        self.shared.with(|state| state.add(address));
        Host::new(self.shared.clone(), address)
    }

    /// The host whose address ends so.
    pub(crate) fn neighbour(&self, number: u8) -> Host {
        let [a, b, c, _] = GATEWAY.octets();
        self.host(Ipv4Address::new(a, b, c, number))
    }

    /// From now on this happens to frames, on both ways.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.shared.with(|state| state.judge.set(faults));
    }

    /// How many frames met which fault.
    pub(crate) fn faults(&self, way: Way) -> Faults {
        self.shared.with(|state| state.judge.count(way))
    }

    /// The resolver.
    pub(crate) fn dns<T>(&self, use_it: impl FnOnce(&mut dns::Server) -> T) -> T {
        self.shared.with(|state| use_it(&mut state.dns))
    }

    /// The DHCP server.
    pub(crate) fn dhcp<T>(&self, use_it: impl FnOnce(&mut dhcp::Server) -> T) -> T {
        self.shared.with(|state| use_it(&mut state.dhcp))
    }

    /// Waits until the DHCP server heard this for the `count`th time; whether it did within the limit.
    pub(crate) fn dhcp_heard(&self, what: dhcp::Heard, count: usize, limit: Duration) -> bool {
        let heard = |state: &mut State| state.dhcp.heard.iter().filter(|heard| **heard == what).count();
        self.shared.wait(limit, |state| (heard(state) >= count).then_some(())).is_some()
    }

    /// The network as those see it who are not hosts of it.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        self.cable.pull();
        self.shared.with(State::end);
        for thread in self.threads.drain(..) {
            let joined = thread.join();
            // A failed test says why it failed, not this.
            assert!(joined.is_ok() || thread::panicking(), "a thread of the network failed");
        }
    }
}

/// A network, for all who take part in it.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// Does something to the network, and what follows from it.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let output = change(&mut state);
        state.poll();
        self.changed.notify_all();
        output
    }

    /// Tries again at each change until there is something; nothing once it takes too long.
    pub(crate) fn wait<T>(&self, limit: Duration, mut attempt: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = attempt(&mut state) {
                state.poll();
                self.changed.notify_all();
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What is due by the clock: acknowledgements, retransmissions, frames that were held back.
    fn keep_time(&self) {
        let mut state = self.lock();
        while !state.is_over() {
            if state.is_due() {
                state.poll();
                self.changed.notify_all();
            }
            let left = state.due();
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
