//! Echo by tokio-tungstenite: the plain loop.

use futures_util::{SinkExt as _, StreamExt as _};

fn main() -> std::io::Result<()> {
    sockeye_bench::serve(|socket| async move {
        let Ok(mut ws) = tokio_tungstenite::accept_async(socket).await else { return };
        while let Some(Ok(message)) = ws.next().await {
            if (message.is_text() || message.is_binary()) && ws.send(message).await.is_err() {
                return;
            }
        }
    })
}
