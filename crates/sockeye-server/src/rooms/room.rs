//! One room: who is there, what was said last, and the ways to its members.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sockeye_tokio::{Error, Kind, Mailbox, Prepared, Sender, Transport};
use tokio::sync::Notify;

use super::backlog::{Backlog, Dropped};
use super::envelope::{Dialect, Named, Position, ToClient};
use super::history::History;
use super::lock;
use crate::metrics::METRICS;
use crate::settings::Slow;

/// A member's connection may hold so many bytes while more wait in the room, which may still drop those.
const IN_OUTBOX: usize = 64 * 1024;

/// What becomes of members who do not keep up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowPolicy {
    pub(crate) what: Slow,
    /// How many bytes may wait for a member until then.
    pub(crate) behind: usize,
}

/// A room.
pub(crate) struct Room {
    slow: SlowPolicy,
    state: Mutex<State>,
    emptied: Notify,
}

struct State {
    /// Random for each life of a room, so that its sequence is never taken for another's.
    epoch: String,
    sequence: u64,
    /// How often somebody came in or published from outside.
    visits: u64,
    members: BTreeMap<u64, Member>,
    history: History,
}

/// Who comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) dialect: Dialect,
    /// Whether it may hear what is said.
    pub(crate) reads: bool,
}

struct Member {
    entry: Entry,
    /// Of one that joined by an envelope.
    name: Option<String>,
    delivery: Delivery,
    /// Told when something waits for the member, or when it is too far behind.
    wake: Arc<Notify>,
}

/// How a member gets its messages.
enum Delivery {
    Here(Mailbox),
    /// It does not know yet that it is in, or does not keep up: what is said meanwhile waits.
    Behind(Box<Waiting>),
    /// It was too far behind, and gets no more.
    Over,
}

struct Waiting {
    backlog: Backlog,
    /// `None` until its connection is there.
    mailbox: Option<Mailbox>,
}

/// What is there for a member that was woken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has everything.
    UpToDate,
    /// More waits for it.
    Behind,
    /// It gets no more.
    Over,
}

/// How a room is, for those who look at it from outside.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Look {
    seq: String,
    /// All who are in, those without a name too.
    count: usize,
    members: Vec<Guest>,
}

#[derive(Debug, serde::Serialize)]
struct Guest {
    id: u64,
    name: String,
}

impl Room {
    pub(super) fn new(slow: SlowPolicy, history: History) -> Self {
        let state = State {
            epoch: format!("{:016x}", rand::random::<u64>()),
            sequence: 0,
            visits: 0,
            members: BTreeMap::new(),
            history,
        };
        Room { slow, state: Mutex::new(state), emptied: Notify::new() }
    }

    /// Comes in: what is said from now on is for this member too. Its id, and what tells that something waits for it.
    pub(super) fn enter(&self, entry: Entry) -> (u64, Arc<Notify>) {
        let mut state = lock(&self.state);
        state.visits += 1;
        let (id, wake) = (state.visits, Arc::<Notify>::default());
        let delivery = Delivery::Behind(Box::new(Waiting { backlog: Backlog::default(), mailbox: None }));
        state.members.insert(id, Member { entry, name: None, delivery, wake: wake.clone() });
        (id, wake)
    }

    /// The member's connection is there.
    pub(super) fn arrive<S: Transport>(&self, id: u64, sender: &Sender<S>) {
        let mut state = lock(&self.state);
        let Some(member) = state.members.get_mut(&id) else { return };
        if let Delivery::Behind(waiting) = &mut member.delivery {
            let limit = if self.slow.what == Slow::Close { self.slow.behind } else { IN_OUTBOX };
            waiting.mailbox = Some(sender.mailbox(limit));
        }
        drop(state);
        self.catch_up(id);
    }

    /// Hands on what waits for a member, as far as its connection takes it.
    pub(super) fn catch_up(&self, id: u64) -> Standing {
        let mut state = lock(&self.state);
        let State { epoch, members, .. } = &mut *state;
        members.get_mut(&id).map_or(Standing::Over, |member| member.catch_up(epoch))
    }

