//! What comes goes back, chunk by chunk: messages of any size in a bounded buffer.

use sockeye_tokio::{Connection, Error, Transport};

pub(crate) async fn run<S: Transport>(ws: &mut Connection<S>) -> Result<(), Error> {
    while let Some(chunk) = ws.receiver.next().await? {
        ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
    }
    Ok(())
}
