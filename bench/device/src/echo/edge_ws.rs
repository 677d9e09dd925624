//! `edge-ws` with `edge-http`'s connection: each frame goes back as a frame. The library knows frames, not messages.

use core::fmt::Debug;

use edge_http::io::server::Connection;
use edge_http::ws::MAX_BASE64_KEY_RESPONSE_LEN;
use edge_ws::{Error, FrameHeader, FrameType};
use embedded_io_async::{Read, Write};

use super::HEADERS;

/// Bytes of the buffer, for the request's head and then for a frame's payload.
pub const BUFFERS: usize = 1024;

/// Close frames with the codes 1002 and 1009.
const BROKEN_RULE: &[u8] = &1002u16.to_be_bytes();
const TOO_BIG: &[u8] = &1009u16.to_be_bytes();

/// One connection.
pub async fn serve<T: Read<Error: Debug> + Write>(mut io: T, buffer: &mut [u8]) -> Option<()> {
    {
        let mut connection = Connection::<_, HEADERS>::new(buffer, &mut io).await.ok()?;
        if !connection.is_ws_upgrade_request().ok()? {
            connection.initiate_response(400, Some("Bad Request"), &[]).await.ok()?;
            return connection.complete().await.ok();
        }
        let mut accept = [0; MAX_BASE64_KEY_RESPONSE_LEN];
        connection.initiate_ws_upgrade_response(&mut accept).await.ok()?;
        connection.complete().await.ok()?;
    }
    loop {
        let failed = match echo(&mut io, buffer).await {
            Ok(true) => continue,
            Ok(false) | Err(Error::Io(_)) => return Some(()),
            Err(Error::BufferOverflow) => TOO_BIG,
            Err(_) => BROKEN_RULE,
        };
        return edge_ws::io::send(&mut io, FrameType::Close, None, failed).await.ok();
    }
}

/// One frame; false after a close.
async fn echo<T: Read + Write>(io: &mut T, buffer: &mut [u8]) -> Result<bool, Error<T::Error>> {
    let mut header = FrameHeader::recv(&mut *io).await?;
    let payload = header.recv_payload(&mut *io, buffer).await?;
    match header.frame_type {
        FrameType::Ping => header.frame_type = FrameType::Pong,
        FrameType::Pong => return Ok(true),
        _ => {}
    }
    header.mask_key = None;
    header.send(&mut *io).await?;
    header.send_payload(&mut *io, payload).await?;
    Ok(header.frame_type != FrameType::Close)
}
