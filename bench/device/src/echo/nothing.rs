//! No library: the bytes go back as they came. What is in its image is in all of them.

use embedded_io_async::{Read, Write};

/// Bytes of buffer.
pub const BUFFERS: usize = 1024;

/// One connection.
pub async fn serve<R: Read, W: Write<Error = R::Error>>(mut reader: R, mut writer: W) {
    let mut buffer = [0; BUFFERS];
    while let Ok(len @ 1..) = reader.read(&mut buffer).await {
        if writer.write_all(buffer.get(..len).unwrap_or_default()).await.is_err() {
            return;
        }
    }
}
