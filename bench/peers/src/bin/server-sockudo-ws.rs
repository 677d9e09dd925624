//! Echo by sockudo-ws: as documented.

use futures_util::{SinkExt as _, StreamExt as _};
use sockeye_bench::{Mode, mode, serve};
use sockeye_bench_peers::lacks;
use sockudo_ws::error::Result;
use sockudo_ws::server::WebSocketServer;
use sockudo_ws::{Config, Http1, Message, WebSocketStream};
use tokio::net::TcpStream;

fn main() -> std::io::Result<()> {
    // An end is the peer's affair: what fails is not looked at.
    match mode() {
        Mode::Echo => serve(|socket| async move {
            let _ = echo(socket).await;
        }),
        Mode::Receive => serve(|socket| async move {
            let _ = receive(socket).await;
        }),
        mode @ Mode::Broadcast => lacks(mode),
    }
}

async fn echo(socket: TcpStream) -> Result<()> {
    let mut ws = accept(socket).await?;
    while let Some(message) = ws.next().await {
        match message? {
            message @ (Message::Text(_) | Message::Binary(_)) => ws.send(message).await?,
            Message::Close(_) => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

async fn receive(socket: TcpStream) -> Result<()> {
    let mut ws = accept(socket).await?;
    while let Some(message) = ws.next().await {
        std::hint::black_box(message?);
    }
    Ok(())
}

/// Over the socket itself, as in its examples, and not over a boxed one.
async fn accept(socket: TcpStream) -> Result<WebSocketStream<TcpStream>> {
    let (ws, _) = WebSocketServer::<Http1>::new(Config::default()).accept_raw(socket).await?;
    Ok(ws)
}
