//! A client's TLS 1.3, by `embedded-tls`: the way to a `wss://` server.
//!
//! The server has to be known: by a [`Pin`] of its certificate or key, of which there may be two so that it can be
//! changed, or by an authority that signs for nobody else ([`Trust`]). There is no way without.
//!
//! ```
//! use embedded_io_async::{Read, Write};
//! use rand_core::CryptoRng;
//! use sockeye_embassy::{Config, Resources, Uri, connect, tls};
//!
//! const CONFIG: Config<'_> = Config::new().over_tls();
//!
//! async fn hello(reader: impl Read, writer: impl Write, pins: &[tls::Pin], mut rng: impl CryptoRng) -> Option<()> {
//!     let uri = Uri::parse("wss://hub.example/rooms/lab").ok()?;
//!     let (mut buffers, transport) = (tls::Buffers::new(), tls::Transport::new(reader, writer));
//!     let trust = tls::Trust::Pins(pins);
//!     let mut session = tls::open(&transport, &mut buffers, uri.host(), trust, &mut rng).await.ok()?;
//!     let (reader, writer) = session.split();
//!     let mut resources: Resources<'_, _, 1024, 256, _> = Resources::new();
//!     let mut ws = connect(reader, writer, &mut resources, &CONFIG, uri, rng).await.ok()?;
//!     ws.sender.text("hello").await.ok()
//! }
//! # fn main() {}
//! ```
//!
//! # What it can do
//!
//! TLS 1.3 with TLS_AES_128_GCM_SHA256, the curve P-256 and signatures of ECDSA with P-256: the server needs a key of
//! this curve, which RSA and Ed25519 are not. A record may be of 16 KiB, as RFC 8446 section 5.1 allows a server, so
//! the read buffer has [that size](Buffers). No resumption, no early data, no certificate of the client's. A server
//! that changes its keys on the way (`KeyUpdate`, after some millions of records) ends the connection with an error.

mod certificate;
mod records;
mod transport;
mod trust;
mod verifier;

use core::fmt;
use core::net::Ipv4Addr;

use embedded_io_async::{ErrorType, Read, Write};
use embedded_tls::{Aes128GcmSha256, FlushPolicy, TlsConfig, TlsConnection, TlsContext, TlsReader, TlsWriter};
use rand_core::CryptoRng;

use self::transport::Handle;
use self::verifier::Provider;

pub use self::transport::Transport;
pub use self::trust::{Pin, PinError, Trust, Untrusted};
pub use embedded_tls::TlsError;

/// The memory of a session: 16,640 bytes for a record that comes, which is what a server may send, and 1,024 for one
/// that goes. With them go about 2 KiB of state, and another 2 KiB with [`Trust::Authority`].
pub struct Buffers {
    read: [u8; 16_640],
    write: [u8; 1_024],
}

impl Buffers {
    /// Empty; for a static.
    pub const fn new() -> Self {
        Buffers { read: [0; 16_640], write: [0; 1_024] }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers::new()
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").finish_non_exhaustive()
    }
}

/// The handshake of TLS over a transport that is open, with the server `host`, a name or an address as in
/// [`Uri::host`](crate::Uri::host); a name is told to the server (SNI, RFC 6066 section 3).
///
/// It takes two or three times the arithmetic of a signature: milliseconds with 100 MHz and a multiplier, seconds on
/// a Cortex-M0+. Give it a bound by `embassy_time::with_timeout`.
///
/// # Errors
/// Why there is no session. The transport is then to be closed. With [`OpenError::NoClock`] and
/// [`OpenError::HostName`] nothing was sent.
///
/// # Cancel safety
/// Dropped, it leaves the transport inside the handshake: close it.
pub async fn open<'t, R, W, G>(
    transport: &'t Transport<R, W>,
    buffers: &'t mut Buffers,
    host: &str,
    trust: Trust<'_>,
    rng: &mut G,
) -> Result<Session<'t, R, W>, OpenError>
where
    R: Read,
    W: Write,
    G: CryptoRng,
{
    let is_name = host.len() <= MAX_NAME && !host.starts_with('[') && host.parse::<Ipv4Addr>().is_err();
    match trust {
        Trust::Authority { now: None, .. } => return Err(OpenError::NoClock),
        Trust::Authority { .. } if !is_name => return Err(OpenError::HostName),
        Trust::Authority { .. } | Trust::Pins(_) => {}
    }
    let config = TlsConfig::new().with_alpn(&[b"http/1.1"]);
    let config = if is_name { config.with_server_name(host) } else { config };
    let mut tls = TlsConnection::new(Handle(transport), &mut buffers.read, &mut buffers.write);
    // embassy-net's flush waits until the peer has acknowledged.
    tls.set_flush_policy(FlushPolicy::Relaxed);
    let mut provider = Provider::new(trust, host, rng);
    match tls.open(TlsContext::new(&config, &mut provider)).await {
        // embedded-tls lets a server finish that has shown neither a certificate nor a signature.
        Ok(()) => provider.verifier.proven()?,
        Err(error) => return Err(provider.verifier.refused().map_or(OpenError::Tls(error), OpenError::Untrusted)),
    }
    Ok(Session { tls })
}

