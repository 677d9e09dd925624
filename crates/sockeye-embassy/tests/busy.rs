//! A transport that always has something: no read ever waits. The deadlines hold all the same.

mod common;

use common::exec::run;
use common::raw::{REQUEST, TEXT, frames, header, masked};
use common::seconds;
use common::wire::{Wire, Writer, pipe};
use embassy_time::{Duration, Instant, MockDriver};
use embedded_io_async::{ErrorKind, ErrorType, Read};
use sockeye_embassy::{CloseCode, Config, Connection, Error, Resources, accept};

/// The request, then `begin`, then `again` for ever; each read takes a millisecond, and the test two minutes at most.
struct Busy {
    bytes: Vec<u8>,
    again: Vec<u8>,
    start: usize,
}

impl ErrorType for Busy {
    type Error = ErrorKind;
}

impl Read for Busy {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        MockDriver::get().advance(Duration::from_millis(1));
        assert!(Instant::now() < Instant::from_secs(120), "it does not end");
        if self.start == self.bytes.len() {
            (self.bytes, self.start) = (self.again.clone(), 0);
        }
        let len = buf.len().min(self.bytes.len() - self.start);
        buf[..len].copy_from_slice(&self.bytes[self.start..self.start + len]);
        self.start += len;
        Ok(len)
    }
}

/// Accepts a peer that goes on like this, and runs `test` with it.
fn with_busy_peer(begin: &[u8], again: &[u8], test: impl AsyncFnOnce(Connection<'_, Busy, Writer>, &Wire)) {
    let (_, end, _up, down) = pipe(0, 1 << 20);
    let config = Config::new();
    let mut resources: Resources<'_, _> = Resources::new();
    let reader = Busy { bytes: [REQUEST.as_bytes(), begin].concat(), again: again.to_vec(), start: 0 };
    run(async {
        let ws = accept(reader, end.writer, &mut resources, &config).await.expect("it accepts");
        down.take_all();
        test(ws, &down).await;
    });
}

#[test]
fn our_close_is_waited_on_for_5_s() {
    with_busy_peer(b"", &masked(TEXT, b"by the way"), async |mut ws, _| {
        let start = Instant::now();
        assert_eq!(ws.close(CloseCode::NORMAL, "").await, Err(Error::CloseTimeout));
        assert!(start.elapsed() >= seconds(5) && start.elapsed() <= seconds(6), "{:?}", start.elapsed());
    });
}

#[test]
fn a_message_without_end_is_given_30_s() {
    let endless = [&header(0x82, 1 << 40, 0x80)[..], &[0; 4]].concat();
    with_busy_peer(&endless, &[0; 100], async |mut ws, down| {
        let start = Instant::now();
        assert_eq!(ws.receiver.drain().await, Err(Error::MessageTimeout));
        assert!(start.elapsed() >= seconds(30) && start.elapsed() <= seconds(31), "{:?}", start.elapsed());
        assert_eq!(frames(&down.take_all())[0].close(), Some((1008, "")));
    });
}

/// Message after message is no reason to end it.
#[test]
fn messages_without_end_go_on() {
    with_busy_peer(b"", &masked(TEXT, b"news").repeat(3), async |mut ws, _| {
        let mut buffer = [0; 8];
        while Instant::now() < Instant::from_secs(100) {
            assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some("news"));
        }
    });
}