    /// Takes a name: the others hear of it, and the member is welcomed with who is here and what was said; one that
    /// comes back, with what it missed.
    pub(super) fn join(&self, id: u64, name: String, after: Option<&Position>) {
        let mut state = lock(&self.state);
        let (sequence, seq) = state.next();
        state.deliver_envelope(
            &self.slow,
            sequence,
            &Prepared::text(&ToClient::Join { seq: &seq, id, name: &name }.to_json()),
        );
        if let Some(member) = state.members.get_mut(&id) {
            member.name = Some(name);
        }
        let State { epoch, members, history, .. } = &mut *state;
        let reads = members.get(&id).is_some_and(|member| member.entry.reads);
        let named = members.iter().filter_map(|(id, member)| Some(Named { id: *id, name: member.name.as_deref()? }));
        // What a foreign epoch or a time to come counts is not of this room.
        let known = after.filter(|after| after.epoch == *epoch && after.sequence < sequence);
        let (kept, complete) = history.after(known.map(|known| known.sequence), Instant::now());
        let welcome = ToClient::Welcome {
            seq: &seq,
            id,
            members: if reads { named.collect() } else { Vec::new() },
            resumed: after.map(|_| complete),
            history: if reads { kept } else { Vec::new() },
        };
        let welcome = Prepared::text(&welcome.to_json());
        if let Some(member) = members.get_mut(&id) {
            member.deliver(&self.slow, sequence, &welcome, true);
        }
    }

    /// What a member says by an envelope: an envelope to all that joined, and the bare text to the others.
    pub(super) fn say(&self, id: u64, text: &str) {
        let mut state = lock(&self.state);
        let sequence = self.tell(&mut state, Some(id), text);
        state.deliver_raw(&self.slow, sequence, Some(id), &Prepared::text(text));
    }

    /// What is said without: the same to the others, and to those that joined an envelope if it is a text. From
    /// outside the room if there is no id.
    pub(super) fn pass(&self, id: Option<u64>, kind: Kind, payload: &[u8]) -> String {
        let mut state = lock(&self.state);
        let text = if kind == Kind::Text { str::from_utf8(payload).ok() } else { None };
        let sequence = match text.filter(|text| !text.is_empty()) {
            Some(text) => self.tell(&mut state, id, text),
            None => state.next().0,
        };
        if id.is_none() {
            state.visits += 1;
        }
        state.deliver_raw(&self.slow, sequence, id, &text.map_or_else(|| Prepared::binary(payload), Prepared::text));
        state.position()
    }

    /// Tells one member that it broke a rule.
    pub(super) fn complain(&self, id: u64, text: &str) {
        let mut state = lock(&self.state);
        let sequence = state.sequence;
        if let Some(member) = state.members.get_mut(&id) {
            member.deliver(&self.slow, sequence, &Prepared::text(&ToClient::Error { text }.to_json()), true);
        }
    }

    pub(super) fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        let left = state.members.remove(&id);
        if let Some(name) = left.and_then(|member| member.name) {
            let (sequence, seq) = state.next();
            let leave = Prepared::text(&ToClient::Leave { seq: &seq, id, name: &name }.to_json());
            state.deliver_envelope(&self.slow, sequence, &leave);
        }
        if state.members.is_empty() {
            self.emptied.notify_one();
        }
    }

    pub(crate) fn look(&self) -> Look {
        let state = lock(&self.state);
        let named = state.members.iter().filter_map(|(id, member)| Some(Guest { id: *id, name: member.name.clone()? }));
        Look { seq: state.position(), count: state.members.len(), members: named.collect() }
    }

    /// Ready when nobody is in: how often somebody came in until then.
    pub(super) async fn emptied(&self) -> u64 {
        loop {
            if let Some(visits) = self.visits_if_empty() {
                return visits;
            }
            self.emptied.notified().await;
        }
    }

    pub(super) fn visits_if_empty(&self) -> Option<u64> {
        let state = lock(&self.state);
        state.members.is_empty().then_some(state.visits)
    }

    /// Keeps a text, and says it to those that joined.
    fn tell(&self, state: &mut State, id: Option<u64>, text: &str) -> u64 {
        let (sequence, seq) = state.next();
        // A member without a name did not join: it has no id that others would know.
        let named = id.and_then(|id| Some((id, state.members.get(&id)?.name.clone()?)));
        let (id, name) = named.unwrap_or_default();
        let message = ToClient::Message { seq: &seq, id, name: &name, text }.to_json();
        state.deliver_envelope(&self.slow, sequence, &Prepared::text(&message));
        state.history.push(sequence, message, Instant::now());
        sequence
    }
}

