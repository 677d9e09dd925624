//! The memory of a connection.

use core::fmt;

use sockeye::{MAX_CONTROL, Unmasked};

use crate::outbox::Outbox;

/// The memory of a connection: a read buffer of `RX` bytes, a write buffer of `TX`, and about 200 bytes of state.
///
/// The request or response head must fit into the read buffer: 1,024 bytes are enough for today's browsers, of which
/// each sends 400 to 700. After the handshake it is what chunks are read into. The write buffer holds the response
/// head, control frames, and the pieces that a client masks.
///
/// It belongs to one connection, since the writer lives in it: make it where the connection is made.
pub struct Resources<'r, W, const RX: usize = 1024, const TX: usize = 256, M = Unmasked> {
    pub(crate) rx: [u8; RX],
    pub(crate) tx: [u8; TX],
    pub(crate) outbox: Option<Outbox<'r, W, M>>,
}

impl<W, const RX: usize, const TX: usize, M> Resources<'_, W, RX, TX, M> {
    /// Empty.
    pub const fn new() -> Self {
        const { assert!(TX >= MAX_CONTROL, "the write buffer must hold a control frame: 131 bytes") };
        const { assert!(RX > 0, "the read buffer must hold something") };
        Resources { rx: [0; RX], tx: [0; TX], outbox: None }
    }
}

impl<W, const RX: usize, const TX: usize, M> Default for Resources<'_, W, RX, TX, M> {
    fn default() -> Self {
        Resources::new()
    }
}

impl<W, const RX: usize, const TX: usize, M> fmt::Debug for Resources<'_, W, RX, TX, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").finish_non_exhaustive()
    }
}
