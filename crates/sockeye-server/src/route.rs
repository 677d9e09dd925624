//! From a request's path to what serves it.

use std::sync::Arc;

use sockeye_tokio::proto::{CloseCode, Reject, Request, Response};
use sockeye_tokio::{Accept, AcceptError, Connection, Error, Incoming, Transport};

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

/// Serves one connection from its request to its end.
pub(crate) async fn serve<S: Transport>(incoming: Incoming<S>, server: &Server) -> Result<(), Failure> {
    // A page, too, is not for a name that was rebound to this address.
    if let Err(reject) = incoming.check_host().and_then(|()| incoming.check_origin()) {
        return Ok(incoming.reject(reject).await?);
    }
    match find(&incoming.request(), server) {
        Ok(Route::Page(page)) => {
            let headers = page.headers();
            Ok(incoming.respond(Response::new(200).headers(&headers).body(page.body)).await?)
        }
        Ok(Route::Echo) => {
            let mut ws = incoming.accept(Accept::default()).await?;
            let served = server.until_shutdown(echo::run(&mut ws)).await;
            Ok(end(ws, served).await?)
        }
        Ok(Route::Room(room)) => {
            let dialect = Dialect::of(&incoming.request());
            // Before the 101: whatever is sent once the client knows of it is for this member too.
            let mut visit = Visit::begin(room, dialect);
            let accept =
                Accept { subprotocol: dialect.subprotocol(), limits: Some(rooms::MESSAGE_LIMITS), ..Accept::default() };
            let mut ws = incoming.accept(accept).await?;
            let served = server.until_shutdown(visit.run(&mut ws)).await;
            Ok(end(ws, served).await?)
        }
        Err(reject) => Ok(incoming.reject(reject).await?),
    }
}

fn find(request: &Request<'_>, server: &Server) -> Result<Route, Reject> {
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
async fn end<S: Transport>(ws: Connection<S>, served: Option<Result<(), Error>>) -> Result<(), Error> {
    match served {
        Some(served) => served,
        None => ws.close(CloseCode::GOING_AWAY, "the server goes down").await,
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
