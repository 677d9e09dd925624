//! Futures that are dropped at random, and what tells whether anything was lost by it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use sockeye_tokio::{Error, Kind, Prepared, Receiver, Sender};

use crate::common::Rng;
use crate::common::wire::End;

/// How often futures of each kind were dropped while they were Pending.
#[derive(Clone, Default)]
pub(crate) struct Drops {
    counts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
    /// Not to wait for a wake-up between two polls: for a task that has other things to do.
    busy: bool,
}

impl Drops {
    pub(crate) fn busy() -> Self {
        Drops { busy: true, ..Drops::default() }
    }

    /// Polls a future a few times, and drops it if it is Pending still.
    pub(crate) async fn cut<F: Future>(&self, rng: &mut Rng, kind: &'static str, future: F) -> Option<F::Output> {
        let mut polls = 1 + rng.below(4);
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
            *self.counts.lock().expect("no panic").entry(kind).or_default() += 1;
            if rng.coin() {
                tokio::task::yield_now().await;
            }
        }
        output
    }

    /// Fails if one of these kinds was dropped less than 1,000 times by all seeds together.
    pub(crate) fn check(&self, kinds: &[&'static str]) {
        let drops = self.counts.lock().expect("no panic");
        println!("drops while Pending: {drops:?}");
        if crate::common::replay().is_some() {
            return;
        }
        for kind in kinds {
            let count = drops.get(kind).copied().unwrap_or(0);
            assert!(count >= 1000, "{kind} was dropped only {count} times");
        }
    }
}

/// The last record.
pub(crate) const END: u32 = u32::MAX;
/// A record's number and length in hexadecimal digits.
const PREFIX: usize = 8 + 4;

/// A text that follows from its number, and tells it.
pub(crate) fn record(id: u32) -> String {
    let mut rng = Rng::new(u64::from(id) << 32);
    let len = match rng.below(5000) {
        // Written from where it lies, and read to where it belongs.
        0 => 33_000 + rng.below(8000),
        1..400 => 100 + rng.below(300),
        _ => rng.below(40),
    };
    let body: String = (0..len).map(|_| char::from(b'a' + rng.below(26) as u8)).collect();
    format!("{id:08x}{:04x}{body}", body.len())
}

/// Reads records from the pieces of messages, which each hold whole records.
#[derive(Default)]
pub(crate) struct Reading {
    message: Vec<u8>,
    pub(crate) ids: Vec<u32>,
}

impl Reading {
    pub(crate) fn piece(&mut self, bytes: &[u8], last: bool) -> Result<(), String> {
        self.message.extend_from_slice(bytes);
        if !last {
            return Ok(());
        }
        let message = String::from_utf8(std::mem::take(&mut self.message)).map_err(|error| error.to_string())?;
        let mut rest = &message[..];
        while !rest.is_empty() {
            let field = |range| rest.get(range).and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let (Some(id), Some(len)) = (field(0..8), field(8..PREFIX)) else {
                return Err(format!("no record: {rest}"));
            };
            let expected = record(id as u32);
            if rest.get(..PREFIX + len) != Some(&expected) {
                return Err(format!("not record {id}: {rest}"));
            }
            self.ids.push(id as u32);
            rest = &rest[PREFIX + len..];
        }
        Ok(())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ids.contains(&END)
    }
}

/// What was queued for sure, and what perhaps: its send was dropped.
#[derive(Default)]
pub(crate) struct Journal {
    sure: Vec<u32>,
    maybe: Vec<u32>,
}

impl Journal {
    /// Compares it with what arrived: all of the one, any of the other, each once and in order.
    pub(crate) fn compare(&self, arrived: &[u32]) -> Result<(), String> {
        let arrived: Vec<u32> = arrived.iter().copied().filter(|id| *id != END).collect();
        if !arrived.is_sorted_by(|a, b| a < b) {
            return Err(format!("out of order, or twice: {arrived:?}"));
        }
        if let Some(lost) = self.sure.iter().find(|id| arrived.binary_search(id).is_err()) {
            return Err(format!("record {lost} was queued and did not arrive"));
        }
        match arrived.iter().find(|id| self.sure.binary_search(id).is_err() && self.maybe.binary_search(id).is_err()) {
            Some(unknown) => Err(format!("record {unknown} was never sent")),
            None => Ok(()),
        }
    }
}

/// A sender whose futures are dropped at random.
pub(crate) struct Writer {
    pub(crate) sender: Sender<End>,
    pub(crate) journal: Journal,
    next: u32,
    /// The message that its last chunk left open.
    open: Option<Kind>,
    pinged: bool,
    pub(crate) rng: Rng,
    drops: Drops,
}

