//! Echo by yawc: as documented, by hyper's upgrade.

use std::future::Future;

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sockeye_bench::{Mode, mode, serve};
use sockeye_bench_peers::lacks;
use tokio::net::TcpStream;
use yawc::{OpCode, Options, UpgradeFut, WebSocket, WebSocketError};

/// The library's default of 1 MiB is a limit that a message must stay below.
const LARGEST: usize = 2 << 20;

fn main() -> std::io::Result<()> {
    match mode() {
        Mode::Echo => serve(|socket| connection(socket, echo)),
        Mode::Receive => serve(|socket| connection(socket, receive)),
        mode @ Mode::Broadcast => lacks(mode),
    }
}

async fn echo(upgrade: UpgradeFut) -> yawc::Result<()> {
    let mut ws = upgrade.await?;
    while let Some(frame) = ws.next().await {
        if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
            ws.send(frame).await?;
        }
    }
    Ok(())
}

async fn receive(upgrade: UpgradeFut) -> yawc::Result<()> {
    let mut ws = upgrade.await?;
    while let Some(frame) = ws.next().await {
        std::hint::black_box(frame);
    }
    Ok(())
}

async fn connection<F>(socket: TcpStream, serve: fn(UpgradeFut) -> F)
where
    F: Future<Output = yawc::Result<()>> + Send + 'static,
{
    let service = service_fn(|mut request: Request<Incoming>| async move {
        let options = Options::default().with_max_payload_read(LARGEST);
        let (response, upgrade): (Response<Empty<Bytes>>, _) = WebSocket::upgrade_with_options(&mut request, options)?;
        tokio::spawn(serve(upgrade));
        Ok::<_, WebSocketError>(response)
    });
    // An end is the peer's affair: what fails is not looked at.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).with_upgrades().await;
}
