//! For the operator, on a listener of its own: /healthz, /readyz, /metrics.

use std::sync::Arc;
use std::time::Duration;

use sockeye_tokio::proto::{Reject, Response};
use sockeye_tokio::{AcceptError, Config, Incoming};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::metrics::METRICS;
use crate::server::Server;

/// Requests at a time; the next ones wait.
const AT_A_TIME: usize = 16;
const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers for ever.
pub(crate) async fn run(listener: TcpListener, server: Arc<Server>) {
    let config = Arc::new(Config { hosts: server.config.hosts.clone(), ..Config::default() });
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else { return };
        let Ok((socket, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (config, server) = (config.clone(), server.clone());
        tokio::spawn(async move {
            // Whoever asks sees by itself that there was no answer.
            let _ = answer(socket, config, &server).await;
            drop(turn);
        });
    }
}

async fn answer(socket: TcpStream, config: Arc<Config>, server: &Server) -> Result<(), AcceptError> {
    let incoming = Incoming::read(socket, config).await?;
    let request = incoming.request();
    if let Err(reject) = incoming.check_host().and_then(|()| incoming.check_origin()) {
        return incoming.reject(reject).await;
    }
    if !matches!(request.method(), "GET" | "HEAD") {
        return incoming.reject(Reject::Method).await;
    }
    let (status, content_type, body) = match request.path() {
        "/healthz" => (200, TEXT, "ok\n".to_owned()),
        "/readyz" if server.is_draining() => (503, TEXT, "shutting down\n".to_owned()),
        "/readyz" => (200, TEXT, "ok\n".to_owned()),
        "/metrics" => (200, OPEN_METRICS, METRICS.to_text()),
        _ => return incoming.reject(Reject::NotFound).await,
    };
    let headers = [("Content-Type", content_type), ("Cache-Control", "no-store")];
    incoming.respond(Response::new(status).headers(&headers).body(body.as_bytes())).await
}
