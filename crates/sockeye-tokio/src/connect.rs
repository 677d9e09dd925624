//! The client's side of the handshake.

mod dial;
mod error;
mod proxy;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use std::sync::Arc;
use std::time::Duration;

use sockeye::Offer;
use sockeye::handshake::{AnswerHead, OfferError, Uri};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

pub use self::error::ConnectError;
pub use self::proxy::{Proxy, ProxyError};
pub use self::stream::Stream;
#[cfg(feature = "tls")]
pub use self::tls::Tls;
use crate::config::Config;
use crate::connection::Connection;
use crate::incoming::{grow, own_headers, read_head};
use crate::outbox::Transport;
use crate::role::{Role, ThreadRng};

/// Connects to a `ws://` URI by TCP, and with feature `tls` to a `wss://` URI by TLS above it: looks the name up, tries
/// its addresses one after the other, and makes the handshake. With [`Config::proxy`] the way leads through that.
///
/// Of all calls in a process that connect to the same IP address, one does so at a time; the others wait for it, and
/// their [`Config::handshake_timeout`] begins after that (RFC 6455 section 4.1).
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let mut ws = sockeye_tokio::connect("ws://127.0.0.1:9001/echo", sockeye_tokio::Config::default()).await?;
/// ws.sender.text("hello").await?;
/// let answer = ws.receiver.message().await?.ok_or("closed")?;
/// assert_eq!(answer.text(), Some("hello"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Why there is no connection. A redirect is reported, not followed: [`ConnectError::Refused`].
///
/// # Cancel safety
/// Dropped, it closes the transport.
pub async fn connect(uri: &str, config: impl Into<Arc<Config>>) -> Result<Connection<Stream>, ConnectError> {
    let config = config.into();
    let uri = Uri::parse(uri)?;
    if uri.is_secure() && cfg!(not(feature = "tls")) {
        return Err(ConnectError::NoTls);
    }
    let mut failed = None;
    for address in timeout(config.handshake_timeout, dial::look_up(uri, &config)).await?? {
        let turn = dial::turn(uri, address, &config);
        let _turn = turn.lock().await;
        let reached = timeout(config.handshake_timeout, async {
            let tcp = dial::tcp(address).await?;
            Ok(async { handshake(dial::through(tcp, uri, &config).await?, uri, config.clone()).await }.await)
        });
        match reached.await.unwrap_or_else(|late| Err(late.into())) {
            Ok(shaken) => return shaken,
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(ConnectError::no_address))
}

/// Makes the handshake over a transport that leads to the host of `uri` already.
///
/// # Errors
/// As [`connect`].
///
/// # Cancel safety
/// Dropped, it closes the transport.
pub async fn connect_over<S: Transport>(
    io: S,
    uri: &str,
    config: impl Into<Arc<Config>>,
) -> Result<Connection<S>, ConnectError> {
    let config = config.into();
    let shaken = handshake(io, Uri::parse(uri)?, config.clone());
    Box::pin(timeout(config.handshake_timeout, shaken)).await?
}

async fn handshake<S: Transport>(mut io: S, uri: Uri<'_>, config: Arc<Config>) -> Result<Connection<S>, ConnectError> {
    let subprotocols: Vec<&str> = config.subprotocols.iter().map(String::as_str).collect();
    let headers: Vec<_> = own_headers(&config).collect();
    let offer = Offer::new(uri, &mut ThreadRng).subprotocols(&subprotocols).headers(&headers);
    let mut out = Vec::new();
    grow(&mut out, |out| offer.write(out))?;
    io.write_all(&out).await?;
    io.flush().await?;

    let mut bytes = Vec::new();
    let Some(head) = read_head(&mut io, &mut bytes, config.head).await? else { return Err(ConnectError::HeadTooBig) };
    let subprotocol = match offer.check(&bytes[..head]) {
        Ok(Some((answer, _))) => answer.subprotocol().map(str::to_owned),
        Ok(None) => return Err(ConnectError::Lost),
        Err(OfferError::Status(status)) => return Err(refused(status, &bytes[..head])),
        Err(error) => return Err(ConnectError::Answer(error)),
    };
    let core = sockeye::Receiver::client().with_limits(config.limits);
    Ok(Connection::new(io, config.clone(), subprotocol, &bytes[head..], Role::client(), core))
}

fn refused(status: u16, head: &[u8]) -> ConnectError {
    let parsed = AnswerHead::parse(head).ok().flatten();
    let header = |name| parsed.as_ref().and_then(|(head, _)| head.header(name));
    ConnectError::Refused {
        status,
        location: header("Location").map(str::to_owned),
        retry_after: header("Retry-After").and_then(|value| value.parse().ok()).map(Duration::from_secs),
    }
}
