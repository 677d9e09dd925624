//! From a request's path to what serves it.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use sockeye_tokio::proto::{CloseCode, Reject, Request, Response};
use sockeye_tokio::{Accept, AcceptError, Connection, Error, Incoming, Transport};
use tracing::warn;

use crate::echo;
use crate::pages::{self, Page};
use crate::rooms::{self, Dialect, Room, Visit};
use crate::serve::Server;

/// What is at a path.
enum Route {
    Echo,
    Room(Arc<Room>),
    Page(&'static Page),
}

/// What serves one connection from its request to its end.
pub(crate) type Service<'s> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 's>>;

/// From a request to what serves it.
pub(crate) fn find<S: Transport>(incoming: Incoming<S>, peer: SocketAddr, server: &Server) -> Service<'_> {
    // A page, too, is not for a name that was rebound to this address.
    let checked = incoming.check_host().and_then(|()| incoming.check_origin());
    match checked.and_then(|()| route(&incoming.request(), server)) {
        Ok(Route::Page(page)) => Box::pin(show(incoming, page)),
        Ok(Route::Echo) => Box::pin(echo(incoming, server)),
        Ok(Route::Room(room)) => Box::pin(visit(incoming, room, server)),
        Err(reject) => {
            let request = incoming.request();
            warn!(%peer, path = ?request.path(), "{}", Refusal { reject, request: &request });
            Box::pin(refuse(incoming, reject))
        }
    }
}

async fn refuse<S: Transport>(incoming: Incoming<S>, reject: Reject) -> Result<(), Failure> {
    // That it was refused is logged already.
    let _ = incoming.reject::<()>(reject).await;
    Ok(())
}

async fn show<S: Transport>(incoming: Incoming<S>, page: &'static Page) -> Result<(), Failure> {
    let headers = page.headers();
    Ok(incoming.respond(Response::new(200).headers(&headers).body(page.body)).await?)
}

async fn echo<S: Transport>(incoming: Incoming<S>, server: &Server) -> Result<(), Failure> {
    let mut ws = incoming.accept(Accept::default()).await?;
    let served = server.until_shutdown(echo::run(&mut ws)).await;
    Box::pin(end(ws, served)).await
}

async fn visit<S: Transport>(incoming: Incoming<S>, room: Arc<Room>, server: &Server) -> Result<(), Failure> {
    let dialect = Dialect::of(&incoming.request());
    // Before the 101: whatever is sent once the client knows of it is for this member too.
    let mut visit = Visit::begin(room, dialect);
    let accept =
        Accept { subprotocol: dialect.subprotocol(), limits: Some(rooms::MESSAGE_LIMITS), ..Accept::default() };
    let mut ws = incoming.accept(accept).await?;
    let served = server.until_shutdown(visit.run(&mut ws)).await;
    Box::pin(end(ws, served)).await
}

fn route(request: &Request<'_>, server: &Server) -> Result<Route, Reject> {
    let path = request.path();
    let room = path.strip_prefix("/rooms/").filter(|name| rooms::is_name(name));
    if request.is_upgrade() {
        return match (path, room) {
            ("/" | "/echo", _) => Ok(Route::Echo),
            (_, Some(name)) => Ok(Route::Room(server.rooms.get(name)?)),
            _ => Err(Reject::NotFound),
        };
    }
    if path == "/echo" || room.is_some() {
        return Err(Reject::UpgradeRequired);
    }
    let page = pages::find(path).ok_or(Reject::NotFound)?;
    if matches!(request.method(), "GET" | "HEAD") { Ok(Route::Page(page)) } else { Err(Reject::Method) }
}

/// Ends what the shutdown interrupted (`None`) by a closing handshake.
async fn end<S: Transport>(ws: Connection<S>, served: Option<Result<(), Error>>) -> Result<(), Failure> {
    Ok(match served {
        Some(served) => served,
        None => ws.close(CloseCode::GOING_AWAY, "the server goes down").await,
    }?)
}

/// Why a request was refused, with the setting that would allow it. What a stranger wrote is logged escaped.
struct Refusal<'a> {
    reject: Reject,
    request: &'a Request<'a>,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { reject, request } = self;
        write!(f, "refused: {reject}")?;
        match (reject, request.origin()) {
            (Reject::HostNotAllowed, _) => write!(f, ", Host {:?}: --host NAME would allow it", request.host()),
            (Reject::OriginNotAllowed, Some(origin)) => {
                write!(f, ", Origin {origin:?}: --origin ORIGIN would allow it")
            }
            _ => Ok(()),
        }
    }
}

/// Why a connection was not served to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    Accept(AcceptError),
    Connection(Error),
}

impl From<AcceptError> for Failure {
    fn from(error: AcceptError) -> Self {
        Failure::Accept(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Connection(error)
    }
}
