//! One room: who is there, what was said last, and the ways to its members.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::value::RawValue;
use sockeye_tokio::{Kind, Mailbox, Prepared, Sender, Transport};
use tokio::sync::Notify;

use super::envelope::{Dialect, Named, ToClient};
use super::lock;

/// A newcomer gets so many messages,
const HISTORY: usize = 50;
/// of so many bytes,
const HISTORY_BYTES: usize = 64 * 1024;
/// and all rooms together keep so many.
const HISTORY_BYTES_OF_ALL: usize = 64 << 20;
/// A member who is behind by so many bytes is let go.
const BEHIND: usize = 1 << 20;
/// What a message costs while it waits for a member to arrive, besides its bytes, so that small ones are bounded too.
const ENTRY: usize = 128;

/// A room.
pub(crate) struct Room {
    state: Mutex<State>,
    emptied: Notify,
    history_of_all: Arc<AtomicUsize>,
}

struct State {
    /// Random for each life of a room, so that its sequence is never taken for another's.
    epoch: String,
    sequence: u64,
    visits: u64,
    members: BTreeMap<u64, Member>,
    history: VecDeque<Box<RawValue>>,
    history_bytes: usize,
}

struct Member {
    dialect: Dialect,
    /// Of one that joined by an envelope.
    name: Option<String>,
    delivery: Delivery,
    /// Told when the member is too far behind.
    behind: Arc<Notify>,
}

/// How a member gets its messages.
enum Delivery {
    /// It does not know yet that it is in: what is said meanwhile waits.
    Arriving(Vec<Prepared>),
    Here(Mailbox),
    /// It was too far behind, and gets no more.
    Over,
}

impl Room {
    pub(super) fn new(history_of_all: Arc<AtomicUsize>) -> Self {
        let state = State {
            epoch: format!("{:016x}", rand::random::<u64>()),
            sequence: 0,
            visits: 0,
            members: BTreeMap::new(),
            history: VecDeque::new(),
            history_bytes: 0,
        };
        Room { state: Mutex::new(state), emptied: Notify::new(), history_of_all }
    }

    /// Comes in: what is said from now on is for this member too. Its id, and what tells that it is too far behind.
    pub(super) fn enter(&self, dialect: Dialect) -> (u64, Arc<Notify>) {
        let mut state = lock(&self.state);
        state.visits += 1;
        let (id, behind) = (state.visits, Arc::<Notify>::default());
        let member = Member { dialect, name: None, delivery: Delivery::Arriving(Vec::new()), behind: behind.clone() };
        state.members.insert(id, member);
        (id, behind)
    }

    /// The member's connection is there.
    pub(super) fn arrive<S: Transport>(&self, id: u64, sender: &Sender<S>) {
        let mut state = lock(&self.state);
        let Some(member) = state.members.get_mut(&id) else { return };
        let here = Delivery::Here(sender.mailbox(BEHIND));
        if let Delivery::Arriving(waiting) = std::mem::replace(&mut member.delivery, here) {
            waiting.iter().for_each(|prepared| member.deliver(prepared));
        }
    }

    /// Takes a name: the others hear of it, and the member is welcomed with who is here and what was said.
    pub(super) fn join(&self, id: u64, name: String) {
        let mut state = lock(&self.state);
        let seq = state.next_sequence();
        let joined = Prepared::text(&ToClient::Join { seq: &seq, id, name: &name }.to_json());
        state.deliver_envelope(&joined);
        if let Some(member) = state.members.get_mut(&id) {
            member.name = Some(name);
        }
        let members = state.members.iter();
        let members =
            members.filter_map(|(id, member)| Some(Named { id: *id, name: member.name.as_deref()? })).collect();
        let history = state.history.iter().map(AsRef::as_ref).collect();
        let welcome = Prepared::text(&ToClient::Welcome { seq: &seq, id, members, history }.to_json());
        if let Some(member) = state.members.get_mut(&id) {
            member.deliver(&welcome);
        }
    }

