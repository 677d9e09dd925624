//! `picoserve`: its server with one route, an upgrade, and each message goes back whole. Its timeouts are on.

use core::future::pending;

use picoserve::futures::Either;
use picoserve::io::{Read, Socket, Write};
use picoserve::response::ws::{Message, SocketRx, SocketTx, WebSocketCallback, WebSocketUpgrade};
use picoserve::routing::get;
use picoserve::time::Duration;
use picoserve::{Config, Error, Router, Server, Timeouts, Timer};

/// Bytes for the request's head, and for a message.
pub const BUFFERS: [usize; 2] = [1024, 1024];

const CONFIG: Config = Config::const_default();

/// One connection, with a buffer for the request's head and what makes one for messages, which the callback owns.
pub async fn serve<R, W, B>(reader: R, writer: W, http: &mut [u8], message: impl Fn() -> B + Copy)
where
    R: Read<Error: 'static>,
    W: Write<Error = R::Error>,
    B: AsMut<[u8]>,
{
    let upgrade = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(Echo(message));
    let app = Router::new().route("/", get(upgrade));
    let _ = Server::custom(&app, Clock, &CONFIG, http).serve(Halves { reader, writer }).await;
}

/// The echo, with what makes its buffer.
struct Echo<F>(F);

impl<F: Fn() -> B, B: AsMut<[u8]>> WebSocketCallback for Echo<F> {
    async fn run<R: Read, W: Write<Error = R::Error>>(
        self,
        mut rx: SocketRx<R>,
        mut tx: SocketTx<W>,
    ) -> Result<(), W::Error> {
        let mut buffer = (self.0)();
        let buffer = buffer.as_mut();
        let reason = loop {
            let Either::First(message) = rx.next_message(buffer, pending::<()>()).await? else { continue };
            match message {
                Ok(Message::Text(text)) => tx.send_text(text).await?,
                Ok(Message::Binary(bytes)) => tx.send_binary(bytes).await?,
                Ok(Message::Ping(payload)) => tx.send_pong(payload).await?,
                Ok(Message::Pong(_)) => {}
                Ok(Message::Close(reason)) => break reason,
                Err(error) => break Some((error.code(), "")),
            }
        };
        tx.close(reason).await
    }
}

/// Who keeps the timeouts: embassy-time, as with the library's feature `embassy`.
struct Clock;

/// A name for `picoserve` to tell runtimes apart by.
struct Runtime;

impl Timer<Runtime> for Clock {
    async fn delay(&self, duration: Duration) {
        embassy_time::Timer::after_millis(duration.as_millis()).await;
    }
}

/// A transport of two halves.
struct Halves<R, W> {
    reader: R,
    writer: W,
}

impl<R, W> Socket<Runtime> for Halves<R, W>
where
    R: Read<Error: 'static>,
    W: Write<Error = R::Error>,
{
    type Error = R::Error;
    type ReadHalf<'a>
        = &'a mut R
    where
        Self: 'a;
    type WriteHalf<'a>
        = &'a mut W
    where
        Self: 'a;

    fn split(&mut self) -> (&mut R, &mut W) {
        (&mut self.reader, &mut self.writer)
    }

    async fn abort<T: Timer<Runtime>>(self, _: &Timeouts, _: &T) -> Result<(), Error<R::Error>> {
        Ok(())
    }

    async fn shutdown<T: Timer<Runtime>>(self, _: &Timeouts, _: &T) -> Result<(), Error<R::Error>> {
        Ok(())
    }
}
