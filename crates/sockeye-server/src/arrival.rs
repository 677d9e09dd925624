//! From the listener to what serves a connection.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sockeye_tokio::{AcceptError, Incoming, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::server::TlsStream;
use tracing::warn;

use crate::door::Pass;
use crate::journal;
use crate::metrics::METRICS;
use crate::route::{self, Caller, Failure, Refusal, Service};
use crate::server::Server;
use crate::tls::Tls;

/// Takes connections for ever.
pub(crate) async fn accept(listener: &TcpListener, server: &Arc<Server>) -> Infallible {
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!("a connection could not be accepted: {error}");
                // Out of descriptors, say: the next attempt would fail at once, too.
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let server = server.clone();
        let entered =
            if server.is_draining() { Err(Refusal::Draining) } else { server.door.enter(peer).map_err(Refusal::Full) };
        match entered {
            Ok(pass) => {
                server.tasks.clone().spawn(serve(socket, peer, pass, server));
            }
            Err(refusal) => match server.turned_away.clone().try_acquire_owned() {
                Ok(turn) => {
                    tokio::spawn(async move {
                        turn_away(socket, peer, refusal, &server).await;
                        drop(turn);
                    });
                }
                Err(_) => METRICS.refused("hung-up"),
            },
        }
    }
}

/// Tells somebody why there is no place.
async fn turn_away(socket: TcpStream, peer: SocketAddr, refusal: Refusal, server: &Server) {
    // Whoever does not hear it does not get in either.
    let _ = match &server.tls {
        None => tell_why(Arrival::now(socket, server), peer, refusal, server).await,
        Some(tls) => match Arrival::now(socket, server).secure(tls).await {
            Ok(arrival) => tell_why(arrival, peer, refusal, server).await,
            Err(_) => Ok(()),
        },
    };
}

async fn tell_why<S: Transport>(
    arrival: Arrival<S>,
    peer: SocketAddr,
    refusal: Refusal,
    server: &Server,
) -> Result<(), Failure> {
    let incoming = arrival.read(server).await?;
    refusal.tell(peer, &incoming.request());
    route::refuse(incoming, refusal).await
}

async fn serve(socket: TcpStream, peer: SocketAddr, mut pass: Pass, server: Arc<Server>) {
    let _ = socket.set_nodelay(true);
    // The two are apart, and each is boxed: a connection that is open is not to take what its handshake took.
    let begun = tokio::select! {
        biased;
        () = server.shutdown.cancelled() => return,
        begun = Box::pin(begin(socket, peer, &mut pass, &server)) => begun,
    };
    let served = match begun {
        Ok(service) => service.await,
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => {}
        // Somebody looked whether the port is open, or a browser's spare connection: no news.
        Err(Failure::Accept(AcceptError::Lost)) => {}
        Err(Failure::Accept(error)) => {
            METRICS.refused("handshake");
            journal::tell(peer, &format!("handshake failed: {error}"), "");
        }
        Err(Failure::Connection(error)) => {
            METRICS.closed("failed");
            journal::tell(peer, &format!("connection failed: {error}"), "");
        }
    }
}

/// From a connection to what serves it.
async fn begin<'s>(
    socket: TcpStream,
    peer: SocketAddr,
    pass: &mut Pass,
    server: &'s Server,
) -> Result<Service<'s>, AcceptError> {
    let since = Instant::now();
    let arrival = Arrival::now(socket, server);
    let caller = Caller { peer, pass, since };
    match &server.tls {
        None => Ok(route::find(arrival.read(server).await?, caller, server)),
        Some(tls) => Ok(route::find(arrival.secure(tls).await?.read(server).await?, caller, server)),
    }
}

/// A connection of which nothing was read yet, and until when its handshake must be over.
struct Arrival<S> {
    io: S,
    deadline: Instant,
}

impl Arrival<TcpStream> {
    fn now(io: TcpStream, server: &Server) -> Self {
        Arrival { io, deadline: Instant::now() + server.config.handshake_timeout }
    }

    /// Agrees on TLS.
    async fn secure(self, tls: &Tls) -> Result<Arrival<TlsStream<TcpStream>>, AcceptError> {
        let Arrival { io, deadline } = self;
        match timeout_at(deadline, tls.acceptor().accept(io)).await.map_err(|_| AcceptError::Timeout)? {
            Ok(io) => Ok(Arrival { io, deadline }),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(AcceptError::Lost),
            Err(error) => Err(AcceptError::Io(error)),
        }
    }
}

impl<S: Transport> Arrival<S> {
    async fn read(self, server: &Server) -> Result<Incoming<S>, AcceptError> {
        Incoming::read_until(self.io, server.config.clone(), self.deadline).await
    }
}