impl State {
    /// The next sequence, and how it is written.
    fn next(&mut self) -> (u64, String) {
        self.sequence += 1;
        (self.sequence, self.position())
    }

    fn position(&self) -> String {
        format!("{}:{}", self.epoch, self.sequence)
    }

    fn deliver_envelope(&mut self, slow: &SlowPolicy, sequence: u64, prepared: &Prepared) {
        self.deliver(slow, sequence, prepared, |_, member| member.name.is_some());
    }

    fn deliver_raw(&mut self, slow: &SlowPolicy, sequence: u64, from: Option<u64>, prepared: &Prepared) {
        self.deliver(slow, sequence, prepared, |id, member| Some(id) != from && member.entry.dialect == Dialect::Raw);
    }

    fn deliver(&mut self, slow: &SlowPolicy, sequence: u64, prepared: &Prepared, to: impl Fn(u64, &Member) -> bool) {
        let mut count = 0;
        for (_, member) in self.members.iter_mut().filter(|(id, member)| member.entry.reads && to(**id, member)) {
            member.deliver(slow, sequence, prepared, false);
            count += 1;
        }
        METRICS.sent_to(count, prepared.len());
    }
}

impl Member {
    /// Hands a message over, or lets it wait; who is too far behind is let go, or misses the oldest.
    fn deliver(&mut self, slow: &SlowPolicy, sequence: u64, prepared: &Prepared, must: bool) {
        if let Delivery::Here(mailbox) = &self.delivery {
            match mailbox.post(prepared) {
                Ok(()) => return,
                Err(Error::SlowPeer) if slow.what == Slow::Close => return self.let_go(),
                Err(Error::SlowPeer) => {
                    let waiting = Waiting { backlog: Backlog::default(), mailbox: Some(mailbox.clone()) };
                    self.delivery = Delivery::Behind(Box::new(waiting));
                }
                // The connection ends already.
                Err(_) => {
                    self.delivery = Delivery::Over;
                    return;
                }
            }
        }
        let Delivery::Behind(waiting) = &mut self.delivery else { return };
        waiting.backlog.push(sequence, prepared.clone(), must);
        if waiting.backlog.bytes() > slow.behind {
            match slow.what {
                Slow::Close => return self.let_go(),
                Slow::DropOldest => METRICS.slow_dropped(waiting.backlog.drop_oldest(slow.behind)),
            }
        }
        self.wake.notify_one();
    }

    fn let_go(&mut self) {
        METRICS.slow_closed();
        self.delivery = Delivery::Over;
        self.wake.notify_one();
    }

    fn catch_up(&mut self, epoch: &str) -> Standing {
        let waiting = match &mut self.delivery {
            Delivery::Here(_) => return Standing::UpToDate,
            Delivery::Over => return Standing::Over,
            Delivery::Behind(waiting) => waiting,
        };
        // On its way in: whoever arrives asks again.
        let Some(mailbox) = &waiting.mailbox else { return Standing::UpToDate };
        let joined = self.name.is_some();
        let gap = |Dropped { count, last }: Dropped| {
            let gap = ToClient::Gap { seq: &format!("{epoch}:{last}"), count };
            joined.then(|| Prepared::text(&gap.to_json()))
        };
        if !waiting.backlog.hand_on(gap, |prepared| mailbox.post(prepared).is_ok()) {
            return Standing::Behind;
        }
        self.delivery = Delivery::Here(mailbox.clone());
        Standing::UpToDate
    }
}
