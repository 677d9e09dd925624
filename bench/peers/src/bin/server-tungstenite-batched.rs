//! Echo by tokio-tungstenite, batched by hand: answers are only flushed when no message waits.

use std::task::Poll;

use futures_util::{SinkExt as _, StreamExt as _, poll};
use sockeye_bench::{Mode, mode, serve};
use sockeye_bench_peers::lacks;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Result;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

/// As tungstenite's documentation says for many connections; its default is 128 KiB.
const READ_BUFFER: usize = 4096;
/// So much is fed before it is written without a flush.
const WRITE_BUFFER: usize = 128 * 1024;

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
    loop {
        let next = match poll!(ws.next()) {
            Poll::Ready(next) => next,
            Poll::Pending => {
                ws.flush().await?;
                ws.next().await
            }
        };
        let Some(message) = next.transpose()? else { return Ok(()) };
        if message.is_text() || message.is_binary() {
            ws.feed(message).await?;
        }
    }
}

async fn receive(socket: TcpStream) -> Result<()> {
    let mut ws = accept(socket).await?;
    while let Some(message) = ws.next().await {
        std::hint::black_box(message?);
    }
    Ok(())
}

async fn accept(socket: TcpStream) -> Result<WebSocketStream<TcpStream>> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER);
    accept_async_with_config(socket, Some(config)).await
}
