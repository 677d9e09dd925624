//! Both halves.

use core::fmt;

use embedded_io_async::{Read, Write};
use sockeye::{CloseCode, Masking, Unmasked};

use crate::error::Error;
use crate::receiver::Receiver;
use crate::sender::Sender;

/// A WebSocket connection: one task borrows both halves at once, two tasks of one executor take it apart.
#[non_exhaustive]
pub struct Connection<'r, R, W, M = Unmasked> {
    /// What comes from the peer.
    pub receiver: Receiver<'r, R, W, M>,
    /// What goes to the peer.
    pub sender: Sender<'r, W, M>,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<&'r str>,
}

impl<R: Read, W: Write<Error = R::Error>, M: Masking> Connection<'_, R, W, M> {
    /// The closing handshake: sends our close frame, and discards what the peer still sends until its close frame
    /// came (RFC 6455 section 7.1.2). The transport is then to be closed by who opened it; after an error too.
    ///
    /// # Errors
    /// Why it was not clean.
    ///
    /// # Cancel safety
    /// As [`Sender::close`] and [`Receiver::drain`].
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error<R::Error>> {
        if self.receiver.close().is_none() {
            self.sender.close(code, reason).await?;
        }
        self.receiver.drain().await
    }
}

impl<R, W, M> fmt::Debug for Connection<'_, R, W, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("subprotocol", &self.subprotocol).finish_non_exhaustive()
    }
}
