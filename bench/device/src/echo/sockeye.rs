//! `sockeye-embassy`: `accept`, then each chunk goes back as it came. All deadlines are on.

use embedded_io_async::{Read, Write};
use sockeye_embassy::{AcceptError, Config, Resources, accept};

/// Bytes of the default buffers: to read, and to write.
pub const BUFFERS: usize = 1024 + 256;

const CONFIG: Config<'_> = Config::new();

/// One connection.
///
/// # Errors
/// What ended it otherwise than by a close.
pub async fn serve<R: Read, W: Write<Error = R::Error>>(reader: R, writer: W) -> Result<(), AcceptError<R::Error>> {
    let mut resources: Resources<'_, W> = Resources::new();
    let mut ws = accept(reader, writer, &mut resources, &CONFIG).await?;
    while let Some(chunk) = ws.receiver.next().await? {
        ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
    }
    Ok(())
}
