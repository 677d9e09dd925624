//! From a request's path to what serves it.

use std::fmt;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;

use sockeye_tokio::proto::{CloseCode, Reject, Request, Response};
use sockeye_tokio::{Accept, AcceptError, Connection, Error, Incoming, Transport};
use tokio::time::Instant;

use crate::auth::{self, Denied, Grant};
use crate::door::{Full, Pass};
use crate::meter::Meter;
use crate::metrics::{Counted, METRICS, Tally};
use crate::pages::{self, Page};
use crate::rooms::{self, Dialect, Entry, Position, Room, Visit};
use crate::server::Server;
use crate::{api, echo, journal};

/// When there is no room: come back after so many seconds.
const RETRY_AFTER: u32 = 5;

/// What is at a path.
enum Route<'r> {
    Echo,
    Room(Arc<Room>, &'r str),
    Page(&'static Page),
    /// A room by HTTP, for those without a socket.
    Look(&'r str),
    Publish(&'r str),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    Reject(Reject),
    Denied(Denied),
    Full(Full),
    /// Everybody is on the way out.
    Draining,
}

/// How this server ends a connection of its own accord.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Farewell {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'static str,
    /// As what it is counted.
    pub(crate) counted: &'static str,
}

/// What serves one connection from its request to its end.
pub(crate) type Service<'s> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 's>>;

/// Who connects, and since when. Its place is kept by the caller: a service is small.
pub(crate) struct Caller<'p> {
    pub(crate) peer: SocketAddr,
    pub(crate) pass: &'p mut Pass,
    pub(crate) since: Instant,
}

/// From a request to what serves it.
pub(crate) fn find<'s, S: Transport>(incoming: Incoming<S>, caller: Caller<'_>, server: &'s Server) -> Service<'s> {
    let request = incoming.request();
    let client = caller.pass.client(caller.peer, &request);
    let found = caller.pass.count(client).map_err(Refusal::Full);
    let found = found.and_then(|()| check(&incoming, server));
    let (route, grant) = match found.and_then(|grant| Ok((route(&request, &grant, server)?, grant))) {
        Ok(found) => found,
        Err(refusal) => {
            refusal.tell(SocketAddr::new(client, caller.peer.port()), &request);
            return Box::pin(refuse(incoming, refusal));
        }
    };
    match route {
        Route::Page(page) => Box::pin(show(incoming, page)),
        Route::Look(name) => {
            let look = server.rooms.look(name);
            Box::pin(api::look(incoming, look))
        }
        Route::Publish(name) => {
            let name = name.to_owned();
            Box::pin(api::publish(incoming, name, server))
        }
        Route::Echo => Box::pin(echo(incoming, grant, caller.since, server)),
        Route::Room(room, name) => {
            let entry = Entry { dialect: Dialect::of(&request), reads: grant.may_read(name) };
            let after = auth::query(&request, "after").and_then(|after| Position::parse(&after));
            // Before the 101: whatever is sent once the client knows of it is for this member too.
            let visit = Visit::begin(room, entry, grant.may_write(name), after);
            Box::pin(stay(incoming, visit, grant, caller.since, server))
        }
    }
}

/// Whether it may come in, and what it may do then.
fn check<S: Transport>(incoming: &Incoming<S>, server: &Server) -> Result<Grant, Refusal> {
    // A page, too, is not for a name that was rebound to this address.
    incoming.check_host().and_then(|()| incoming.check_origin()).map_err(Refusal::Reject)?;
    let request = incoming.request();
    // The pages are for everybody: there is nothing of the rooms in them.
    if pages::find(request.path()).is_some() && !request.is_upgrade() {
        return Ok(Grant::default());
    }
    server.auth.grant(&request).map_err(Refusal::Denied)
}

fn route<'r>(request: &Request<'r>, grant: &Grant, server: &Server) -> Result<Route<'r>, Refusal> {
    let path = request.path();
    let room = path.strip_prefix("/rooms/").filter(|name| rooms::is_name(name));
    let allowed = |is: bool| if is { Ok(()) } else { Err(Refusal::Denied(Denied::Room)) };
    if request.is_upgrade() {
        return match (path, room) {
            ("/" | "/echo", _) => Ok(Route::Echo),
            (_, Some(name)) => {
                allowed(grant.may_read(name) || grant.may_write(name))?;
                Ok(Route::Room(server.rooms.get(name).map_err(Refusal::Reject)?, name))
            }
            _ => Err(Refusal::Reject(Reject::NotFound)),
        };
    }
    match (request.method(), room) {
        ("GET" | "HEAD", Some(name)) => allowed(grant.may_read(name)).map(|()| Route::Look(name)),
        ("POST", Some(name)) => allowed(grant.may_write(name)).map(|()| Route::Publish(name)),
        (_, Some(_)) => Err(Refusal::Reject(Reject::Method)),
        _ if path == "/echo" => Err(Refusal::Reject(Reject::UpgradeRequired)),
        (method, None) => {
            let page = pages::find(path).ok_or(Refusal::Reject(Reject::NotFound))?;
            let may = matches!(method, "GET" | "HEAD");
            if may { Ok(Route::Page(page)) } else { Err(Refusal::Reject(Reject::Method)) }
        }
    }
}

