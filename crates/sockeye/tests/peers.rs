//! Both halves together, with random messages, fragments, pings and splits; and random and broken bytes.

mod common;

use common::*;
use proptest::prelude::*;
use sockeye::{CloseCode, Event, Kind, Limits, MAX_CONTROL, Masked, Masking, Receiver, Replies, Sender, Unmasked};

/// A message, where it is cut into frames, and the control frames between them.
#[derive(Debug, Clone)]
struct Message {
    kind: Kind,
    payload: Vec<u8>,
    cuts: Vec<prop::sample::Index>,
    controls: Vec<(bool, Vec<u8>)>,
}

fn any_message() -> impl Strategy<Value = Message> {
    let text = any::<String>().prop_map(|text| (Kind::Text, text.into_bytes()));
    let binary = prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (Kind::Binary, bytes));
    let control = (any::<bool>(), prop::collection::vec(any::<u8>(), 0..=125));
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..5);
    (prop_oneof![text, binary], cuts, prop::collection::vec(control, 0..4))
        .prop_map(|((kind, payload), cuts, controls)| Message { kind, payload, cuts, controls })
}

impl Message {
    /// Writes the frames, and says what they are to be received as.
    fn send<M: Masking>(&self, sender: &mut Sender<M>, wire: &mut Vec<u8>, expect: &mut Vec<Got>) {
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(self.payload.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(self.payload.len());
        let mut controls = self.controls.iter();
        let mut from = 0;
        let mut piece = Vec::new();
        for (i, to) in cuts.iter().enumerate() {
            let last = i == cuts.len() - 1;
            write_chunk(sender, self.kind, &self.payload[from..*to], last, wire);
            piece.extend(&self.payload[from..*to]);
            from = *to;
            if last {
                expect.push(Got::Data(self.kind, std::mem::take(&mut piece), true));
            }
            if let Some((is_ping, payload)) = controls.next() {
                if !piece.is_empty() {
                    expect.push(Got::piece(self.kind, std::mem::take(&mut piece)));
                }
                let mut out = [0; MAX_CONTROL];
                wire.extend(if *is_ping {
                    expect.push(Got::ping(payload));
                    sender.ping(payload, &mut out).expect("open")
                } else {
                    expect.push(Got::pong(payload));
                    sender.pong(payload, &mut out).expect("open")
                });
            }
        }
    }
}

fn write_chunk<M: Masking>(sender: &mut Sender<M>, kind: Kind, payload: &[u8], last: bool, wire: &mut Vec<u8>) {
    let mut head = sender.chunk(kind, payload.len() as u64, last).expect("open, and of this kind");
    wire.extend(head.bytes());
    let start = wire.len();
    wire.extend(payload);
    head.mask(&mut wire[start..]);
}

/// Cuts `wire` into pieces of these lengths, over and over.
fn pieces<'w>(wire: &'w [u8], lengths: &[usize]) -> Vec<&'w [u8]> {
    let (mut rest, mut pieces) = (wire, Vec::new());
    for len in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*len));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn round_trip<M: Masking>(mut sender: Sender<M>, from: Role, messages: &[Message], lengths: &[usize]) {
    let (mut wire, mut expect) = (Vec::new(), Vec::new());
    for message in messages {
        message.send(&mut sender, &mut wire, &mut expect);
    }
    let whole = feed(from.peer(), [&wire[..]]);
    let split = feed(from.peer(), pieces(&wire, lengths));
    let expect = Outcome { events: expect, error: None };
    assert_eq!(whole, expect);
    assert_eq!(split, expect);
}

proptest! {
    #[test]
    fn what_is_sent_is_received(
        messages in prop::collection::vec(any_message(), 0..5),
        lengths in prop::collection::vec(1usize..20, 1..10),
        seed: u64,
    ) {
        round_trip(Sender::server(), Role::Server, &messages, &lengths);
        round_trip(Sender::client(Counted::new(seed)), Role::Client, &messages, &lengths);
    }
}

