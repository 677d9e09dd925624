//! A server over embassy-net: a pool of places for connections, and a word for who is one too many.

use core::convert::Infallible;
use core::fmt;

use embassy_net::Stack;
use embassy_net::tcp::{Error as TcpError, State, TcpReader, TcpSocket, TcpWriter};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Write as _;
use sockeye::{CloseCode, Reject, Request, Response};

use crate::config::Config;
use crate::connection::Connection;
use crate::error::Error;
use crate::incoming::{Accept, AcceptError, Incoming};
use crate::page::Page;
use crate::resources::Resources;

/// Whoever finds the pool full may ask again after so many seconds.
const RETRY_AFTER: u32 = 5;
/// Whoever finds the pool full has so long to ask.
const ASK_TIME: Duration = Duration::from_secs(1);
/// At its end a connection discards input for so long and so many bytes: closing it with input unread would reset
/// it, and a reset can overtake our last frame.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 64 * 1024;

/// What a server does.
#[expect(async_fn_in_trait, reason = "all of it runs on one executor")]
pub trait App {
    /// The page that a plain GET of this path gets; without one it gets a 404.
    fn page(&self, _path: &str) -> Option<Page> {
        None
    }

    /// Whether and how an upgrade is accepted, after `Host` and `Origin` were found right.
    ///
    /// # Errors
    /// The refusal.
    fn open(&self, _request: &Request<'_>) -> Result<Accept<'static>, Reject> {
        Ok(Accept::default())
    }

    /// Serves a connection until it ends, or until the application has no more to say: then it is closed with 1000.
    ///
    /// # Errors
    /// What ended the connection; it is logged.
    async fn serve(&self, connection: &mut TcpConnection<'_>) -> Result<(), Error<TcpError>>;
}

/// A connection over one of embassy-net's sockets.
pub type TcpConnection<'r> = Connection<'r, TcpReader<'r>, TcpWriter<'r>>;

/// The memory of a server's sockets: `N` connections with `RX` and `TX` bytes of TCP buffers, and the spare listener,
/// which takes 512 bytes. The [`Resources`] of a connection come on top: they live in the future of
/// [`Place::serve`].
pub struct Pool<const N: usize, const RX: usize, const TX: usize> {
    places: [([u8; RX], [u8; TX]); N],
    spare: ([u8; 256], [u8; 256]),
}

impl<const N: usize, const RX: usize, const TX: usize> Pool<N, RX, TX> {
    /// Empty.
    pub const fn new() -> Self {
        Pool { places: [const { ([0; RX], [0; TX]) }; N], spare: ([0; 256], [0; 256]) }
    }

    /// Makes the sockets: a place for each connection, and the spare listener that says 503. Each is to be served by a
    /// task of its own, so that a connection wakes no other.
    ///
    /// The stack needs a socket for each place and one more.
    pub fn listen<'s>(&'s mut self, stack: Stack<'s>, port: u16) -> ([Place<'s>; N], Spare<'s>) {
        // The order counts: a client goes to the first socket that listens, so to the spare one only if no other does.
        let places = self.places.each_mut().map(|(rx, tx)| Place { socket: TcpSocket::new(stack, rx, tx), port });
        let (rx, tx) = &mut self.spare;
        (places, Spare { socket: TcpSocket::new(stack, rx, tx), port })
    }
}

impl<const N: usize, const RX: usize, const TX: usize> Default for Pool<N, RX, TX> {
    fn default() -> Self {
        Pool::new()
    }
}

impl<const N: usize, const RX: usize, const TX: usize> fmt::Debug for Pool<N, RX, TX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// A place for one connection at a time.
pub struct Place<'s> {
    socket: TcpSocket<'s>,
    port: u16,
}

impl Place<'_> {
    /// Serves `app` to one client after the other, for ever.
    ///
    /// A plain GET gets its [`App::page`], after its `Host` was checked. A client that is gone frees its place within
    /// [`Config::ping_interval`] and [`Config::pong_timeout`] together, one that takes nothing within
    /// [`Config::send_timeout`], one that does not ask within [`Config::handshake_timeout`]; each and at most twice
    /// [`Config::close_timeout`] and a second for the end.
    ///
    /// # Cancel safety
    /// Dropped, it resets its connection.
    pub async fn serve<A: App>(mut self, config: &Config<'_>, app: &A) -> Infallible {
        loop {
            listen(&mut self.socket, self.port, config).await;
            {
                let (reader, writer) = self.socket.split();
                let mut resources: Resources<'_, _> = Resources::new();
                let incoming = Incoming::new(reader, writer, &mut resources, config);
                let ended = visit(incoming, app).await;
                #[cfg(feature = "defmt")]
                match ended {
                    Ok(()) => defmt::debug!("done"),
                    Err(error) => defmt::info!("ended: {}", error),
                }
                #[cfg(not(feature = "defmt"))]
                let _ = ended;
            }
            end(&mut self.socket, config).await;
        }
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

/// The listener for who is one too many.
pub struct Spare<'s> {
    socket: TcpSocket<'s>,
    port: u16,
}

