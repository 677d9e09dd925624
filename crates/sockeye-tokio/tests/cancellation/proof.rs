//! That the harness finds the classic bug: a receiver that moves its read cursor after an await, not before it.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::ready;
use std::time::Duration;

use sockeye_tokio::proto::{self, Event, Replies};
use sockeye_tokio::{CloseCode, Connection, Kind, accept, connect_over};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::timeout;

use super::common::raw::Raw;
use super::common::wire::{End, pipe};
use super::common::{each_seed, patient, run};
use super::harness::{Drops, END, Reader, Receives, record};

/// A small receiver of a server's. It answers a ping before it goes on: that is an await between parsing a piece of
/// its input and the next one.
struct Small<const FAULTY: bool> {
    io: End,
    core: proto::Receiver,
    sender: proto::Sender<proto::Unmasked>,
    buffer: [u8; 64],
    start: usize,
    end: usize,
    replies: Replies,
    output: VecDeque<u8>,
}

impl<const FAULTY: bool> Receives for Small<FAULTY> {
    async fn piece(&mut self, _: bool) -> Result<Option<(Vec<u8>, bool)>, String> {
        loop {
            while self.start < self.end {
                let mut input = &mut self.buffer[self.start..self.end];
                let event = self.core.next_event(&mut input).map_err(|error| error.to_string())?;
                let used = self.end - input.len();
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
            self.fill().await?;
        }
    }
}

impl<const FAULTY: bool> Small<FAULTY> {
    fn new(io: End) -> Self {
        Small {
            io,
            core: proto::Receiver::server(),
            sender: proto::Sender::server(),
            buffer: [0; 64],
            start: 0,
            end: 0,
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
        poll_fn(|cx| {
            while !self.output.is_empty() {
                let len = ready!(Pin::new(&mut self.io).poll_write(cx, self.output.make_contiguous()));
                self.output.drain(..len.expect("the transport takes it"));
            }
            ().into()
        })
        .await;
    }

    /// Reads more. Dropped, it has read nothing.
    async fn fill(&mut self) -> Result<(), String> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut buffer)).await.map_err(|error| error.to_string())?;
        (self.start, self.end) = (0, buffer.filled().len());
        if self.end > 0 { Ok(()) } else { Err("it ended without a close".into()) }
    }
}

/// Sends records and pings to a receiver whose futures are dropped at random, and says what went wrong with it.
fn check<R: Receives>(seed: u64, make: impl AsyncFnOnce(End) -> R) -> Result<(), String> {
    let conversation = async {
        let (client, server, up, down) = pipe(seed, 4096);
        let (client, tested) = tokio::join!(connect_over(client, "ws://localhost/", patient()), make(server));
        for wire in [&up, &down] {
            wire.rough();
            wire.narrow(16);
        }
        let Connection { mut sender, mut receiver, .. } = client.expect("it connects");
        let write = async {
            for id in 0..40u32 {
                sender.ping(&id.to_be_bytes()).await?;
                sender.send(Kind::Text, record(id).as_bytes()).await?;
            }
            sender.text(&record(END)).await?;
            sender.close(CloseCode::NORMAL, "").await
        };
        let mut reader = Reader::new(tested, seed, &Drops::default());
        let read = async {
            while reader.step().await? {}
            Ok::<_, String>(())
        };
        tokio::select! {
            result = read => result?,
            // A client that failed has told the reader so.
            _ = async { tokio::join!(write, receiver.drain(), pending::<()>()) } => {}
        }
        let expected: Vec<u32> = (0..40).chain([END]).collect();
        if reader.reading.ids == expected { Ok(()) } else { Err(format!("{:?} arrived", reader.reading.ids)) }
    };
    run(async { timeout(Duration::from_secs(3600), conversation).await }).map_err(|_| "it hangs".to_owned())?
}

async fn small<const FAULTY: bool>(io: End) -> Small<FAULTY> {
    Small::new(Raw::accepted(io).await)
}

#[test]
fn a_cursor_moved_after_an_await_is_found() {
    let failures: Vec<_> = (0..20).filter_map(|seed| check(seed, small::<true>).err()).collect();
    println!("{} of 20 seeds found it: {failures:?}", failures.len());
    assert!(!failures.is_empty());
}

#[test]
fn a_cursor_moved_before_the_await_passes() {
    each_seed(20, |seed| check(seed, small::<false>).expect("nothing is lost"));
}

#[test]
fn our_receiver_passes_the_same() {
    each_seed(20, |seed| {
        let ours = async |io| accept(io, patient()).await.expect("it accepts").receiver;
        check(seed, ours).expect("nothing is lost");
    });
}