/// embedded-tls's.
const MAX_NAME: usize = 64;

/// A session of TLS that is open.
pub struct Session<'t, R: Read, W: Write> {
    tls: TlsConnection<'t, Handle<'t, R, W>, Aes128GcmSha256>,
}

impl<'t, R: Read, W: Write> Session<'t, R, W> {
    /// Both directions, for [`connect`](crate::connect) with a configuration that is
    /// [`over_tls`](crate::Config::over_tls).
    pub fn split(&mut self) -> (Reader<'_, 't, R, W>, Writer<'_, 't, R, W>) {
        let (reader, writer) = self.tls.split();
        (Reader(reader), Writer(writer))
    }

    /// Tells the server that nothing more comes (RFC 8446 section 6.1). The transport is then to be closed.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn close(self) -> Result<(), TlsError> {
        self.tls.close().await.map(drop).map_err(|(_, error)| error)
    }
}

impl<R: Read, W: Write> fmt::Debug for Session<'_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// What comes in a session. Not cancel-safe: a `read` that is dropped may have taken a part of a record.
pub struct Reader<'s, 't, R, W>(TlsReader<'s, Handle<'t, R, W>, Aes128GcmSha256>);

/// What goes in a session, when it is flushed. Not cancel-safe: a `flush` that is dropped may have sent a part of a
/// record.
pub struct Writer<'s, 't, R, W>(TlsWriter<'s, Handle<'t, R, W>, Aes128GcmSha256>);

impl<R, W> ErrorType for Reader<'_, '_, R, W> {
    type Error = TlsError;
}

impl<R, W> ErrorType for Writer<'_, '_, R, W> {
    type Error = TlsError;
}

impl<'s, 't: 's, R: Read + 's, W: Write + 's> Read for Reader<'s, 't, R, W> {
    /// 0 once the server said that nothing more comes; an error if the transport ends without that word.
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, TlsError> {
        match self.0.read(buf).await {
            Err(TlsError::ConnectionClosed) => Ok(0),
            other => other,
        }
    }
}

impl<'s, 't: 's, R: Read + 's, W: Write + 's> Write for Writer<'s, 't, R, W> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, TlsError> {
        self.0.write(buf).await
    }

    async fn flush(&mut self) -> Result<(), TlsError> {
        self.0.flush().await
    }
}

impl<R, W> fmt::Debug for Reader<'_, '_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl<R, W> fmt::Debug for Writer<'_, '_, R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Why there is no session.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError {
    /// An authority's certificates are good for a time, and the time is not known.
    NoClock,
    /// An authority vouches for names of at most 64 characters; this host is another, or an address.
    HostName,
    /// The server is not the one that is trusted, or did not prove it.
    Untrusted(Untrusted),
    /// The transport failed, or the server's TLS is not ours: it refused, broke a rule, or has no version, cipher or
    /// curve that we have.
    Tls(TlsError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NoClock => f.write_str("the time is not known, and certificates of an authority expire"),
            OpenError::HostName => f.write_str("an authority vouches for a name of at most 64 characters"),
            OpenError::Untrusted(untrusted) => untrusted.fmt(f),
            OpenError::Tls(error) => write!(f, "no TLS with the server: {error:?}"),
        }
    }
}

impl core::error::Error for OpenError {}

impl From<Untrusted> for OpenError {
    fn from(untrusted: Untrusted) -> Self {
        OpenError::Untrusted(untrusted)
    }
}
