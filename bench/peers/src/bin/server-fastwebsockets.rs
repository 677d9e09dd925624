//! Echo by fastwebsockets: as documented, by hyper's upgrade.

use std::future::Future;

use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{FragmentCollector, OpCode, WebSocketError};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sockeye_bench::{Mode, mode, serve};
use sockeye_bench_peers::lacks;
use tokio::net::TcpStream;
use tokio::task::unconstrained;

fn main() -> std::io::Result<()> {
    match mode() {
        Mode::Echo => serve(|socket| connection(socket, echo)),
        Mode::Receive => serve(|socket| connection(socket, receive)),
        mode @ Mode::Broadcast => lacks(mode),
    }
}

async fn echo(upgrade: UpgradeFut) -> Result<(), WebSocketError> {
    let mut ws = open(upgrade).await?;
    loop {
        let frame = ws.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn receive(upgrade: UpgradeFut) -> Result<(), WebSocketError> {
    let mut ws = open(upgrade).await?;
    loop {
        let frame = ws.read_frame().await?;
        if frame.opcode == OpCode::Close {
            return Ok(());
        }
        std::hint::black_box(frame.payload);
    }
}

/// Whole messages, with pongs and closes sent by the library.
async fn open(upgrade: UpgradeFut) -> Result<FragmentCollector<TokioIo<Upgraded>>, WebSocketError> {
    let mut ws = upgrade.await?;
    ws.set_auto_close(true);
    ws.set_auto_pong(true);
    Ok(FragmentCollector::new(ws))
}

async fn connection<F>(socket: TcpStream, serve: fn(UpgradeFut) -> F)
where
    F: Future<Output = Result<(), WebSocketError>> + Send + 'static,
{
    let service = service_fn(|mut request: Request<Incoming>| async move {
        let (response, upgrade): (Response<Empty<Bytes>>, _) = upgrade(&mut request)?;
        // Unconstrained as in the library's example.
        tokio::spawn(unconstrained(serve(upgrade)));
        Ok::<_, WebSocketError>(response)
    });
    // An end is the peer's affair: what fails is not looked at.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).with_upgrades().await;
}
