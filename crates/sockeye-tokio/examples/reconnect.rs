//! A client that stays: hears a room of `sockeye serve`, comes back whenever the connection is lost, and misses nothing:
//! `cargo run -p sockeye-tokio --features tls --example reconnect ws://127.0.0.1:9001/rooms/lobby`.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use sockeye_tokio::proto::Backoff;
use sockeye_tokio::{Config, ConnectError, Error, connect};

/// Where it is in the room, from one connection to the next.
#[derive(Default)]
struct Place {
    /// The last that was heard (docs/rooms.md).
    seq: Option<String>,
    backoff: Backoff,
}

/// Why a connection is over, or was never there.
enum Ended {
    Connect(ConnectError),
    Connection(Error),
    /// With this code, or none.
    Closed(Option<u16>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: reconnect ws://HOST:PORT/rooms/NAME");
        return ExitCode::from(2);
    };
    let mut place = Place::default();
    loop {
        let ended = stay(&url, &mut place).await;
        let Some(wait) = place.wait_after(&ended) else {
            eprintln!("{}; it is of no use to try again", ended.why());
            return ExitCode::FAILURE;
        };
        eprintln!("{}; again in {} ms", ended.why(), wait.as_millis());
        tokio::time::sleep(wait).await;
    }
}

/// One connection. That the server is silent is found by the keepalive, which every connection has.
async fn stay(url: &str, place: &mut Place) -> Ended {
    let config = Config { subprotocols: vec!["sockeye.rooms.v1".into()], ..Config::default() };
    let url = place.seq.as_ref().map_or_else(
        || url.to_owned(),
        |seq| {
            let more = if url.contains('?') { '&' } else { '?' };
            format!("{url}{more}after={seq}")
        },
    );
    let mut ws = match connect(&url, config).await {
        Ok(ws) => ws,
        Err(error) => return Ended::Connect(error),
    };
    let join = json!({ "kind": "join", "name": "reconnect" }).to_string();
    if let Err(error) = ws.sender.text(&join).await {
        return Ended::Connection(error);
    }
    loop {
        match ws.receiver.message().await {
            Ok(Some(message)) => place.hear(&serde_json::from_slice(message.payload).unwrap_or_default()),
            Ok(None) => {
                return Ended::Closed(ws.receiver.close().and_then(|close| close.code()).map(|code| code.get()));
            }
            Err(error) => return Ended::Connection(error),
        }
    }
}

impl Place {
    fn hear(&mut self, envelope: &Value) {
        let said = |message: &Value| println!("{}: {}", message["name"], message["text"]);
        match envelope["kind"].as_str() {
            Some("welcome") => {
                self.backoff = Backoff::new();
                if self.seq.is_some() && envelope["resumed"] != true {
                    println!("some of what was said is gone");
                }
                envelope["history"].as_array().into_iter().flatten().for_each(said);
            }
            Some("message") => said(envelope),
            Some("gap") => println!("{} were dropped", envelope["count"]),
            _ => {}
        }
        // Only now: what was not yet shown is asked for again.
        if let Some(seq) = envelope["seq"].as_str() {
            self.seq = Some(seq.to_owned());
        }
    }

    /// How long to wait, if it is of any use to try again; not less than the server said.
    fn wait_after(&mut self, ended: &Ended) -> Option<Duration> {
        let after = match ended {
            Ended::Connect(ConnectError::Refused { status, retry_after, .. }) => match status {
                408 | 429 | 500.. => retry_after.unwrap_or_default(),
                _ => return None,
            },
            Ended::Connect(ConnectError::Uri(_) | ConnectError::NoTls | ConnectError::Write(_)) => return None,
            // A rule that was broken, here or there, would be broken again.
            Ended::Closed(Some(1002 | 1003 | 1007..=1010)) => return None,
            _ => Duration::ZERO,
        };
        Some(after + self.backoff.wait(&mut rand::rng()))
    }
}

impl Ended {
    fn why(&self) -> String {
        match self {
            Ended::Connect(error) => error.to_string(),
            Ended::Connection(error) => error.to_string(),
            Ended::Closed(code) => format!("closed with {}", code.map_or("no code".into(), |code| code.to_string())),
        }
    }
}
