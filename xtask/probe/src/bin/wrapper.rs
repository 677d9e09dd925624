//! The same echo server through `sockeye-embassy`, over the same transport: what the wrapper weighs beyond the core.
//!
//! An `async fn` can panic by itself, when it is polled after its end, so this image links: xtask looks at its symbols
//! instead, and at nothing but that may there be a panic.
#![no_std]
#![no_main]

#[path = "../clock.rs"]
mod clock;
#[path = "../start.rs"]
mod start;
#[path = "../transport.rs"]
mod transport;

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use sockeye_embassy::{AcceptError, CloseCode, Config, Resources, accept};

use crate::transport::Transport;

const CONFIG: Config<'_> = Config::new();

fn main(_: Transport) -> ! {
    let mut serve = pin!(serve());
    loop {
        let _ = serve.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

async fn serve() -> Infallible {
    loop {
        let _ = echo().await;
        Transport::new().hang_up();
    }
}

/// One connection, to its end.
async fn echo() -> Result<(), AcceptError<Infallible>> {
    let mut resources: Resources<'_, Half> = Resources::new();
    let mut ws = accept(Half(Transport::new()), Half(Transport::new()), &mut resources, &CONFIG).await?;
    ws.sender.ping(b"probe").await?;
    while let Some(chunk) = ws.receiver.next().await? {
        if chunk.payload.is_empty() {
            ws.sender.close(CloseCode::NORMAL, "").await?;
        } else {
            ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
        }
    }
    Ok(())
}

/// One direction of the transport.
struct Half(Transport);

impl ErrorType for Half {
    type Error = Infallible;
}

impl Read for Half {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| if Transport::is_readable() { Poll::Ready(()) } else { Poll::Pending }).await;
        Ok(self.0.read(buffer))
    }
}

impl Write for Half {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
