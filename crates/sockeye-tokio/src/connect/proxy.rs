//! HTTP proxies that make tunnels.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use sockeye::handshake::{AnswerHead, Uri};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::ConnectError;
use crate::config::Config;
use crate::incoming::read_head;

/// A proxy that a client goes through: by `CONNECT` (RFC 9110 section 9.3.6), for `ws://` too.
///
/// ```
/// use sockeye_tokio::{Config, Proxy};
///
/// let proxy: Proxy = "http://user:password@proxy.example:3128".parse()?;
/// let config = Config { proxy: Some(proxy), ..Config::default() };
/// # Ok::<(), sockeye_tokio::ProxyError>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    /// User name and password, encoded (RFC 7617).
    credentials: Option<String>,
}

/// Not the URI of a proxy, which is `http://user:password@host:port`; port 80 and the user may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyError;

impl Proxy {
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Asks for a tunnel to the server; from then on the stream leads there.
    pub(super) async fn tunnel(&self, tcp: &mut TcpStream, uri: Uri<'_>, config: &Config) -> Result<(), ConnectError> {
        let (host, port) = (uri.host(), uri.port());
        let server = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut head = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
        if let Some(credentials) = &self.credentials {
            head.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
        }
        head.push_str("\r\n");
        tcp.write_all(head.as_bytes()).await?;

        let mut bytes = Vec::new();
        let Some(len) = read_head(tcp, &mut bytes, config.head).await? else { return Err(ConnectError::HeadTooBig) };
        let status = match AnswerHead::parse(&bytes[..len]) {
            Ok(Some((answer, _))) => answer.status(),
            _ => return Err(ConnectError::Lost),
        };
        match status {
            // The server says nothing before the client does: what comes behind the head is not from it.
            200..=299 if bytes.len() == len => Ok(()),
            200..=299 => Err(ConnectError::Lost),
            _ => Err(ConnectError::Proxy { status }),
        }
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(uri: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = uri.split_once("://").ok_or(ProxyError)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ProxyError);
        }
        let (user, authority) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?']) {
            return Err(ProxyError);
        }
        let as_uri = format!("ws://{authority}");
        let parsed = Uri::parse(&as_uri).map_err(|_| ProxyError)?;
        let credentials = match user {
            Some(user) => Some(BASE64.encode(&decoded(user)?)),
            None => None,
        };
        Ok(Proxy { host: parsed.host().to_owned(), port: parsed.port(), credentials })
    }
}

/// What was percent-encoded to be in a URI.
fn decoded(text: &str) -> Result<Vec<u8>, ProxyError> {
    let mut pieces = text.as_bytes().split(|byte| *byte == b'%');
    let mut bytes = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or(ProxyError)?;
        bytes.push(str::from_utf8(digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or(ProxyError)?);
        bytes.extend_from_slice(rest);
    }
    Ok(bytes)
}

/// The password stays one.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a proxy's URI: http://user:password@host:port")
    }
}

impl std::error::Error for ProxyError {}
