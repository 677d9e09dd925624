//! What a network consists of, and what becomes of a frame in it.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use smoltcp::wire::{EthernetAddress, EthernetFrame, Ipv4Address};

use crate::dhcp;
use crate::dns;
use crate::faults::{Fate, Judge, Way, bend};
use crate::host::Node;
use crate::lan::{GATEWAY, hardware};
use crate::segment::Segment;

/// A frame that is held back goes out after so long, even if none came that could overtake it.
const HELD: Duration = Duration::from_millis(20);
/// Nothing is due for so long: the clock is looked at nevertheless.
const IDLE: Duration = Duration::from_secs(1);

/// What a network consists of.
#[derive(Debug)]
pub(crate) struct State {
    seed: u64,
    nodes: HashMap<Ipv4Address, Node>,
    pub(crate) dhcp: dhcp::Server,
    pub(crate) dns: dns::Server,
    pub(crate) judge: Judge,
    held: HashMap<Way, (Vec<u8>, Instant)>,
    /// Segments to the addresses that have no host behind them.
    by_hand: HashMap<Ipv4Address, VecDeque<Segment>>,
    /// To the device; none any more once the network is gone.
    out: Option<mpsc::Sender<Vec<u8>>>,
    /// The device's network card, once it was heard.
    device: Option<EthernetAddress>,
}

impl State {
    pub(crate) fn new(out: mpsc::Sender<Vec<u8>>, seed: u64, dhcp: dhcp::Server) -> Self {
        State {
            seed,
            nodes: HashMap::new(),
            dhcp,
            dns: dns::Server::default(),
            judge: Judge::new(seed),
            held: HashMap::new(),
            by_hand: HashMap::new(),
            out: Some(out),
            device: None,
        }
    }

    /// A host, unless it is there.
    pub(crate) fn add(&mut self, address: Ipv4Address) {
        self.nodes.entry(address).or_insert_with(|| Node::new(address, self.seed));
    }

    pub(crate) fn node(&mut self, address: Ipv4Address) -> &mut Node {
        self.nodes.get_mut(&address).expect("a host is never removed")
    }

    /// What came for an address without a host.
    pub(crate) fn by_hand(&mut self, address: Ipv4Address) -> &mut VecDeque<Segment> {
        self.by_hand.entry(address).or_default()
    }

    /// Sends a segment that was made by hand; it comes through the gateway.
    pub(crate) fn send_by_hand(&mut self, segment: &Segment) {
        let device = self.device.expect("the device was heard before");
        self.pass(Way::ToDevice, segment.frame(hardware(GATEWAY), device));
    }

    /// A frame goes its way, if it comes through.
    pub(crate) fn pass(&mut self, way: Way, mut frame: Vec<u8>) {
        let held = self.held.remove(&way);
        match self.judge.judge(way, &frame) {
            Fate::Passes => self.arrive(way, frame),
            Fate::IsLost => {}
            Fate::IsHeld => {
                self.held.insert(way, (frame, Instant::now() + HELD));
            }
            Fate::IsDoubled => {
                self.arrive(way, frame.clone());
                self.arrive(way, frame);
            }
            Fate::IsBent(bit) => {
                bend(&mut frame, bit);
                self.arrive(way, frame);
            }
        }
        if let Some((frame, _)) = held {
            self.arrive(way, frame);
        }
    }

    fn arrive(&mut self, way: Way, frame: Vec<u8>) {
        match way {
            Way::ToDevice => {
                // When the device is gone, so is the writer.
                let _ = self.out.as_ref().map(|out| out.send(frame));
            }
            Way::FromDevice => self.deliver(&frame),
        }
    }

    /// Gives a frame from the device to those whom it is for.
    fn deliver(&mut self, frame: &[u8]) {
        let Ok(ethernet) = EthernetFrame::new_checked(frame) else { return };
        self.device = Some(ethernet.src_addr());
        if let Some(answer) = self.dhcp.answer(frame).or_else(|| self.dns.answer(frame)) {
            self.pass(Way::ToDevice, answer);
        }
        for node in self.nodes.values_mut() {
            node.receive(ethernet.dst_addr(), frame);
        }
        if let Some(segment) = Segment::of(frame)
            && let Some(inbox) = self.by_hand.get_mut(segment.to.ip())
        {
            inbox.push_back(segment);
        }
    }

    /// Lets every host do what it can, and passes on what comes of it.
    pub(crate) fn poll(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self.held.extract_if(|_, (_, until)| *until <= now).collect();
        for (way, (frame, _)) in due {
            self.arrive(way, frame);
        }
        let sent: Vec<_> = self.nodes.values_mut().flat_map(Node::poll).collect();
        for frame in sent {
            self.pass(Way::ToDevice, frame);
        }
    }

    /// How long nothing is due.
    pub(crate) fn due(&mut self) -> Duration {
        let now = Instant::now();
        let held = self.held.values().map(|(_, until)| until.saturating_duration_since(now));
        let nodes = self.nodes.values_mut().map(Node::due);
        held.chain(nodes).fold(IDLE, Duration::min)
    }

    pub(crate) fn is_due(&mut self) -> bool {
        self.due().is_zero()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.out.is_none()
    }

    pub(crate) fn end(&mut self) {
        self.out = None;
    }
}
