//! Echo by sockeye-tokio: the plain loop.

use sockeye_tokio::{Config, accept};

fn main() -> std::io::Result<()> {
    sockeye_bench::serve(async |socket| {
        let Ok(mut ws) = accept(socket, Config::default()).await else { return };
        while let Ok(Some(message)) = ws.receiver.message().await {
            if ws.sender.send(message.kind, message.payload).await.is_err() {
                return;
            }
        }
    })
}
