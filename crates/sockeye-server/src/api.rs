//! Rooms by HTTP, for those without a socket: `GET /rooms/NAME` looks, `POST /rooms/NAME` says something.

use serde_json::json;
use sockeye_tokio::proto::{Request, Response};
use sockeye_tokio::{AcceptError, Incoming, Kind, Transport};

use crate::rooms::Look;
use crate::route::{Failure, Refusal, refuse};
use crate::server::Server;

/// How a room is.
pub(crate) async fn look<S: Transport>(incoming: Incoming<S>, look: Option<Look>) -> Result<(), Failure> {
    match look.and_then(|look| serde_json::to_string(&look).ok()) {
        Some(look) => answer(incoming, 200, look).await,
        None => error(incoming, 404, "there is no such room now").await,
    }
}

/// Says the body in a room: a text, or bytes if its type says so. Answers its sequence.
pub(crate) async fn publish<S: Transport>(
    mut incoming: Incoming<S>,
    name: String,
    server: &Server,
) -> Result<(), Failure> {
    let kind = kind(&incoming.request());
    let body = match incoming.body(server.settings.limit_message.get()).await {
        Ok(body) => body,
        Err(AcceptError::Body { status }) => {
            return error(incoming, status, "the body must come with its Content-Length, of at most limit.message")
                .await;
        }
        Err(error) => return Err(error.into()),
    };
    if kind == Kind::Text && str::from_utf8(&body).is_err() {
        return error(incoming, 400, "not UTF-8; bytes are sent as application/octet-stream").await;
    }
    match server.rooms.publish(&name, kind, &body) {
        Ok(seq) => answer(incoming, 200, json!({ "seq": seq }).to_string()).await,
        Err(reject) => refuse(incoming, Refusal::Reject(reject)).await,
    }
}

fn kind(request: &Request<'_>) -> Kind {
    let bytes = request
        .header("Content-Type")
        .is_some_and(|found| found.trim().eq_ignore_ascii_case("application/octet-stream"));
    if bytes { Kind::Binary } else { Kind::Text }
}

async fn error<S: Transport>(incoming: Incoming<S>, status: u16, text: &str) -> Result<(), Failure> {
    answer(incoming, status, json!({ "error": text }).to_string()).await
}

async fn answer<S: Transport>(incoming: Incoming<S>, status: u16, json: String) -> Result<(), Failure> {
    let headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")];
    Ok(incoming.respond(Response::new(status).headers(&headers).body(json.as_bytes())).await?)
}
