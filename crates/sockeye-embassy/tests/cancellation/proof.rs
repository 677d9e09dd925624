//! That the harness finds the classic bug: a receiver that moves its read cursor after an await, not before it.

use std::collections::VecDeque;

use embedded_io_async::{Read as _, Write as _};
use sockeye_embassy::proto::{self, Event, Replies};
use sockeye_embassy::{CloseCode, Kind, Resources, accept};

use crate::common::exec::{Tasks, run};
use crate::common::peer::Peer;
use crate::common::raw::REQUEST;
use crate::common::setup::answer_to;
use crate::common::wire::{self, End, Wire, pipe};
use crate::common::{Rng, each_seed, patient};
use crate::harness::{Drops, Reader, Receives};
use crate::records::{END, record};

/// A small receiver of a server's. It answers a ping before it goes on: that is an await between parsing a piece of
/// its input and the next one.
struct Small<const FAULTY: bool> {
    end: End,
    core: proto::Receiver,
    sender: proto::Sender<proto::Unmasked>,
    buffer: [u8; 64],
    start: usize,
    filled: usize,
    replies: Replies,
    output: VecDeque<u8>,
}

impl<const FAULTY: bool> Receives for Small<FAULTY> {
    async fn piece(&mut self, _: bool, _: &mut [u8]) -> Result<Option<(Vec<u8>, bool)>, String> {
        loop {
            while self.start < self.filled {
                let mut input = &mut self.buffer[self.start..self.filled];
                let event = self.core.next_event(&mut input).map_err(|error| error.to_string())?;
                let used = self.filled - input.len();
                match event {
                    Some(Event::Data(chunk)) => {
                        self.start = used;
                        return Ok(Some((chunk.payload.to_vec(), chunk.last)));
                    }
                    Some(Event::Close(_)) => return Ok(None),
                    Some(Event::Ping(ping)) => self.replies.push(ping.reply()),
                    Some(Event::Pong(_)) | None => {}
                }
                if FAULTY {
                    self.answer().await;
                    self.start = used;
                } else {
                    self.start = used;
                    self.answer().await;
                }
            }
            self.answer().await;
            let len = self.end.reader.read(&mut self.buffer).await.map_err(|error| error.to_string())?;
            (self.start, self.filled) = (0, len);
        }
    }
}

impl<const FAULTY: bool> Small<FAULTY> {
    fn new(end: End) -> Self {
        Small {
            end,
            core: proto::Receiver::server(),
            sender: proto::Sender::server(),
            buffer: [0; 64],
            start: 0,
            filled: 0,
            replies: Replies::new(),
            output: VecDeque::new(),
        }
    }

    /// Writes what is owed. Dropped, it goes on where it was.
    async fn answer(&mut self) {
        if let Some(reply) = self.replies.pop() {
            let mut out = [0; proto::MAX_CONTROL];
            self.output.extend(self.sender.reply(&reply, &mut out).expect("not closed"));
        }
        while !self.output.is_empty() {
            let len = self.end.writer.write(self.output.make_contiguous()).await.expect("the transport takes it");
            self.output.drain(..len);
        }
    }
}

/// Sends records and pings to a receiver whose futures are dropped at random, and says what went wrong with it.
fn check<R: Receives>(seed: u64, tested: R, up: Wire, down: Wire) -> Result<(), String> {
    for wire in [&up, &down] {
        wire.rough();
        wire.narrow(16);
    }
    let mut peer = Peer::client(seed, down, up);
    for id in 0..40u32 {
        peer.ping(&id.to_be_bytes());
        peer.chunk(Kind::Text, record(id, true).as_bytes(), true);
    }
    peer.chunk(Kind::Text, record(END, true).as_bytes(), true);
    peer.close(CloseCode::NORMAL, "");
    let mut reader = Reader::new(tested, seed, true, &Drops::default());
    let mut tasks = Tasks::new(seed);
    let read = tasks.spawn(async {
        while reader.step().await? {}
        Ok::<_, String>(())
    });
    let mut rng = Rng::new(seed);
    loop {
        tasks.settle_within(1 + rng.below(20));
        let moved = peer.turn(1 + rng.below(20) as usize, 1 + rng.below(20) as usize);
        if moved == 0 && !tasks.are_ready() && !wire::wake_later() {
            break;
        }
    }
    read.take().unwrap_or(Err("it hangs".to_owned()))?;
    drop(tasks);
    let expected: Vec<u32> = (0..40).chain([END]).collect();
    if reader.reading.ids == expected { Ok(()) } else { Err(format!("{:?} arrived", reader.reading.ids)) }
}

fn check_small<const FAULTY: bool>(seed: u64) -> Result<(), String> {
    let (_, end, up, down) = pipe(seed, 4096);
    check(seed, Small::<FAULTY>::new(end), up, down)
}

#[test]
fn a_cursor_moved_after_an_await_is_found() {
    let failures: Vec<_> = (0..20).filter_map(|seed| check_small::<true>(seed).err()).collect();
    println!("{} of 20 seeds found it: {failures:?}", failures.len());
    assert!(failures.len() >= 10);
}

#[test]
fn a_cursor_moved_before_the_await_passes() {
    each_seed(20, |seed| check_small::<false>(seed).expect("nothing is lost"));
}

#[test]
fn our_receiver_passes_the_same() {
    let config = patient();
    each_seed(20, |seed| {
        let (_, end, up, down) = pipe(seed, 4096);
        let mut resources: Resources<'_, _, 200, 131> = Resources::new();
        up.put(REQUEST.as_bytes());
        let ws = run(accept(end.reader, end.writer, &mut resources, &config)).expect("it accepts");
        assert_eq!(down.take_all(), answer_to(REQUEST.as_bytes()));
        check(seed, ws.receiver, up, down).expect("nothing is lost");
    });
}
