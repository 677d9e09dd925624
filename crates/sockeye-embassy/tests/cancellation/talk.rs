//! A conversation of one of our connections, whose futures are dropped at random, with a peer that keeps to the rules.

use std::cell::Cell;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::Masking;
use sockeye_embassy::{CloseCode, Config, Connection, Kind, Resources, Uri, accept, connect};

use crate::common::Rng;
use crate::common::exec::{Tasks, run};
use crate::common::peer::{Peer, Seen};
use crate::common::raw::REQUEST;
use crate::common::setup::answer_to;
use crate::common::wire::{self, Wire, pipe};
use crate::harness::{ABORTED, Drops, Reader, Receives, Sends, Writer};
use crate::records::{END, Reading, record};

/// How a conversation goes.
#[derive(Clone)]
pub(crate) struct Talk {
    pub(crate) seed: u64,
    pub(crate) config: Config<'static>,
    pub(crate) two_tasks: bool,
    /// Whether receive futures are dropped.
    pub(crate) cut_receives: bool,
    pub(crate) sends: Sends,
    /// A transport that is not cancel-safe.
    pub(crate) careless: bool,
    /// How many things each side does before it ends.
    pub(crate) steps: u32,
}

impl Talk {
    /// As a server or as a client, with write buffers of different sizes. Whether it was aborted, or what was wrong.
    pub(crate) fn check(&self, drops: &Drops) -> Result<bool, String> {
        match self.seed % 4 {
            0 => self.serve::<131>(drops),
            1 => self.serve::<300>(drops),
            2 => self.dial::<131>(drops),
            _ => self.dial::<300>(drops),
        }
    }

    fn serve<const TX: usize>(&self, drops: &Drops) -> Result<bool, String> {
        let (_, end, up, down) = pipe(self.seed, 4096);
        let mut resources: Resources<'_, _, 200, TX> = Resources::new();
        up.put(REQUEST.as_bytes());
        let ws = run(accept(end.reader, end.writer, &mut resources, &self.config)).expect("it accepts");
        down.take_all();
        self.talk(drops, ws, Peer::client(self.seed, down.clone(), up.clone()), [up, down])
    }

    fn dial<const TX: usize>(&self, drops: &Drops) -> Result<bool, String> {
        let (end, _, up, down) = pipe(self.seed, 4096);
        let mut resources: Resources<'_, _, 200, TX, _> = Resources::new();
        let ws = run(async {
            let (uri, rng) = (Uri::parse("ws://localhost/").expect("a URI"), StdRng::seed_from_u64(self.seed));
            let connecting = connect(end.reader, end.writer, &mut resources, &self.config, uri, rng);
            let answering = async { down.put(&answer_to(&up.take_all())) };
            embassy_futures::join::join(connecting, answering).await.0.expect("it connects")
        });
        self.talk(drops, ws, Peer::server(up.clone(), down.clone()), [up, down])
    }

    fn talk<M: Masking, P: Masking>(
        &self,
        drops: &Drops,
        ws: Connection<'_, wire::Reader, wire::Writer, M>,
        mut peer: Peer<P>,
        wires: [Wire; 2],
    ) -> Result<bool, String> {
        for wire in &wires {
            wire.rough();
            wire.narrow(16);
            if self.careless {
                wire.careless();
            }
        }
        let mut rng = Rng::new(!self.seed);
        let (sent, pinged) = script(&mut peer, &mut rng, self.steps);
        let Connection { receiver, sender, .. } = ws;
        let mut our_writer = Writer::new(sender, self.seed, self.sends, self.careless, drops);
        // A receive that was dropped inside a transfer ends both halves.
        our_writer.may_abort = self.careless && self.cut_receives;
        let mut our_reader = Reader::new(receiver, !self.seed, self.cut_receives, drops);
        let long = our_writer.is_long();

        let aborted = Cell::new(false);
        let mut tasks = Tasks::new(self.seed);
        let (read, reader, writer);
        if self.two_tasks {
            let reading = tasks.spawn(async {
                let read = receive(&mut our_reader).await;
                aborted.set(aborted.get() || read == Err(ABORTED.to_owned()));
                (read, our_reader)
            });
            let writing = tasks.spawn(async {
                for _ in 0..self.steps {
                    our_writer.step().await;
                }
                while !our_writer.aborted && !our_writer.end().await {}
                aborted.set(aborted.get() || our_writer.aborted);
                our_writer
            });
            drive(&mut tasks, &mut peer, &mut rng, long, &aborted)?;
            writer = writing.take().ok_or("the writer does not end")?;
            (read, reader) = reading.take().ok_or("the reader does not end")?;
        } else {
            let both = tasks.spawn(alone(our_reader, our_writer, self.steps, Rng::new(self.seed)));
            drive(&mut tasks, &mut peer, &mut rng, long, &aborted)?;
            (read, reader, writer) = both.take().ok_or("it does not end")?;
        }
        drop(tasks);
        check(&writer, read, &reader, &peer, &sent, &pinged)
    }
}

