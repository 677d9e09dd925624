//! One connection through each library, to its end: the handshake, the echo of each message, pongs, the close.
//!
//! Each is what the library's own documentation shows, without its logging, and with what it leaves to the
//! application: a close is answered by a close, and so is a broken rule where the library names one.

#[cfg(feature = "edge-ws")]
pub mod edge_ws;
#[cfg(feature = "embedded-websocket")]
pub mod embedded_websocket;
pub mod nothing;
#[cfg(feature = "picoserve")]
pub mod picoserve;
#[cfg(feature = "sockeye")]
pub mod sockeye;
#[cfg(feature = "websocketz")]
pub mod websocketz;

/// Headers that a request may have, where that is for the application to say. Firefox sends 17.
#[cfg(any(feature = "edge-ws", feature = "embedded-websocket", feature = "websocketz"))]
const HEADERS: usize = 32;
