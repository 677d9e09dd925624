//! A peer that keeps to the rules: the core, driven from outside over the two wires.

use std::collections::VecDeque;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::{self, Event, MAX_CONTROL, Masked, Masking, ProtocolError, Reply, Unmasked};
use sockeye_embassy::{CloseCode, Kind};

use super::wire::Wire;

pub(crate) struct Peer<M> {
    receiver: proto::Receiver,
    sender: proto::Sender<M>,
    from: Wire,
    to: Wire,
    /// Frames that are still to be written, the first of them in part.
    frames: VecDeque<Vec<u8>>,
    written: usize,
    /// What came, in its order.
    pub(crate) seen: Vec<Seen>,
    /// The rule that the other side broke.
    pub(crate) error: Option<ProtocolError>,
}

/// What a peer saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A piece of a message, and whether it ends it.
    Piece(Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Peer<Masked<StdRng>> {
    /// A client.
    pub(crate) fn client(seed: u64, from: Wire, to: Wire) -> Self {
        Peer::new(proto::Receiver::client(), proto::Sender::client(StdRng::seed_from_u64(seed)), from, to)
    }
}

impl Peer<Unmasked> {
    /// A server.
    pub(crate) fn server(from: Wire, to: Wire) -> Self {
        Peer::new(proto::Receiver::server(), proto::Sender::server(), from, to)
    }
}

impl<M: Masking> Peer<M> {
    fn new(receiver: proto::Receiver, sender: proto::Sender<M>, from: Wire, to: Wire) -> Self {
        Peer { receiver, sender, from, to, frames: VecDeque::new(), written: 0, seen: Vec::new(), error: None }
    }

    /// Queues a frame of a message.
    pub(crate) fn chunk(&mut self, kind: Kind, payload: &[u8], last: bool) {
        let mut head = self.sender.chunk(kind, payload.len() as u64, last).expect("the peer may send it");
        let mut frame = head.bytes().to_vec();
        let start = frame.len();
        frame.extend_from_slice(payload);
        head.mask(&mut frame[start..]);
        self.frames.push_back(frame);
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) {
        let mut out = [0; MAX_CONTROL];
        self.frames.push_back(self.sender.ping(payload, &mut out).expect("not closed").to_vec());
    }

    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) {
        let mut out = [0; MAX_CONTROL];
        self.frames.push_back(self.sender.close(code, reason, &mut out).expect("not closed").to_vec());
    }

    /// Reads and writes at most so many bytes, and says how many it were.
    pub(crate) fn turn(&mut self, read: usize, write: usize) -> usize {
        let taken = self.from.take(read);
        let count = taken.len();
        self.take(taken);
        count + self.put(write)
    }

    /// Whether all that was queued is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether our side of the closing handshake is done.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether what came so far ends inside a frame or a message.
    pub(crate) fn is_inside(&self) -> bool {
        self.receiver.in_message()
    }

    fn take(&mut self, mut bytes: Vec<u8>) {
        let mut input = &mut bytes[..];
        loop {
            match self.receiver.next_event(&mut input) {
                Ok(None) => return,
                Ok(Some(Event::Data(chunk))) => self.seen.push(Seen::Piece(chunk.payload.to_vec(), chunk.last)),
                Ok(Some(Event::Ping(ping))) => {
                    self.seen.push(Seen::Ping(ping.payload().to_vec()));
                    self.reply(&ping.reply());
                }
                Ok(Some(Event::Pong(pong))) => self.seen.push(Seen::Pong(pong.payload().to_vec())),
                Ok(Some(Event::Close(close))) => {
                    self.seen.push(Seen::Close(close.code().map(CloseCode::get), close.reason().to_owned()));
                    self.reply(&close.reply());
                }
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    /// Behind the frame that is being written. A close is the last.
    fn reply(&mut self, reply: &Reply) {
        let mut out = [0; MAX_CONTROL];
        let Ok(frame) = self.sender.reply(reply, &mut out) else { return };
        if reply.is_close() {
            self.frames.truncate(usize::from(self.written > 0));
        }
        let at = usize::from(self.written > 0).min(self.frames.len());
        self.frames.insert(at, frame.to_vec());
    }

    fn put(&mut self, max: usize) -> usize {
        let mut left = max;
        while let Some(frame) = self.frames.front()
            && left > 0
        {
            let rest = &frame[self.written..];
            let len = self.to.put_some(&rest[..rest.len().min(left)]);
            (self.written, left) = (self.written + len, left - len);
            if self.written == frame.len() {
                self.frames.pop_front();
                self.written = 0;
            }
            if len == 0 {
                break;
            }
        }
        max - left
    }
}
