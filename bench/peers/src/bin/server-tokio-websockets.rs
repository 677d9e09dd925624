//! Echo by tokio-websockets: as documented.

use futures_util::{SinkExt as _, StreamExt as _};
use sockeye_bench::{Mode, mode, serve};
use sockeye_bench_peers::lacks;
use tokio::net::TcpStream;
use tokio_websockets::{Error, ServerBuilder};

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

async fn echo(socket: TcpStream) -> Result<(), Error> {
    let (_request, mut ws) = ServerBuilder::new().accept(socket).await?;
    while let Some(message) = ws.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

async fn receive(socket: TcpStream) -> Result<(), Error> {
    let (_request, mut ws) = ServerBuilder::new().accept(socket).await?;
    while let Some(message) = ws.next().await {
        std::hint::black_box(message?);
    }
    Ok(())
}