/// Answers why there is no connection.
pub(crate) async fn refuse<S: Transport>(incoming: Incoming<S>, refusal: Refusal) -> Result<(), Failure> {
    let reject = match refusal {
        Refusal::Reject(reject) => reject,
        Refusal::Full(_) | Refusal::Draining => Reject::Unavailable { retry_after: RETRY_AFTER },
        Refusal::Denied(denied) => {
            let text = format!("{denied}\n");
            let headers = [("Content-Type", "text/plain; charset=utf-8"), ("WWW-Authenticate", denied.challenge())];
            let response = Response::new(denied.status()).headers(&headers).body(text.as_bytes());
            return Ok(incoming.respond(response).await?);
        }
    };
    // That it was refused is logged already.
    let _ = incoming.reject::<()>(reject).await;
    Ok(())
}

async fn show<S: Transport>(incoming: Incoming<S>, page: &'static Page) -> Result<(), Failure> {
    let headers = page.headers();
    Ok(incoming.respond(Response::new(200).headers(&headers).body(page.body)).await?)
}

async fn echo<S: Transport>(
    incoming: Incoming<S>,
    grant: Grant,
    since: Instant,
    server: &Server,
) -> Result<(), Failure> {
    let mut ws = open(incoming, Accept::default(), since).await?;
    let tally = Tally::default();
    let mut meter = Meter::new(&server.settings, &tally);
    let served = server.until_its_time(&grant, Counted::new(&tally, pin!(echo::run(&mut ws, &mut meter)))).await;
    Box::pin(end(ws, served)).await
}

async fn stay<S: Transport>(
    incoming: Incoming<S>,
    visit: Visit,
    grant: Grant,
    since: Instant,
    server: &Server,
) -> Result<(), Failure> {
    let accept = Accept { limits: Some(server.room_limits()), ..Accept::default() };
    let mut ws = open(incoming, accept, since).await?;
    let tally = Tally::default();
    let mut meter = Meter::new(&server.settings, &tally);
    let served = server.until_its_time(&grant, Counted::new(&tally, pin!(visit.run(&mut ws, &mut meter)))).await;
    Box::pin(end(ws, served)).await
}

async fn open<S: Transport>(
    incoming: Incoming<S>,
    accept: Accept<'_>,
    since: Instant,
) -> Result<Connection<S>, AcceptError> {
    let subprotocol = rooms::subprotocol(&incoming.request());
    let ws = incoming.accept(Accept { subprotocol, ..accept }).await?;
    METRICS.handshakes.observe(since.elapsed().as_secs_f64());
    Ok(ws)
}

/// Ends what is not over by itself with a closing handshake.
async fn end<S: Transport>(ws: Connection<S>, served: Result<Option<Farewell>, Error>) -> Result<(), Failure> {
    if let Some(Farewell { code, reason, counted }) = served? {
        METRICS.closed(counted);
        // It comes behind what the client is still to know: why.
        ws.close(code, reason).await?;
    }
    Ok(())
}

impl Refusal {
    /// Counts it, and logs it with the setting that would allow it. What a stranger wrote is logged escaped.
    pub(crate) fn tell(&self, client: SocketAddr, request: &Request<'_>) {
        METRICS.refused(self.counted());
        let detail = Detail { refusal: self, request };
        journal::tell(client, &format!("refused: {self}"), detail);
    }

    fn counted(&self) -> &'static str {
        match self {
            Refusal::Reject(Reject::HostNotAllowed) => "host",
            Refusal::Reject(Reject::OriginNotAllowed) => "origin",
            Refusal::Reject(Reject::NotFound) => "not-found",
            Refusal::Reject(Reject::Unavailable { .. }) => "room.count",
            Refusal::Reject(_) => "request",
            Refusal::Denied(Denied::Room) => "no-right",
            Refusal::Denied(_) => "token",
            Refusal::Full(full) => full.reason(),
            Refusal::Draining => "shutdown",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Reject(reject) => reject.fmt(f),
            Refusal::Denied(denied) => write!(f, "{denied} ({})", denied.status()),
            Refusal::Full(full) => write!(f, "more than {} (503)", full.reason()),
            Refusal::Draining => f.write_str("the server goes down (503)"),
        }
    }
}

/// What the log says of a refused request besides the reason.
struct Detail<'a> {
    refusal: &'a Refusal,
    request: &'a Request<'a>,
}

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Detail { refusal, request } = self;
        write!(f, ", path {:?}", request.path())?;
        match (refusal, request.origin()) {
            (Refusal::Reject(Reject::HostNotAllowed), _) => {
                write!(f, ", Host {:?}: --host NAME would allow it", request.host())
            }
            (Refusal::Reject(Reject::OriginNotAllowed), Some(origin)) => {
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
