//! From a URI to a transport: a name's addresses, TCP, a proxy's tunnel, TLS.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use sockeye::handshake::Uri;
use tokio::net::{TcpStream, lookup_host};

use super::{ConnectError, Stream};
use crate::budget::lock;
use crate::config::Config;

/// The addresses of the server, or of the proxy.
pub(super) async fn look_up(uri: Uri<'_>, config: &Config) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let (host, port) = config.proxy.as_ref().map_or((uri.host(), uri.port()), |proxy| (proxy.host(), proxy.port()));
    lookup_host((host.to_owned(), port)).await
}

/// Whoever connects to this server has to hold this lock: one for each IP address, and where a proxy alone knows that,
/// for each name (RFC 6455 section 4.1).
pub(super) fn turn(uri: Uri<'_>, address: SocketAddr, config: &Config) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: LazyLock<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>> = LazyLock::new(Mutex::default);
    let server = config.proxy.as_ref().map_or_else(|| address.ip().to_string(), |_| uri.host().to_owned());
    let mut turns = lock(&TURNS);
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = turns.get(&server).and_then(Weak::upgrade).unwrap_or_default();
    turns.insert(server, Arc::downgrade(&turn));
    turn
}

pub(super) async fn tcp(address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let io = TcpStream::connect(address).await?;
    io.set_nodelay(true)?;
    Ok(io)
}

/// Through the proxy, if there is one, and by TLS, if the URI wants that.
pub(super) async fn through(mut tcp: TcpStream, uri: Uri<'_>, config: &Config) -> Result<Stream, ConnectError> {
    if let Some(proxy) = &config.proxy {
        proxy.tunnel(&mut tcp, uri, config).await?;
    }
    #[cfg(feature = "tls")]
    if uri.is_secure() {
        return super::tls::above(tcp, uri, config.tls.as_ref()).await;
    }
    Ok(Stream::tcp(tcp))
}
