//! A host of the network, with smoltcp's TCP.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

use crate::card::Card;
use crate::lan::{GATEWAY, PREFIX, Shared, hardware};
use crate::stream::{PATIENCE, Stream};

/// TCP's buffers, unless it is said otherwise: the longest without a window scale. With one, smoltcp 0.13 rounds the
/// window that it announces down, so that it shrinks; and as a sender it forgets the retransmission of what it sent into
/// a window that shrank to nothing, and both ends wait for ever.
const BUFFER: usize = 65_535;

/// From one attempt to the next.
pub(crate) const PACE: Duration = Duration::from_millis(20);

/// A host, by its address.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    shared: Arc<Shared>,
    address: Ipv4Address,
}

impl Host {
    pub(crate) fn new(shared: Arc<Shared>, address: Ipv4Address) -> Self {
        Host { shared, address }
    }

    pub(crate) fn address(&self) -> Ipv4Address {
        self.address
    }

    /// Opens a connection.
    pub(crate) fn connect(&self, to: SocketAddrV4) -> io::Result<Stream> {
        self.connect_narrow(to, BUFFER)
    }

    /// The same as soon as there is a listener.
    pub(crate) fn connect_at_last(&self, to: SocketAddrV4) -> Stream {
        let begun = std::time::Instant::now();
        loop {
            match self.connect(to) {
                Ok(stream) => return stream,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "nobody listens: {error}"),
            }
            std::thread::park_timeout(PACE);
        }
    }

    /// The same with so few bytes of a window.
    pub(crate) fn connect_narrow(&self, to: SocketAddrV4, window: usize) -> io::Result<Stream> {
        let handle = self.shared.with(|state| state.node(self.address).connect(to, window));
        let stream = Stream::new(self.shared.clone(), self.address, handle);
        stream.wait_until_open(PATIENCE)?;
        Ok(stream)
    }

    /// The connection to this port that comes next, once it is open.
    pub(crate) fn listen(&self, port: u16) -> Stream {
        let handle = self.shared.with(|state| state.node(self.address).listen(port));
        Stream::new(self.shared.clone(), self.address, handle)
    }

    /// From now on nothing comes from it or to it.
    pub(crate) fn cut(&self) {
        self.link(false, false);
    }

    /// From now on nothing comes to it.
    pub(crate) fn deafen(&self) {
        self.link(true, false);
    }

    /// It is there again.
    pub(crate) fn mend(&self) {
        self.link(true, true);
    }

    fn link(&self, speaks: bool, hears: bool) {
        self.shared.with(|state| {
            let node = state.node(self.address);
            (node.speaks, node.hears) = (speaks, hears);
        });
    }
}

/// What a host consists of.
pub(crate) struct Node {
    address: Ipv4Address,
    interface: Interface,
    card: Card,
    sockets: SocketSet<'static>,
    /// Nobody looks at these any more.
    left: Vec<SocketHandle>,
    next_port: u16,
    speaks: bool,
    hears: bool,
}

impl Node {
    pub(crate) fn new(address: Ipv4Address, seed: u64) -> Self {
        let mut card = Card::default();
        let mut config = Config::new(hardware(address).into());
        config.random_seed = seed ^ u64::from(address.to_bits());
        let mut interface = Interface::new(config, &mut card, Instant::now());
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address.into(), PREFIX)).expect("there is room for one");
        });
        interface.routes_mut().add_default_ipv4_route(GATEWAY).expect("there is room for one");
        Node {
            address,
            interface,
            card,
            sockets: SocketSet::new([]),
            left: Vec::new(),
            next_port: 0xc000,
            speaks: true,
            hears: true,
        }
    }

    pub(crate) fn socket(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Lets a connection end by itself.
    pub(crate) fn leave(&mut self, handle: SocketHandle) {
        self.socket(handle).close();
        self.left.push(handle);
    }

    /// A frame comes by.
    pub(crate) fn receive(&mut self, to: EthernetAddress, frame: &[u8]) {
        if self.hears && (to == hardware(self.address) || to.is_broadcast()) {
            self.card.received.push_back(frame.to_vec());
        }
    }

    /// Does what there is to do: what it sends.
    pub(crate) fn poll(&mut self) -> Vec<Vec<u8>> {
        self.interface.poll(Instant::now(), &mut self.card, &mut self.sockets);
        let sockets = &mut self.sockets;
        self.left.retain(|handle| {
            let is_over = matches!(sockets.get::<Socket<'_>>(*handle).state(), State::Closed | State::TimeWait);
            if is_over {
                sockets.remove(*handle);
            }
            !is_over
        });
        let mut sent = std::mem::take(&mut self.card.sent);
        if !self.speaks {
            sent.clear();
        }
        sent
    }

    /// How long there is nothing to do.
    pub(crate) fn due(&mut self) -> Duration {
        self.interface.poll_delay(Instant::now(), &self.sockets).map_or(Duration::MAX, Into::into)
    }

    fn connect(&mut self, to: SocketAddrV4, window: usize) -> SocketHandle {
        self.next_port += 1;
        let mut socket = socket(window);
        socket.connect(self.interface.context(), to, self.next_port).expect("an address and a port");
        self.sockets.add(socket)
    }

    fn listen(&mut self, port: u16) -> SocketHandle {
        let mut socket = socket(BUFFER);
        socket.listen(port).expect("a port");
        self.sockets.add(socket)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.address)
    }
}

fn socket(window: usize) -> Socket<'static> {
    let mut socket = Socket::new(SocketBuffer::new(vec![0; window]), SocketBuffer::new(vec![0; BUFFER]));
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}