impl Writer {
    pub(crate) fn new(sender: Sender<End>, seed: u64, drops: &Drops) -> Self {
        Writer {
            sender,
            journal: Journal::default(),
            next: 0,
            open: None,
            pinged: false,
            rng: Rng::new(seed),
            drops: drops.clone(),
        }
    }

    /// Does one thing of all that a sender can do.
    pub(crate) async fn step(&mut self) {
        let kind = self.open.unwrap_or(if self.rng.coin() { Kind::Text } else { Kind::Binary });
        let id = self.next;
        let text = record(id);
        let payload = text.as_bytes();
        let last = self.rng.coin();
        let prepared = if kind == Kind::Text { Prepared::text(&text) } else { Prepared::binary(payload) };
        let choice = self.rng.below(if self.open.is_some() { 3 } else { 8 });
        let (sender, rng, drops) = (&mut self.sender, &mut self.rng, &self.drops);
        let done = match choice {
            0 => drops.cut(rng, "ping", sender.ping(&id.to_be_bytes())).await,
            1 => drops.cut(rng, "flush", sender.flush()).await,
            2 => drops.cut(rng, "chunk", sender.chunk(kind, payload, last)).await,
            3 => drops.cut(rng, "send", sender.send(kind, payload)).await,
            4 => drops.cut(rng, "text", sender.text(&text)).await,
            5 => drops.cut(rng, "feed", sender.feed(kind, payload)).await,
            6 => drops.cut(rng, "send_prepared", sender.send_prepared(&prepared)).await,
            _ => drops.cut(rng, "feed_prepared", sender.feed_prepared(&prepared)).await,
        };
        let done = done.is_some_and(|result| result.map(|()| true).expect("a send is right"));
        if choice == 2 {
            self.open = if last && done { None } else { Some(kind) };
        }
        if choice >= 2 {
            self.next += 1;
            if done { &mut self.journal.sure } else { &mut self.journal.maybe }.push(id);
        }
    }

    /// Ends the open message, sends a last ping and the last record. False while that is to be asked again.
    pub(crate) async fn end(&mut self) -> bool {
        if let Some(kind) = self.open {
            if self.drops.cut(&mut self.rng, "chunk", self.sender.chunk(kind, b"", true)).await.is_some() {
                self.open = None;
            }
            return false;
        }
        if !self.pinged {
            let payload = END.to_be_bytes();
            self.pinged = self.drops.cut(&mut self.rng, "ping", self.sender.ping(&payload)).await.is_some();
            return false;
        }
        self.drops.cut(&mut self.rng, "text", self.sender.text(&record(END))).await.is_some()
    }

    /// Closes. False while that is to be asked again.
    pub(crate) async fn close(&mut self, code: sockeye_tokio::CloseCode, reason: &str) -> bool {
        match self.drops.cut(&mut self.rng, "close", self.sender.close(code, reason)).await {
            None => false,
            Some(Ok(()) | Err(Error::Send(sockeye_tokio::proto::SendError::Closed))) => true,
            Some(Err(error)) => panic!("close: {error}"),
        }
    }
}

/// What the harness needs of a receiver: ours has it, and so have those that are to be told apart by it.
pub(crate) trait Receives {
    /// The next piece and whether it ends its message, or the next message; `None` after a close.
    async fn piece(&mut self, whole: bool) -> Result<Option<(Vec<u8>, bool)>, String>;
}

impl Receives for Receiver<End> {
    async fn piece(&mut self, whole: bool) -> Result<Option<(Vec<u8>, bool)>, String> {
        if whole {
            let message = self.message().await.map_err(|error| error.to_string())?;
            Ok(message.map(|message| (message.payload.to_vec(), true)))
        } else {
            let chunk = self.next().await.map_err(|error| error.to_string())?;
            Ok(chunk.map(|chunk| (chunk.payload.to_vec(), chunk.last)))
        }
    }
}

/// A receiver whose futures are dropped at random.
pub(crate) struct Reader<R> {
    pub(crate) receiver: R,
    pub(crate) reading: Reading,
    whole: bool,
    rng: Rng,
    drops: Drops,
}

impl<R: Receives> Reader<R> {
    pub(crate) fn new(receiver: R, seed: u64, drops: &Drops) -> Self {
        Reader { receiver, reading: Reading::default(), whole: false, rng: Rng::new(seed), drops: drops.clone() }
    }

    /// Asks once for the next piece. False after a close.
    pub(crate) async fn step(&mut self) -> Result<bool, String> {
        let kind = if self.whole { "message" } else { "next" };
        match self.drops.cut(&mut self.rng, kind, self.receiver.piece(self.whole)).await {
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
