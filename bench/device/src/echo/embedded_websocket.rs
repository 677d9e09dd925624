//! `embedded-websocket` with its blocking framer, which its documentation recommends.

use embedded_websocket::framer::{Framer, FramerError, ReadResult, Stream};
use embedded_websocket::{
    WebSocketCloseStatusCode, WebSocketContext, WebSocketSendMessageType, WebSocketServer, read_http_header,
};

use super::HEADERS;

/// Bytes to read into, to put a message together in, and to write a frame from, which has its header there too.
pub const BUFFERS: [usize; 3] = [1024, 1024, 1028];

/// One connection.
pub fn serve<E>(io: &mut impl Stream<E>, read: &mut [u8], message: &mut [u8], write: &mut [u8]) -> Option<()> {
    let context = read_head(io, read)?;
    let mut websocket = WebSocketServer::new_server();
    let mut cursor = 0;
    let mut framer = Framer::new(read, &mut cursor, write, &mut websocket);
    framer.accept(io, &context).ok()?;
    loop {
        let echoed = match framer.read(io, message) {
            Ok(ReadResult::Text(text)) => framer.write(io, WebSocketSendMessageType::Text, true, text.as_bytes()),
            Ok(ReadResult::Binary(bytes)) => framer.write(io, WebSocketSendMessageType::Binary, true, bytes),
            Ok(ReadResult::Pong(_)) => Ok(()),
            Ok(ReadResult::Closed) => return Some(()),
            Err(error) => Err(error),
        };
        if let Err(error) = echoed {
            return framer.close(io, code_of(&error)?, None).ok();
        }
    }
}

/// Reads a request's head, which nothing may follow: the framer has no way to be given what came behind it.
fn read_head<E>(io: &mut impl Stream<E>, buffer: &mut [u8]) -> Option<WebSocketContext> {
    let mut filled = 0;
    loop {
        let received = io.read(buffer.get_mut(filled..)?).ok()?;
        if received == 0 {
            return None;
        }
        filled += received;
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(buffer.get(..filled)?).ok()?.is_complete() {
            return read_http_header(request.headers.iter().map(|header| (header.name, header.value))).ok()?;
        }
    }
}

/// What the client is told; nothing when nothing can be sent.
fn code_of<E>(error: &FramerError<E>) -> Option<WebSocketCloseStatusCode> {
    Some(match error {
        FramerError::Io(_) => return None,
        FramerError::Utf8(_) => WebSocketCloseStatusCode::InvalidPayloadData,
        FramerError::FrameTooLarge(_) => WebSocketCloseStatusCode::MessageTooBig,
        _ => WebSocketCloseStatusCode::ProtocolError,
    })
}
