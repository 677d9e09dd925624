//! A request that hyper read, or axum's router got from it.

use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use sockeye::{Limits, Request, Response};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Config;
use crate::connect::Stream;
use crate::connection::Connection;
use crate::incoming::{Accept, AcceptError, PLAIN, agree, write};
use crate::role::Role;

/// A request that hyper read and that is well-formed, before it is accepted: with feature `hyper`, in a hyper service.
/// With feature `axum` it is an extractor. What [`Incoming`](crate::Incoming) is without them.
///
/// ```
/// # use sockeye_tokio::{Accept, AcceptError, Config, Upgrade};
/// async fn echo(request: http::Request<hyper::body::Incoming>) -> Result<http::Response<String>, AcceptError> {
///     let (mut parts, _) = request.into_parts();
///     let (response, connection) = Upgrade::new(&mut parts)?.accept(Config::default(), Accept::default())?;
///     tokio::spawn(async move {
///         let mut ws = connection.await?;
///         while let Some(message) = ws.receiver.message().await? {
///             ws.sender.send(message.kind, message.payload).await?;
///         }
///         Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
///     });
///     Ok(response)
/// }
/// ```
///
/// Upgrades are made by `hyper_util::server::conn::auto::Builder::serve_connection_with_upgrades`, by hyper's
/// `http1::Connection::with_upgrades`, and by `axum::serve`. Over HTTP/2 there are none (RFC 8441 is not spoken).
///
/// How long a request may take to come is hyper's affair too: without a timer it waits for ever, as `axum::serve` does.
/// Give hyper's builder a timer and a `header_read_timeout`, as examples/hyper.rs does.
pub struct Upgrade {
    /// As it came over HTTP/1.1, or would have.
    head: Vec<u8>,
    on: Option<OnUpgrade>,
}

/// The head may have secrets.
impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}

impl Upgrade {
    /// Checks what hyper does not.
    ///
    /// # Errors
    /// [`AcceptError::Rejected`]: a request that breaks a rule of RFC 6455 section 4.2.1.
    pub fn new(parts: &mut Parts) -> Result<Self, AcceptError> {
        let head = to_head(parts);
        if let Err(reject) = Request::parse(&head) {
            return Err(AcceptError::Rejected(reject));
        }
        Ok(Upgrade { head, on: parts.extensions.remove() })
    }

    /// What is asked for. Where a router has taken a prefix off the path, it is not there.
    #[expect(clippy::missing_panics_doc, reason = "`new` made sure that the head parses")]
    pub fn request(&self) -> Request<'_> {
        Request::parse(&self.head).ok().flatten().expect("the head was parsed before").0
    }

    /// The 101, if `Host` and `Origin` are right, and the connection: it is there once hyper has sent the response.
    ///
    /// Where hyper serves a [`TcpStream`] in a [`TokioIo`], the connection is over that again; any other transport stays
    /// in the box in which hyper has it. Of the configuration, [`Config::head`] is hyper's affair.
    ///
    /// # Errors
    /// [`AcceptError::Rejected`], and mistakes on this side; [`to_response`](AcceptError::to_response) is the answer.
    /// The future's: [`AcceptError::Timeout`], and [`AcceptError::Io`] where the client is gone or the server does not
    /// make upgrades.
    ///
    /// # Cancel safety
    /// The future, dropped, closes the transport.
    pub fn accept<C: Into<Arc<Config>>>(
        self,
        config: C,
        accept: Accept<'_>,
    ) -> Result<(http::Response<String>, impl Future<Output = Begun> + use<C>), AcceptError> {
        let config = config.into();
        let (out, subprotocol) = agree(&self.request(), &config, &accept)?;
        let limits = accept.limits.unwrap_or(config.limits);
        Ok((to_response(&out)?, begin(self.on, config, subprotocol, limits)))
    }
}

type Begun = Result<Connection<Stream>, AcceptError>;

async fn begin(on: Option<OnUpgrade>, config: Arc<Config>, subprotocol: Option<String>, limits: Limits) -> Begun {
    let on = on.ok_or_else(|| io::Error::other("this server makes no upgrades"))?;
    let upgraded = timeout(config.handshake_timeout, on).await.map_err(|_| AcceptError::Timeout)?;
    let (io, early) = unwrap(upgraded.map_err(io::Error::other)?);
    let core = sockeye::Receiver::server().with_limits(limits);
    Ok(Connection::new(io, config, subprotocol, &early, Role::server(), core))
}

