//! Futures that are dropped at random, and what tells whether anything was lost by it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use embassy_futures::yield_now;
use embedded_io_async::{Read, Write};
use sockeye_embassy::proto::Masking;
use sockeye_embassy::{Error, Kind, Receiver, Sender};

use crate::common::{Rng, replay};
use crate::records::{END, Journal, Reading, SHORT, record};

/// How often futures of each kind were dropped while they were Pending.
#[derive(Clone, Default)]
pub(crate) struct Drops {
    counts: Rc<RefCell<BTreeMap<&'static str, u64>>>,
    /// Not to wait for a wake-up between two polls: for a task that has other things to do.
    busy: bool,
}

impl Drops {
    pub(crate) fn new(busy: bool) -> Self {
        Drops { busy, ..Drops::default() }
    }

    /// Polls a future a few times, and drops it if it is Pending still.
    pub(crate) async fn cut<F: Future>(&self, rng: &mut Rng, kind: &'static str, future: F) -> Option<F::Output> {
        let polls = 1 + rng.below(4);
        let output = self.cut_after(polls, kind, future).await;
        if output.is_none() && rng.coin() {
            yield_now().await;
        }
        output
    }

    /// The same after so many polls.
    pub(crate) async fn cut_after<F: Future>(
        &self,
        mut polls: u64,
        kind: &'static str,
        future: F,
    ) -> Option<F::Output> {
        let output = {
            let mut future = pin!(future);
            std::future::poll_fn(|cx| {
                polls -= 1;
                match future.as_mut().poll(cx) {
                    Poll::Pending if polls > 0 => {
                        if self.busy {
                            cx.waker().wake_by_ref();
                        }
                        Poll::Pending
                    }
                    Poll::Pending => Poll::Ready(None),
                    Poll::Ready(output) => Poll::Ready(Some(output)),
                }
            })
            .await
        };
        if output.is_none() {
            *self.counts.borrow_mut().entry(kind).or_default() += 1;
        }
        output
    }

    /// Fails if one of these kinds was dropped less than 1,000 times by all seeds together.
    pub(crate) fn check(&self, kinds: &[&'static str]) {
        let drops = self.counts.borrow();
        println!("drops while Pending: {drops:?}");
        if replay().is_some() {
            return;
        }
        for kind in kinds {
            let count = drops.get(kind).copied().unwrap_or(0);
            assert!(count >= 1000, "{kind} was dropped only {count} times");
        }
    }
}

/// What a writer does of its futures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sends {
    /// None is dropped.
    Whole,
    /// Frames that fit into the write buffer, which are sent whole or not at all.
    Short,
    /// Longer ones too: dropped inside of one, there is nothing more to say.
    Long,
}

/// A sender whose futures are dropped at random.
pub(crate) struct Writer<'r, W, M> {
    pub(crate) sender: Sender<'r, W, M>,
    pub(crate) records: Journal,
    pub(crate) pings: Journal,
    /// A send was dropped inside its frame, and the next one said so.
    pub(crate) aborted: bool,
    /// A send that should not have failed.
    pub(crate) failed: Option<String>,
    sends: Sends,
    next: u32,
    /// The message that its last chunk left open.
    open: Option<Kind>,
    /// A future was dropped after which it may have to be aborted.
    pub(crate) may_abort: bool,
    careless: bool,
    rng: Rng,
    drops: Drops,
}

impl<'r, W: Write, M: Masking> Writer<'r, W, M> {
    pub(crate) fn new(sender: Sender<'r, W, M>, seed: u64, sends: Sends, careless: bool, drops: &Drops) -> Self {
        Writer {
            sender,
            records: Journal::default(),
            pings: Journal::default(),
            aborted: false,
            failed: None,
            sends,
            next: 0,
            open: None,
            may_abort: false,
            careless,
            rng: Rng::new(seed),
            drops: drops.clone(),
        }
    }

    pub(crate) fn is_long(&self) -> bool {
        self.sends != Sends::Short
    }

    /// Does one thing of all that a sender can do.
    pub(crate) async fn step(&mut self) {
        let kind = self.open.unwrap_or(if self.rng.coin() { Kind::Text } else { Kind::Binary });
        let id = self.next;
        let text = record(id, self.is_long());
        let payload = text.as_bytes();
        let last = self.rng.below(4) > 0;
        let choice = if self.open.is_some() { self.rng.below(3) } else { self.rng.below(9) };
        let ping = id.to_be_bytes();
        // Not each chunk: a message must come to its end.
        let cut = self.sends != Sends::Whole && (self.open.is_none() || self.rng.below(3) == 0);
        let (sender, rng, drops) = (&mut self.sender, &mut self.rng, &self.drops);
        let done = match choice {
            0 => maybe_cut(cut, drops, rng, "ping", sender.ping(&ping)).await,
            1 => maybe_cut(cut, drops, rng, "flush", sender.flush()).await,
            2 => maybe_cut(cut, drops, rng, "chunk", sender.chunk(kind, payload, last)).await,
            3..5 => maybe_cut(cut, drops, rng, "send", sender.send(kind, payload)).await,
            5..7 => maybe_cut(cut, drops, rng, "text", sender.text(&text)).await,
            _ => maybe_cut(cut, drops, rng, "binary", sender.binary(payload)).await,
        };
        let was_dropped = done.is_none();
        self.may_abort |= was_dropped && (self.careless || (choice >= 2 && payload.len() > SHORT));
        let Some(sure) = self.judge(done) else { return };
        if choice == 2 {
            self.open = if last && sure { None } else { Some(kind) };
        }
        match choice {
            0 => self.pings.note(id, sure),
            1 => {}
            _ => self.records.note(id, sure),
        }
        self.next += 1;
    }

