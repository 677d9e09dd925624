//! What a session goes over.

use core::cell::RefCell;
use core::fmt;

use embedded_io_async::{Error as _, ErrorKind, ErrorType, Read, Write};

use super::records::Records;

/// Both directions of a connection of TCP, for [`open`](super::open).
pub struct Transport<R, W> {
    incoming: RefCell<(R, Records)>,
    writer: RefCell<W>,
}

impl<R, W> Transport<R, W> {
    /// Over a connection that is open.
    pub const fn new(reader: R, writer: W) -> Self {
        Transport { incoming: RefCell::new((reader, Records::new())), writer: RefCell::new(writer) }
    }
}

impl<R, W> fmt::Debug for Transport<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

/// A transport as embedded-tls wants it: one that can be cloned, of which one clone reads and one writes.
pub(super) struct Handle<'t, R, W>(pub(super) &'t Transport<R, W>);

impl<R, W> Clone for Handle<'_, R, W> {
    fn clone(&self) -> Self {
        Handle(self.0)
    }
}

impl<R, W> ErrorType for Handle<'_, R, W> {
    type Error = ErrorKind;
}

#[expect(clippy::await_holding_refcell_ref, reason = "who finds it borrowed has an error and no panic")]
impl<R: Read, W> Read for Handle<'_, R, W> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut incoming = self.0.incoming.try_borrow_mut().map_err(|_| ErrorKind::Other)?;
        let (reader, records) = &mut *incoming;
        let len = reader.read(buf).await.map_err(|error| error.kind())?;
        records.check(buf.get(..len).unwrap_or_default()).map_err(|_| ErrorKind::InvalidData)?;
        Ok(len)
    }
}

#[expect(clippy::await_holding_refcell_ref, reason = "who finds it borrowed has an error and no panic")]
impl<R, W: Write> Write for Handle<'_, R, W> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        let mut writer = self.0.writer.try_borrow_mut().map_err(|_| ErrorKind::Other)?;
        writer.write(buf).await.map_err(|error| error.kind())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        let mut writer = self.0.writer.try_borrow_mut().map_err(|_| ErrorKind::Other)?;
        writer.flush().await.map_err(|error| error.kind())
    }
}
