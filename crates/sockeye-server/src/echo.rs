//! What comes goes back, chunk by chunk: messages of any size in a bounded buffer.

use sockeye_tokio::{Connection, Error, Transport};

use crate::meter::Meter;
use crate::route::Farewell;

pub(crate) async fn run<S: Transport>(
    ws: &mut Connection<S>,
    meter: &mut Meter<'_>,
) -> Result<Option<Farewell>, Error> {
    while let Some(chunk) = ws.receiver.next().await? {
        if let Err(farewell) = meter.received(chunk.payload.len(), chunk.last) {
            return Ok(Some(farewell));
        }
        ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
        meter.tally.sent(chunk.payload.len(), chunk.last);
    }
    Ok(None)
}