/// What a peer does next.
#[derive(Debug, Clone)]
enum Act {
    Chunk(Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// Sends what is owed.
    Reply,
    /// Reads this many bytes.
    Read(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    let payload = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        4 => (payload(), any::<bool>()).prop_map(|(payload, last)| Act::Chunk(payload, last)),
        2 => payload().prop_map(Act::Ping),
        1 => payload().prop_map(Act::Pong),
        1 => (3000u16..5000, "[a-zé]{0,40}").prop_map(|(code, reason)| Act::Close(code, reason)),
        4 => Just(Act::Reply),
        8 => (1usize..60).prop_map(Act::Read),
    ]
}

/// An endpoint, and a log of what it sent and received.
struct Peer<M> {
    receiver: Receiver,
    sender: Sender<M>,
    replies: Replies,
    /// What it sent and the other has not read yet.
    wire: Vec<u8>,
    sent: Outcome,
    received: Outcome,
    pings: usize,
    pongs: usize,
}

impl<M: Masking> Peer<M> {
    fn new(receiver: Receiver, sender: Sender<M>) -> Self {
        let (sent, received) = (Outcome::default(), Outcome::default());
        Peer { receiver, sender, replies: Replies::new(), wire: Vec::new(), sent, received, pings: 0, pongs: 0 }
    }

    /// Also tried after a close, where all of it is to be refused.
    fn act(&mut self, act: &Act, inbox: &mut Vec<u8>) {
        let closed = self.sender.is_closed();
        let mut out = [0; MAX_CONTROL];
        let written = match act {
            Act::Chunk(payload, last) => {
                let head = self.sender.chunk(Kind::Binary, payload.len() as u64, *last);
                assert_eq!(head.is_err(), closed);
                let Ok(mut head) = head else { return };
                let mut payload = payload.clone();
                if *last || !payload.is_empty() {
                    self.sent.events.push(Got::Data(Kind::Binary, payload.clone(), *last));
                }
                head.mask(&mut payload);
                self.wire.extend(head.bytes());
                self.wire.extend(payload);
                return;
            }
            Act::Ping(payload) => self.sender.ping(payload, &mut out).map(|bytes| (bytes, Got::ping(payload))),
            Act::Pong(payload) => self.sender.pong(payload, &mut out).map(|bytes| (bytes, Got::pong(payload))),
            Act::Close(code, reason) => {
                let written = self.sender.close(CloseCode::new(*code).expect("a valid code"), reason, &mut out);
                written.map(|bytes| (bytes, Got::close(*code, reason)))
            }
            Act::Reply => {
                let Some(reply) = self.replies.pop() else { return };
                let got = match self.received.events.iter().rev().find_map(owed) {
                    Some(got) if matches!(got, Got::Close(..)) == reply.is_close() => got,
                    other => panic!("{reply:?} for {other:?}"),
                };
                self.pongs += usize::from(!reply.is_close());
                self.sender.reply(&reply, &mut out).map(|bytes| (bytes, got))
            }
            Act::Read(len) => {
                let piece: Vec<u8> = inbox.drain(..inbox.len().min(*len)).collect();
                return self.read(piece);
            }
        };
        assert_eq!(written.is_err(), closed);
        if let Ok((bytes, got)) = written {
            self.wire.extend(bytes);
            self.sent.events.push(got);
        }
    }