    /// Ends the open message and sends the last record. False while that is to be asked again.
    pub(crate) async fn end(&mut self) -> bool {
        let (sender, cut) = (&mut self.sender, self.sends != Sends::Whole);
        let (rng, drops) = (&mut self.rng, &self.drops);
        if let Some(kind) = self.open {
            let done = maybe_cut(cut, drops, rng, "chunk", sender.chunk(kind, b"", true)).await;
            self.may_abort |= done.is_none() && self.careless;
            if self.judge(done) == Some(true) {
                self.open = None;
            }
            return self.aborted;
        }
        // The last record must be the last: it is not dropped.
        let done = Some(sender.text(&record(END, false)).await);
        self.judge(done);
        true
    }

    /// Whether it was sent for sure; `None` if nothing can be sent any more.
    fn judge<E: std::fmt::Debug>(&mut self, done: Option<Result<(), Error<E>>>) -> Option<bool> {
        match done {
            None => Some(false),
            Some(Ok(())) => Some(true),
            Some(Err(Error::Aborted)) if self.may_abort => {
                self.aborted = true;
                None
            }
            Some(Err(error)) => {
                self.failed = Some(error.to_string());
                self.aborted = true;
                None
            }
        }
    }
}

async fn maybe_cut<F: Future>(
    cut: bool,
    drops: &Drops,
    rng: &mut Rng,
    kind: &'static str,
    future: F,
) -> Option<F::Output> {
    if cut { drops.cut(rng, kind, future).await } else { Some(future.await) }
}

/// [`Error::Aborted`]
pub(crate) const ABORTED: &str = "aborted";

/// What the harness needs of a receiver: ours has it, and so have those that are to be told apart by it.
pub(crate) trait Receives {
    /// The next piece and whether it ends its message, or the next message; `None` after a close.
    async fn piece(&mut self, whole: bool, buffer: &mut [u8]) -> Result<Option<(Vec<u8>, bool)>, String>;
}

impl<R: Read, W: Write<Error = R::Error>, M: Masking> Receives for Receiver<'_, R, W, M> {
    async fn piece(&mut self, whole: bool, buffer: &mut [u8]) -> Result<Option<(Vec<u8>, bool)>, String> {
        let said = |error: Error<R::Error>| {
            if matches!(error, Error::Aborted) { ABORTED.to_owned() } else { error.to_string() }
        };
        if whole {
            let message = self.message(buffer).await.map_err(said)?;
            Ok(message.map(|message| (message.payload.to_vec(), true)))
        } else {
            let chunk = self.next().await.map_err(said)?;
            Ok(chunk.map(|chunk| (chunk.payload.to_vec(), chunk.last)))
        }
    }
}

/// A receiver whose futures are dropped at random.
pub(crate) struct Reader<R> {
    pub(crate) receiver: R,
    pub(crate) reading: Reading,
    buffer: Box<[u8; 4096]>,
    whole: bool,
    cut: bool,
    rng: Rng,
    drops: Drops,
}

impl<R: Receives> Reader<R> {
    pub(crate) fn new(receiver: R, seed: u64, cut: bool, drops: &Drops) -> Self {
        Reader {
            receiver,
            reading: Reading::new(true),
            buffer: Box::new([0; 4096]),
            whole: false,
            cut,
            rng: Rng::new(seed),
            drops: drops.clone(),
        }
    }

    /// Asks once for the next piece. False after a close.
    pub(crate) async fn step(&mut self) -> Result<bool, String> {
        let kind = if self.whole { "message" } else { "next" };
        let piece = self.receiver.piece(self.whole, &mut self.buffer[..]);
        match maybe_cut(self.cut, &self.drops, &mut self.rng, kind, piece).await {
            None => Ok(true),
            Some(Err(error)) => Err(error),
            Some(Ok(None)) => Ok(false),
            Some(Ok(Some((bytes, last)))) => {
                self.reading.piece(&bytes, last)?;
                if last {
                    self.whole = self.rng.coin();
                }
                Ok(true)
            }
        }
    }
}