    /// What a member says by an envelope: an envelope to all that joined, and the bare text to the others.
    pub(super) fn say(&self, id: u64, text: &str) {
        let mut state = lock(&self.state);
        self.keep_and_deliver(&mut state, id, text);
        state.deliver_raw(id, &Prepared::text(text));
    }

    /// What a member says without: the same to the others, and to those that joined an envelope if it is a text.
    pub(super) fn pass(&self, id: u64, kind: Kind, payload: &[u8]) {
        let mut state = lock(&self.state);
        let text = if kind == Kind::Text { str::from_utf8(payload).ok() } else { None };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.keep_and_deliver(&mut state, id, text);
        }
        state.deliver_raw(id, &text.map_or_else(|| Prepared::binary(payload), Prepared::text));
    }

    /// Tells one member that it broke a rule.
    pub(super) fn complain(&self, id: u64, text: &str) {
        if let Some(member) = lock(&self.state).members.get_mut(&id) {
            member.deliver(&Prepared::text(&ToClient::Error { text }.to_json()));
        }
    }

    pub(super) fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        let left = state.members.remove(&id);
        if let Some(name) = left.and_then(|member| member.name) {
            let seq = state.next_sequence();
            state.deliver_envelope(&Prepared::text(&ToClient::Leave { seq: &seq, id, name: &name }.to_json()));
        }
        if state.members.is_empty() {
            self.emptied.notify_one();
        }
    }

    /// Ready when the last member left.
    pub(super) async fn emptied(&self) {
        self.emptied.notified().await;
    }

    /// How many came in so far.
    pub(super) fn visits(&self) -> u64 {
        lock(&self.state).visits
    }

    fn keep_and_deliver(&self, state: &mut State, id: u64, text: &str) {
        let seq = state.next_sequence();
        // A member without a name did not join: it has no id that others would know.
        let name = state.members.get(&id).and_then(|member| member.name.clone());
        let id = if name.is_some() { id } else { 0 };
        let message = ToClient::Message { seq: &seq, id, name: name.as_deref().unwrap_or_default(), text }.to_json();
        state.deliver_envelope(&Prepared::text(&message));

        let used = self.history_of_all.fetch_add(message.len(), Ordering::Relaxed);
        state.history_bytes += message.len();
        if let Ok(message) = RawValue::from_string(message) {
            state.history.push_back(message);
        }
        let over = (used + HISTORY_BYTES).saturating_sub(HISTORY_BYTES_OF_ALL);
        while state.history.len() > HISTORY || state.history_bytes > HISTORY_BYTES.saturating_sub(over) {
            let Some(oldest) = state.history.pop_front() else { break };
            state.history_bytes -= oldest.get().len();
            self.history_of_all.fetch_sub(oldest.get().len(), Ordering::Relaxed);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.history_of_all.fetch_sub(lock(&self.state).history_bytes, Ordering::Relaxed);
    }
}

impl State {
    fn next_sequence(&mut self) -> String {
        self.sequence += 1;
        format!("{}:{}", self.epoch, self.sequence)
    }

    fn deliver_envelope(&mut self, prepared: &Prepared) {
        for member in self.members.values_mut().filter(|member| member.name.is_some()) {
            member.deliver(prepared);
        }
    }

    fn deliver_raw(&mut self, from: u64, prepared: &Prepared) {
        let others = self.members.iter_mut().filter(|(id, member)| **id != from && member.dialect == Dialect::Raw);
        for (_, member) in others {
            member.deliver(prepared);
        }
    }
}

impl Member {
    /// Hands a message over, unless the member is too far behind: then it gets no more, and its visit ends.
    fn deliver(&mut self, prepared: &Prepared) {
        let delivered = match &mut self.delivery {
            Delivery::Arriving(waiting) => {
                let bytes: usize = waiting.iter().map(|prepared| prepared.len() + ENTRY).sum();
                waiting.push(prepared.clone());
                bytes <= BEHIND
            }
            Delivery::Here(mailbox) => mailbox.post(prepared).is_ok(),
            Delivery::Over => true,
        };
        if !delivered {
            self.delivery = Delivery::Over;
            self.behind.notify_one();
        }
    }
}