impl Spare<'_> {
    /// Answers 503, for ever, to each client that finds all places taken and asks within a second. One more that comes
    /// meanwhile may be reset.
    ///
    /// # Cancel safety
    /// Dropped, it resets its connection.
    pub async fn turn_away(mut self, config: &Config<'_>) -> Infallible {
        let mut out = [0; 256];
        let response = Response::reject(Reject::Unavailable { retry_after: RETRY_AFTER })
            .headers(&[("Content-Type", "text/plain")])
            .body(b"All places are taken. Try again in a few seconds.\n");
        let len = response.write(&mut out).unwrap_or(0);
        loop {
            listen(&mut self.socket, self.port, config).await;
            // Only who asks is told. A browser keeps a connection in stock, and takes what lies there for the answer to
            // a later request.
            if let Ok(Ok(1..)) = with_timeout(ASK_TIME, self.socket.read(&mut [0])).await {
                #[cfg(feature = "defmt")]
                defmt::info!("no place for one more: 503");
                let written = self.socket.write_all(out.get(..len).unwrap_or_default());
                let _ = with_timeout(config.handshake_timeout, written).await;
            }
            end(&mut self.socket, config).await;
        }
    }
}

impl fmt::Debug for Spare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

/// A request, to the end of what came of it.
async fn visit<'r, A: App>(
    mut incoming: Incoming<'r, TcpReader<'r>, TcpWriter<'r>>,
    app: &A,
) -> Result<(), AcceptError<TcpError>> {
    let received = incoming.receive().await?;
    let route = received.and_then(|()| incoming.check_host()).and_then(|()| route(&incoming.request(), app));
    let (received, accept) = match route {
        Ok(Route::Page(response, body)) => return incoming.respond(response, body).await,
        Ok(Route::Open(accept)) => (Ok(()), accept),
        Err(reject) => (Err(reject), Accept::default()),
    };
    let mut connection = incoming.answer(received, accept).await?;
    app.serve(&mut connection).await?;
    Ok(connection.close(CloseCode::NORMAL, "").await?)
}

/// What a request comes to.
enum Route {
    Page(Response<'static>, &'static [u8]),
    Open(Accept<'static>),
}

fn route<A: App>(request: &Request<'_>, app: &A) -> Result<Route, Reject> {
    if request.is_upgrade() {
        return app.open(request).map(Route::Open);
    }
    if !matches!(request.method(), "GET" | "HEAD") {
        return Err(Reject::Method);
    }
    let page = app.page(request.path()).ok_or(Reject::NotFound)?;
    if page.is_known(request.header("If-None-Match")) {
        return Ok(Route::Page(Response::new(304).headers(page.headers), &[]));
    }
    Ok(Route::Page(Response::new(200).headers(page.headers), page.body))
}

/// Waits for a client. A handshake of TCP that is not completed is given up in time.
async fn listen(socket: &mut TcpSocket<'_>, port: u16, config: &Config<'_>) {
    socket.set_timeout(Some(config.handshake_timeout));
    socket.set_nagle_enabled(false);
    if socket.accept(port).await.is_err() {
        #[cfg(feature = "defmt")]
        defmt::error!("cannot listen on port {}", port);
        // No port at all: there is nobody to come.
        core::future::pending::<()>().await;
    }
    socket.set_timeout(None);
}

/// Closes a connection so that the last bytes arrive, and makes the socket ready for the next.
async fn end(socket: &mut TcpSocket<'_>, config: &Config<'_>) {
    socket.close();
    let _ = with_timeout(config.close_timeout, socket.flush()).await;
    let _ = with_timeout(DISCARD_TIME, async {
        let mut left = DISCARD_BYTES;
        let mut scratch = [0; 64];
        while left > 0
            && let Ok(len @ 1..) = socket.read(&mut scratch).await
        {
            left = left.saturating_sub(len);
        }
    })
    .await;
    if !matches!(socket.state(), State::Closed | State::TimeWait) {
        socket.abort();
        let _ = with_timeout(config.close_timeout, socket.flush()).await;
    }
}
