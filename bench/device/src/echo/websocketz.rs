//! `websocketz`: `accept`, then each message goes back whole. It answers pings and closes itself.

use core::convert::Infallible;

use embedded_io_async::{Read, Write};
use rand_core::TryRng;
use websocketz::options::AcceptOptions;
use websocketz::{Message, WebSocket, next, send};

use super::HEADERS;

/// Bytes to read into and to write a frame from, which have its header there too, and to put a message together in.
pub const BUFFERS: [usize; 3] = [1024 + 8, 1024 + 4, 1024];

/// One connection.
pub async fn serve<T: Read + Write>(io: T, read: &mut [u8], write: &mut [u8], message: &mut [u8]) -> Option<()> {
    let options = AcceptOptions::default();
    let mut ws = WebSocket::accept::<HEADERS>(options, io, NoRandom, read, write, message).await.ok()?;
    loop {
        match next!(ws)? {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => send!(ws, message).ok()?,
            Ok(_) => {}
            // No code, as in its server for Autobahn.
            Err(_) => return send!(ws, Message::Close(None)).ok(),
        }
    }
}

/// A server masks nothing, so that the library never asks.
struct NoRandom;

impl TryRng for NoRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}
