//! Both halves.

use std::fmt;
use std::sync::Arc;

use sockeye::CloseCode;

use crate::config::Config;
use crate::error::Error;
use crate::outbox::{Outbox, Transport};
use crate::receiver::Receiver;
use crate::role::Role;
use crate::sender::Sender;

/// A WebSocket connection: one task borrows both halves at once, two tasks take it apart.
///
/// ```
/// # async fn two_tasks<S: sockeye_tokio::Transport>(ws: sockeye_tokio::Connection<S>) -> Result<(), sockeye_tokio::Error> {
/// let sockeye_tokio::Connection { mut receiver, mut sender, .. } = ws;
/// let read = tokio::spawn(async move { receiver.drain().await });
/// sender.text("only I talk").await?;
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub struct Connection<S> {
    /// What comes from the peer.
    pub receiver: Receiver<S>,
    /// What goes to the peer.
    pub sender: Sender<S>,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<Box<str>>,
}

impl<S: Transport> Connection<S> {
    pub(crate) fn new(
        io: S,
        config: Arc<Config>,
        subprotocol: Option<String>,
        early: &[u8],
        role: Role,
        core: sockeye::Receiver,
    ) -> Self {
        let outbox = Outbox::new(io, role, config.clone());
        Connection {
            sender: Sender::new(outbox.clone()),
            receiver: Receiver::new(outbox, config, core, early),
            subprotocol: subprotocol.map(Into::into),
        }
    }

    /// The whole closing handshake: sends our close frame, discards what the peer still sends, waits for its close
    /// frame, and closes the transport (RFC 6455 section 7.1.2).
    ///
    /// # Errors
    /// Why it was not clean.
    ///
    /// # Cancel safety
    /// Dropped, it drops the connection; a close frame that was queued is still written.
    pub async fn close(mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        if self.receiver.close().is_none() {
            self.sender.close(code, reason).await?;
        }
        self.receiver.drain().await
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("subprotocol", &self.subprotocol).finish_non_exhaustive()
    }
}