    fn read(&mut self, mut piece: Vec<u8>) {
        let mut input = &mut piece[..];
        while let Some(event) = self.receiver.next_event(&mut input).expect("the peer keeps the rules") {
            let got = match event {
                Event::Data(chunk) => Got::Data(chunk.kind, chunk.payload.to_vec(), chunk.last),
                Event::Ping(ping) => {
                    let got = Got::ping(ping.payload());
                    self.replies.push(ping.reply());
                    self.pings += 1;
                    got
                }
                Event::Pong(pong) => Got::pong(pong.payload()),
                Event::Close(close) => {
                    let got = Got::Close(close.code().map(CloseCode::get), close.reason().to_owned());
                    self.replies.push(close.reply());
                    got
                }
            };
            self.received.events.push(got);
        }
    }
}

/// The reply that an event is owed.
fn owed(event: &Got) -> Option<Got> {
    match event {
        Got::Ping(payload) => Some(Got::pong(payload)),
        Got::Close(..) => Some(event.clone()),
        _ => None,
    }
}

fn joined(events: &[Got]) -> Vec<Got> {
    let mut joined: Vec<Got> = Vec::new();
    for event in events {
        match (joined.last_mut(), event) {
            (Some(Got::Data(_, bytes, last @ false)), Got::Data(_, more, more_last)) => {
                bytes.extend(more);
                *last = *more_last;
            }
            _ => joined.push(event.clone()),
        }
    }
    joined
}

proptest! {
    #[test]
    fn two_peers_back_to_back_agree_on_what_was_said(
        acts in prop::collection::vec((any::<bool>(), any_act()), 0..120),
        seed: u64,
        both_close: bool,
    ) {
        let mut client: Peer<Masked<Counted>> = Peer::new(Receiver::client(), Sender::client(Counted::new(seed)));
        let mut server: Peer<Unmasked> = Peer::new(Receiver::server(), Sender::server());
        for (by_client, act) in &acts {
            if *by_client {
                client.act(act, &mut server.wire);
            } else {
                server.act(act, &mut client.wire);
            }
        }
        // The end: one closes, or both at once; all is read, and what is owed is sent.
        client.act(&Act::Close(3000, "client".into()), &mut server.wire);
        if both_close {
            server.act(&Act::Close(3001, "server".into()), &mut client.wire);
        }
        server.act(&Act::Read(usize::MAX), &mut client.wire);
        server.act(&Act::Reply, &mut client.wire);
        client.act(&Act::Read(usize::MAX), &mut server.wire);
        client.act(&Act::Reply, &mut server.wire);

        prop_assert!(client.sender.is_closed() && server.sender.is_closed());
        prop_assert!(client.pongs <= client.pings && server.pongs <= server.pings);
        for (sent, received) in [(&client.sent, &server.received), (&server.sent, &client.received)] {
            prop_assert!(matches!(received.events.last(), Some(Got::Close(..))));
            prop_assert_eq!(joined(&received.events), joined(&sent.events));
        }
    }
}

/// A frame of any kind, most of them allowed.
fn any_frame() -> impl Strategy<Value = Frame> {
    let payload = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..20),
        3 => "[a-zé€𝄞]{0,8}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 120..130),
        1 => (1000u16..1020, "[aé]{0,3}").prop_map(|(code, reason)| [&code.to_be_bytes(), reason.as_bytes()].concat()),
    ];
    let opcode = prop::sample::select(vec![0, 0, 0, 0, 1, 1, 1, 2, 2, 8, 9, 9, 10, 3, 15]);
    let odd = prop::option::weighted(0.05, 0u8..6);
    (opcode, payload, any::<bool>(), any::<[u8; 4]>(), odd).prop_map(|(opcode, payload, more, key, odd)| {
        let frame = Frame::new(opcode, payload).key(key);
        let frame = if more && opcode < 8 { frame.more() } else { frame };
        match odd {
            Some(0) => frame.reserved(4),
            Some(1) => frame.masked(false),
            Some(2) => frame.length(Length::In16(5)),
            Some(3) => frame.claims(1 << 40),
            Some(4) => frame.claims(u64::MAX),
            Some(5) => frame.more(),
            _ => frame,
        }
    })
}

fn any_limits() -> impl Strategy<Value = Limits> {
    prop_oneof![Just(Limits::NONE), (0u64..60, 0u64..60).prop_map(|(frame, message)| Limits { frame, message })]
}

/// Nothing panics, and every split says the same.
fn any_split(wire: &[u8], limits: Limits) {
    for from in [Role::Client, Role::Server] {
        let receiver = || from.peer().with_limits(limits);
        let whole = feed(receiver(), [wire]);
        same_in_every_split(&receiver, wire, &whole);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic_and_say_the_same_in_every_split(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        limits in any_limits(),
    ) {
        any_split(&bytes, limits);
    }

    #[test]
    fn arbitrary_frames_say_the_same_in_every_split(
        frames in prop::collection::vec(any_frame(), 0..8),
        limits in any_limits(),
    ) {
        any_split(&frames.iter().flat_map(|frame| frame.bytes(Role::Client)).collect::<Vec<_>>(), limits);
        any_split(&frames.iter().flat_map(|frame| frame.bytes(Role::Server)).collect::<Vec<_>>(), limits);
    }

    #[test]
    fn a_broken_stream_says_the_same_in_every_split(
        messages in prop::collection::vec(any_message(), 1..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4),
        limits in any_limits(),
    ) {
        let (mut wire, mut sender) = (Vec::new(), Sender::client(Counted::new(1)));
        for message in &messages {
            message.send(&mut sender, &mut wire, &mut Vec::new());
        }
        wire.truncate(400);
        for (at, byte, how) in changes {
            let at = at.index(wire.len());
            match how {
                0 => wire[at] = byte,
                1 => wire[at] ^= 1 << (byte % 8),
                2 => wire.insert(at, byte),
                _ => drop(wire.drain(at..(at + 1).min(wire.len() - 1).max(at))),
            }
        }
        any_split(&wire, limits);
    }
}