/// What the peer will send: messages of records in fragments, and pings among them. Which records and pings they are.
fn script<P: Masking>(peer: &mut Peer<P>, rng: &mut Rng, steps: u32) -> (Vec<u32>, Vec<u32>) {
    let (mut sent, mut pinged) = (Vec::new(), Vec::new());
    let mut open = None;
    for id in 0..steps {
        if rng.below(3) == 0 {
            peer.ping(&id.to_be_bytes());
            pinged.push(id);
        }
        let kind = open.unwrap_or(if rng.coin() { Kind::Text } else { Kind::Binary });
        let last = rng.coin();
        peer.chunk(kind, record(id, true).as_bytes(), last);
        open = (!last).then_some(kind);
        sent.push(id);
    }
    if let Some(kind) = open {
        peer.chunk(kind, b"", true);
    }
    peer.chunk(Kind::Text, record(END, true).as_bytes(), true);
    sent.push(END);
    (sent, pinged)
}

/// Lets both sides have their turns, until ours came to its end.
fn drive<P: Masking>(
    tasks: &mut Tasks<'_>,
    peer: &mut Peer<P>,
    rng: &mut Rng,
    long: bool,
    aborted: &Cell<bool>,
) -> Result<(), String> {
    for turn in 0..200_000 {
        tasks.settle_within(1 + rng.below(30));
        if peer.error.is_some() || tasks.are_done() {
            while peer.turn(100, 0) > 0 {}
            return peer.error.map_or(Ok(()), |error| Err(error.to_string()));
        }
        let moved = peer.turn(1 + rng.below(20) as usize, 1 + rng.below(20) as usize);
        let stands = moved == 0 && !tasks.are_ready() && peer.turn(100, 100) == 0 && !wire::wake_later();
        if stands || turn % 8 == 0 {
            let all_came = aborted.get() || Reading::of(&peer.seen, long)?.contains(&END);
            if peer.is_idle() && !peer.is_closed() && all_came {
                peer.close(CloseCode::NORMAL, "that was all");
            } else if stands {
                return Err("nothing moves any more".to_owned());
            }
        }
    }
    Err("the conversation does not end".to_owned())
}

async fn receive<R: Receives>(reader: &mut Reader<R>) -> Result<(), String> {
    while reader.step().await? {}
    Ok(())
}

/// All in one task: sends and receives by turns, at random.
async fn alone<'r, R: Receives, M: Masking>(
    mut reader: Reader<R>,
    mut writer: Writer<'r, wire::Writer, M>,
    mut steps: u32,
    mut turns: Rng,
) -> (Result<(), String>, Reader<R>, Writer<'r, wire::Writer, M>) {
    let mut ended = false;
    loop {
        if ended || turns.coin() {
            match reader.step().await {
                Ok(true) => {}
                Err(error) if error == ABORTED && writer.may_abort => writer.aborted = true,
                end => return (end.map(drop), reader, writer),
            }
        } else if steps > 0 {
            writer.step().await;
            steps -= 1;
        } else {
            ended = writer.end().await;
        }
        if writer.aborted {
            return (Ok(()), reader, writer);
        }
    }
}

/// What each side has of the other is what that one sent. Whether it was aborted.
fn check<W: embedded_io_async::Write, M: Masking, R, P: Masking>(
    writer: &Writer<'_, W, M>,
    read: Result<(), String>,
    reader: &Reader<R>,
    peer: &Peer<P>,
    sent: &[u32],
    pinged: &[u32],
) -> Result<bool, String> {
    let number = |payload: &Vec<u8>| u32::from_be_bytes(payload[..].try_into().expect("a number"));
    let (mut pings, mut pongs) = (Vec::new(), Vec::new());
    for seen in &peer.seen {
        match seen {
            Seen::Ping(payload) => pings.push(number(payload)),
            Seen::Pong(payload) => pongs.push(number(payload)),
            Seen::Piece(..) | Seen::Close(..) => {}
        }
    }
    let mut unanswered = pinged.iter();
    if let Some(pong) = pongs.iter().find(|pong| !unanswered.any(|ping| ping == *pong)) {
        return Err(format!("pong {pong} answers nothing: {pongs:?}"));
    }
    if let Some(error) = &writer.failed {
        return Err(format!("a send failed: {error}"));
    }
    writer.records.compare(&Reading::of(&peer.seen, writer.is_long())?)?;
    writer.pings.compare(&pings)?;
    if !sent.starts_with(&reader.reading.ids) {
        return Err(format!("{:?} was read", reader.reading.ids));
    }
    if writer.aborted || (writer.may_abort && read == Err(ABORTED.to_owned())) {
        return Ok(true);
    }
    read?;
    if reader.reading.ids != sent {
        return Err(format!("only {:?} was read", reader.reading.ids));
    }
    if pongs.last() != pinged.last() {
        return Err(format!("the newest ping was not answered: {pongs:?}"));
    }
    if peer.seen.last() != Some(&Seen::Close(Some(1000), "that was all".into())) || peer.is_inside() {
        return Err(format!("no close: {:?}", peer.seen.last()));
    }
    Ok(false)
}
