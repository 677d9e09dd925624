//! For people used to the futures ecosystem: feature `futures`.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_sink::Sink;

use crate::connection::Connection;
use crate::error::Error;
use crate::message::{Message, OwnedMessage};
use crate::outbox::Transport;

/// A connection as a `Stream` and a `Sink` of owned messages.
///
/// The sink queues; `flush` writes. The stream ends after the closing handshake, or after an error.
#[derive(Debug)]
pub struct Messages<S> {
    connection: Connection<S>,
    over: bool,
}

impl<S: Transport> Messages<S> {
    /// Wraps a connection.
    pub fn new(connection: Connection<S>) -> Self {
        Messages { connection, over: false }
    }

    /// The connection again.
    pub fn into_inner(self) -> Connection<S> {
        self.connection
    }
}

impl<S: Transport> Stream for Messages<S> {
    type Item = Result<OwnedMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let polled = self.connection.receiver.poll_message(cx);
        let next = std::task::ready!(polled.map_ok(|message| message.map(Message::into_owned))).transpose();
        self.over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

impl<S: Transport> Sink<OwnedMessage> for Messages<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connection.sender.poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: OwnedMessage) -> Result<(), Error> {
        self.connection.sender.start_send(&message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connection.sender.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connection.sender.poll_close(cx)
    }
}
