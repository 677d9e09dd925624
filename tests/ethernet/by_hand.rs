//! A peer somewhere in the world whose segments are made by hand: nothing is answered by itself.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltcp::wire::{TcpControl, TcpSeqNumber};
use sockeye_tests::frame::{self, Frame};

use crate::lan::{Lan, Shared};
use crate::segment::Segment;

/// A segment is answered within so long, whatever else the device does.
const SOON: Duration = Duration::from_secs(5);
const WINDOW: u16 = 60_000;
/// The number of the first byte. Any will do.
const FIRST: TcpSeqNumber = TcpSeqNumber(1_000_000);

/// One end of a TCP connection that is there or not.
#[derive(Debug)]
pub(crate) struct ByHand {
    shared: Arc<Shared>,
    from: SocketAddrV4,
    to: SocketAddrV4,
    /// What the device says next.
    ack: TcpSeqNumber,
    /// What the device wants to hear next.
    wanted: TcpSeqNumber,
    /// What came and was not looked at.
    bytes: Vec<u8>,
    /// Whether the device's end came.
    is_over: bool,
}

impl ByHand {
    pub(crate) fn new(lan: &Lan, from: SocketAddrV4, to: SocketAddrV4) -> Self {
        let shared = lan.shared();
        // From now on segments to it are kept.
        shared.with(|state| state.by_hand(*from.ip()).clear());
        ByHand { shared, from, to, ack: TcpSeqNumber(0), wanted: FIRST, bytes: Vec::new(), is_over: false }
    }

    /// Makes the handshake, with a SYN that is sent once: for a device that has served somebody. One that has just said
    /// that it listens is about to; it answers with a reset, which is lost while it does not know the gateway's card.
    pub(crate) fn open(lan: &Lan, from: SocketAddrV4, to: SocketAddrV4) -> Self {
        let mut peer = Self::new(lan, from, to);
        peer.syn();
        assert_eq!(peer.answer_to_syn(), Some(TcpControl::Syn), "the device takes the connection");
        peer.send(0, b"");
        peer
    }

    pub(crate) fn syn(&self) {
        self.put(&Segment { control: TcpControl::Syn, seq: FIRST - 1, ack: None, ..self.segment(0, b"") });
    }

    /// SYN, or RST, or nothing in time.
    pub(crate) fn answer_to_syn(&mut self) -> Option<TcpControl> {
        let answer = self.next(SOON)?;
        self.ack = answer.seq + 1;
        Some(answer.control)
    }

    /// Sends data whose first byte is at this place of the stream, and acknowledges what was read.
    pub(crate) fn send(&self, at: usize, payload: &[u8]) {
        self.put(&self.segment(at, payload));
    }

    /// Sends RST, at this place of the stream.
    pub(crate) fn reset(&self, at: i32) {
        let seq = TcpSeqNumber(FIRST.0.wrapping_add(at));
        self.put(&Segment { control: TcpControl::Rst, seq, ..self.segment(0, b"") });
    }

    /// Waits until the device has said all.
    pub(crate) fn wait_for_the_end(&mut self) {
        while !self.is_over {
            self.take();
        }
    }

    /// Ends both sides in order.
    pub(crate) fn end(&mut self, at: usize) {
        self.wait_for_the_end();
        self.put(&Segment { control: TcpControl::Fin, ..self.segment(at, b"") });
    }

    /// The head of an answer.
    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.bytes.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            self.take();
        }
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Frame {
        loop {
            let mut taken = 0;
            if let Some(frame) = frame::take(&self.bytes, &mut taken) {
                self.bytes.drain(..taken);
                return frame;
            }
            self.take();
        }
    }

    /// The next message, put together.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        loop {
            let frame = self.frame();
            message.extend_from_slice(&frame.payload);
            if frame.first & frame::ENDS != 0 {
                return message;
            }
        }
    }

    /// So many bytes.
    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        while self.bytes.len() < len {
            self.take();
        }
        self.bytes.drain(..len).collect()
    }

    /// Whether the device has all up to this place of the stream, within a second.
    pub(crate) fn has(&mut self, at: usize) -> bool {
        let end = Instant::now() + Duration::from_secs(1);
        while self.wanted < FIRST + at {
            let left = end.saturating_duration_since(Instant::now());
            if !self.take_within(left) {
                return false;
            }
        }
        true
    }

    fn take(&mut self) {
        assert!(self.take_within(SOON), "the device goes on");
    }

    /// Takes a segment, if one comes, and its data if they were not here before.
    fn take_within(&mut self, limit: Duration) -> bool {
        let Some(segment) = self.next(limit) else { return false };
        assert_ne!(segment.control, TcpControl::Rst, "the device resets the connection");
        self.wanted = segment.ack.map_or(self.wanted, |ack| ack.max(self.wanted));
        if segment.seq == self.ack {
            self.ack += segment.payload.len();
            self.bytes.extend_from_slice(&segment.payload);
            if segment.control == TcpControl::Fin {
                self.ack += 1;
                self.is_over = true;
            }
        }
        true
    }

    /// The next segment of the device for this peer, if one comes in time.
    fn next(&self, limit: Duration) -> Option<Segment> {
        let (from, to) = (self.from, self.to);
        self.shared.wait(limit, |state| {
            let inbox = state.by_hand(*from.ip());
            let at = inbox.iter().position(|segment| segment.to == from && segment.from == to)?;
            inbox.remove(at)
        })
    }

    /// A segment with the numbers that are right.
    fn segment(&self, at: usize, payload: &[u8]) -> Segment {
        Segment {
            from: self.from,
            to: self.to,
            control: if payload.is_empty() { TcpControl::None } else { TcpControl::Psh },
            seq: FIRST + at,
            ack: Some(self.ack),
            window: WINDOW,
            payload: payload.to_vec(),
        }
    }

    fn put(&self, segment: &Segment) {
        self.shared.with(|state| state.send_by_hand(segment));
    }
}
