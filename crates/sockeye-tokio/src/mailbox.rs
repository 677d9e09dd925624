//! A way to a connection's peer for those who do not own its sender: a room.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::error::Error;
use crate::message::Prepared;
use crate::outbox::{Outbox, Post, Transport};

/// Sends prepared messages to a connection, whatever its transport; cheap to clone, and it does not keep the connection
/// open.
///
/// What is posted to a mailbox is queued in the connection's outbox at once, and goes out by one write with what else is
/// queued there, as soon as the task at hand has had its turn: to send a message to a thousand peers is to post it a
/// thousand times, without a task or a channel for each.
///
/// ```
/// # async fn publish(members: &mut Vec<sockeye_tokio::Mailbox>) {
/// let news = sockeye_tokio::Prepared::text("to all of you");
/// members.retain(|member| member.post(&news).is_ok());
/// # }
/// ```
#[derive(Clone)]
pub struct Mailbox {
    outbox: Weak<dyn Post>,
    limit: usize,
}

impl Mailbox {
    pub(crate) fn new<S: Transport>(outbox: &Arc<Outbox<S>>, limit: usize) -> Self {
        // A variable, since a weak pointer to the outbox is to become one to any.
        let outbox: Weak<Outbox<S>> = Arc::downgrade(outbox);
        Mailbox { outbox, limit }
    }

    /// Queues a message whole, or not at all. It must be called within the runtime.
    ///
    /// # Errors
    /// [`Error::SlowPeer`] if the peer is behind by more than the limit, which is for the caller to act on: the
    /// connection goes on. [`Error::Send`] inside a message of chunks or after a close; [`Error::Lost`] when the
    /// connection is gone, or else what ended it.
    pub fn post(&self, prepared: &Prepared) -> Result<(), Error> {
        self.outbox.upgrade().ok_or(Error::Lost)?.post(prepared.data(), self.limit)
    }

    /// Whether the connection is gone: nothing will ever be taken again. Who keeps mailboxes has to throw these away, if
    /// not when they post, then when another one comes.
    pub fn is_closed(&self) -> bool {
        self.outbox.strong_count() == 0
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("limit", &self.limit).finish_non_exhaustive()
    }
}
