//! One connection to the room, from its handshake to its end.

use core::fmt::Write as _;

use chacha20::ChaCha20Rng;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embedded_io_async::{Read, Write};
use heapless::String;
use sockeye_embassy::proto::Masked;
use sockeye_embassy::{Config, ConnectError, Connection, Error, Receiver, Resources, Sender, Uri, connect};

use super::Uplink;
use super::envelopes::{Envelopes, Heard, Position};
use super::settings::Target;

const SUBPROTOCOL: &str = "sockeye.rooms.v1";

/// What a task that dials remembers from one connection to the next.
pub(super) struct Session {
    /// The last that was heard of the room.
    heard: Position,
    /// Whether the server let the device into the room.
    pub(super) was_welcome: bool,
}

impl Session {
    pub(super) const fn new() -> Self {
        Session { heard: Position::new(), was_welcome: false }
    }

    /// The handshake, and then both directions until the connection ends.
    ///
    /// # Cancel safety
    /// None: dropped, it leaves a session of TLS out of step. It ends by itself, since every wait in it is bounded.
    pub(super) async fn run<R: Read, W: Write<Error = R::Error>>(
        &mut self,
        reader: R,
        writer: W,
        config: Config<'_>,
        target: &Target,
        uplink: &Uplink,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), ConnectError<R::Error>> {
        let uri = self.uri(target);
        // It was checked without its query.
        let uri = Uri::parse(&uri).unwrap_or(target.uri);
        let authorization = target.authorization();
        let headers = [("Authorization", authorization.as_str())];
        let headers = if authorization.is_empty() { &[][..] } else { &headers };
        let config = Config { subprotocols: &[SUBPROTOCOL], headers, ..config };
        let mut resources: Resources<'_, _, 1024, 256, Masked<&mut ChaCha20Rng>> = Resources::new();
        let ws = connect(reader, writer, &mut resources, &config, uri, rng).await?;
        #[cfg(feature = "defmt")]
        defmt::info!("connected");
        Ok(self.converse(ws, target, uplink).await?)
    }

    /// The room, after what was heard of it last.
    fn uri(&self, target: &Target) -> String<320> {
        let mut uri = String::new();
        let separator = if target.url.contains('?') { '&' } else { '?' };
        // All fits: `Target` is checked to be of at most 200.
        let _ = match self.heard.as_str() {
            "" => uri.push_str(target.url).map_err(|_| core::fmt::Error),
            heard => write!(uri, "{}{separator}after={heard}", target.url),
        };
        uri
    }

    async fn converse<R: Read, W: Write<Error = R::Error>>(
        &mut self,
        ws: Connection<'_, R, W, Masked<&mut ChaCha20Rng>>,
        target: &Target,
        uplink: &Uplink,
    ) -> Result<(), Error<R::Error>> {
        let Connection { mut receiver, mut sender, .. } = ws;
        let welcome = Signal::new();
        // A `receive` or `send` that waits is dropped only when the other has ended, and the connection with it.
        match select(self.listen(&mut receiver, uplink, &welcome), publish(&mut sender, target, uplink, &welcome)).await
        {
            Either::First(ended) => ended,
            Either::Second(Err(error)) => Err(error),
        }
    }

    /// What the room says, until the server closes.
    async fn listen<R: Read, W: Write<Error = R::Error>>(
        &mut self,
        receiver: &mut Receiver<'_, R, W, Masked<&mut ChaCha20Rng>>,
        uplink: &Uplink,
        welcome: &Signal<NoopRawMutex, ()>,
    ) -> Result<(), Error<R::Error>> {
        let mut envelopes = Envelopes::new(uplink.boot);
        while let Some(chunk) = receiver.next().await? {
            let is_last = chunk.last;
            let mut is_welcome = false;
            envelopes.read(chunk.payload, |heard| match heard {
                Heard::Welcome => is_welcome = true,
                Heard::Confirmed(number) => uplink.readings.confirm(number),
                Heard::Led(on) => uplink.led.signal(on),
            });
            if is_last {
                let heard = envelopes.end();
                if !heard.is_empty() {
                    self.heard = heard;
                }
            }
            if is_welcome {
                #[cfg(feature = "defmt")]
                defmt::info!("in the room");
                self.was_welcome = true;
                uplink.readings.send_again();
                welcome.signal(());
            }
        }
        Ok(())
    }
}

/// Joins, and once it is let in sends the readings as they come.
async fn publish<W: Write>(
    sender: &mut Sender<'_, W, Masked<&mut ChaCha20Rng>>,
    target: &Target,
    uplink: &Uplink,
    welcome: &Signal<NoopRawMutex, ()>,
) -> Result<core::convert::Infallible, Error<W::Error>> {
    let mut join: String<128> = String::new();
    // The name is checked to be of at most 64, and to need no escapes.
    let _ = write!(join, r#"{{"kind":"join","name":"{}"}}"#, target.name);
    sender.text(&join).await?;
    welcome.wait().await;
    loop {
        let reading = uplink.readings.next().await;
        sender.text(&reading.envelope(uplink.boot)).await?;
    }
}
