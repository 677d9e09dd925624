//! A connection of a host, which blocks as a socket of std does.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State as TcpState};
use smoltcp::wire::Ipv4Address;

use crate::lan::Shared;

/// Nothing takes longer, also when frames are lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a TCP connection; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
    host: Ipv4Address,
    handle: SocketHandle,
    limit: Duration,
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, host: Ipv4Address, handle: SocketHandle) -> Self {
        Stream { shared, host, handle, limit: PATIENCE }
    }

    /// Reads and writes wait so long at most.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    pub(crate) fn wait_until_open(&self, limit: Duration) -> io::Result<()> {
        self.wait(limit, |socket| match socket.state() {
            TcpState::SynSent | TcpState::SynReceived | TcpState::Listen => None,
            TcpState::Closed => Some(Err(ErrorKind::ConnectionRefused.into())),
            _ => Some(Ok(())),
        })
    }

    /// Ends our side, and reads on.
    pub(crate) fn shut(&self) {
        self.with(Socket::close);
    }

    /// Drops the connection by a reset.
    pub(crate) fn reset(&self) {
        self.with(Socket::abort);
    }

    /// Waits until the peer acknowledged all that was sent.
    pub(crate) fn wait_until_taken(&self) -> io::Result<()> {
        self.wait(self.limit, |socket| match socket.send_queue() {
            0 => Some(Ok(())),
            _ if !socket.is_active() => Some(Err(ErrorKind::ConnectionReset.into())),
            _ => None,
        })
    }

    /// How much is there to be read.
    pub(crate) fn waiting(&self) -> usize {
        self.with(|socket| socket.recv_queue())
    }

    fn with<T>(&self, f: impl FnOnce(&mut Socket<'static>) -> T) -> T {
        self.shared.with(|state| f(state.node(self.host).socket(self.handle)))
    }

    fn wait<T>(
        &self,
        limit: Duration,
        mut f: impl FnMut(&mut Socket<'static>) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        let done = self.shared.wait(limit, |state| f(state.node(self.host).socket(self.handle)));
        done.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(self.limit, |socket| match socket.recv_slice(buffer) {
            Ok(0) => None,
            Ok(len) => Some(Ok(len)),
            Err(RecvError::Finished) => Some(Ok(0)),
            Err(RecvError::InvalidState) => Some(Err(ErrorKind::ConnectionReset.into())),
        })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(self.limit, |socket| match socket.send_slice(bytes) {
            Ok(0) => None,
            Ok(len) => Some(Ok(len)),
            Err(_) => Some(Err(ErrorKind::ConnectionReset.into())),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.with(|state| state.node(self.host).leave(self.handle));
    }
}