/// The transport, and what hyper read ahead of it.
fn unwrap(upgraded: Upgraded) -> (Stream, Bytes) {
    let tcp = |io: TokioIo<TcpStream>| {
        let tcp = io.into_inner();
        // What is written here is written by the turn, not byte by byte. Without it, it is only slower.
        let _ = tcp.set_nodelay(true);
        Stream::tcp(tcp)
    };
    match auto::upgrade::downcast(upgraded) {
        Ok(parts) => (tcp(parts.io), parts.read_buf),
        Err(upgraded) => match upgraded.downcast() {
            Ok(parts) => (tcp(parts.io), parts.read_buf),
            Err(upgraded) => (Stream::upgraded(TokioIo::new(upgraded)), Bytes::new()),
        },
    }
}

impl AcceptError {
    /// What the client is to be told: the response that a rejection owes, 500 for a mistake on this side.
    pub fn to_response(&self) -> http::Response<String> {
        let (response, text) = match self {
            AcceptError::Rejected(reject) => (Response::reject(*reject), format!("{reject}\n")),
            AcceptError::Body { status } => (Response::new(*status), format!("{self}\n")),
            _ => (Response::new(500), "a mistake of the server (500)\n".to_owned()),
        };
        let mut out = Vec::new();
        let written = write(&response.headers(&PLAIN).body(text.as_bytes()), &mut out);
        written.map_err(AcceptError::from).and_then(|()| to_response(&out)).unwrap_or_default()
    }
}

/// Rules are checked, and refusals written, by the core, which has requests and responses as bytes.
fn to_head(parts: &Parts) -> Vec<u8> {
    let mut head = format!("{} {} {:?}\r\n", parts.method, parts.uri, parts.version).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn to_response(written: &[u8]) -> Result<http::Response<String>, AcceptError> {
    let text = String::from_utf8_lossy(written);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let response = http::Response::builder().status(status);
    let response = headers.fold(response, |response, (name, value)| response.header(name, value));
    Ok(response.body(body.to_owned()).map_err(io::Error::other)?)
}

#[cfg(feature = "axum")]
mod extractor {
    use axum_core::extract::FromRequestParts;
    use axum_core::response::{IntoResponse, Response};
    use http::request::Parts;

    use super::{AcceptError, Upgrade};

    impl<S: Sync> FromRequestParts<S> for Upgrade {
        type Rejection = AcceptError;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AcceptError> {
            Upgrade::new(parts)
        }
    }

    impl IntoResponse for AcceptError {
        fn into_response(self) -> Response {
            self.to_response().into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::{Service, service_fn};
    use hyper_util::rt::TokioExecutor;
    use tokio::io::{AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    use super::*;

    /// A service that hands over what it gets back from hyper.
    fn handing_over(
        to: UnboundedSender<(Stream, Bytes)>,
    ) -> impl Service<
        http::Request<Incoming>,
        Response = http::Response<String>,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static {
        service_fn(move |request| {
            let to = to.clone();
            tokio::spawn(async move {
                let upgraded = hyper::upgrade::on(request).await.expect("it makes upgrades");
                to.send(unwrap(upgraded)).expect("it is waited for");
            });
            let response = http::Response::builder().status(101).header("Upgrade", "websocket");
            async { Ok(response.header("Connection", "Upgrade").body(String::new()).expect("a response")) }
        })
    }

    #[tokio::test]
    async fn a_tcp_stream_comes_back_as_one() {
        let (to, mut from) = unbounded_channel();
        for (how, transport) in ["auto", "http1", "of its own"].into_iter().zip(["Tcp", "Tcp", "Upgraded"]) {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let mut client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
            let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly";
            client.write_all(request.as_bytes()).await.expect("it is taken");
            let (socket, _) = listener.accept().await.expect("a client");
            let service = handing_over(to.clone());
            tokio::spawn(async move {
                let plain = http1::Builder::new();
                match how {
                    "auto" => {
                        let auto = auto::Builder::new(TokioExecutor::new());
                        auto.serve_connection_with_upgrades(TokioIo::new(socket), service).await.expect("it serves");
                    }
                    "http1" => {
                        plain.serve_connection(TokioIo::new(socket), service).with_upgrades().await.expect("it serves");
                    }
                    _ => {
                        let io = TokioIo::new(BufReader::new(socket));
                        plain.serve_connection(io, service).with_upgrades().await.expect("it serves");
                    }
                }
            });
            let (stream, early) = from.recv().await.expect("it is handed over");
            assert!(format!("{stream:?}").starts_with(&format!("Stream({transport}(")), "{how}: {stream:?}");
            // What hyper read of a box stays in it.
            assert_eq!(early, if transport == "Tcp" { "early" } else { "" }, "{how}");
        }
    }
}
