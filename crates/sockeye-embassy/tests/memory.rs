//! What a connection takes beside the buffers that its user gives it.

mod common;

use common::exec::run;
use common::raw::{self, REQUEST, masked};
use common::wire::pipe;
use common::{patient, payload};
use embedded_io_async::{ErrorType, Read, Write};
use rand::rngs::StdRng;
use sockeye_embassy::proto::{Masked, Unmasked};
use sockeye_embassy::{Connection, Receiver, Resources, Sender, accept};

/// A transport of no size.
struct Nothing;

impl ErrorType for Nothing {
    type Error = core::convert::Infallible;
}

impl Read for Nothing {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, Self::Error> {
        Ok(0)
    }
}

impl Write for Nothing {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

const RX: usize = 1024;
const TX: usize = 256;

/// The core's receiver (about 200 bytes) and the one reply that may be owed (127) are most of it. Of pointers, lengths
/// and wakers 64 bits have twice as much as 32.
#[test]
fn a_connection_is_small() {
    let resources = size_of::<Resources<'_, Nothing, RX, TX>>();
    let connection = size_of::<Connection<'_, Nothing, Nothing>>();
    let state = resources + connection - RX - TX;
    println!("Resources<{RX}, {TX}>: {resources} bytes");
    println!("Connection: {connection} bytes");
    println!("Receiver: {} bytes", size_of::<Receiver<'_, Nothing, Nothing, Unmasked>>());
    println!("Sender: {} bytes", size_of::<Sender<'_, Nothing, Unmasked>>());
    println!("all of it, beside the buffers: {state} bytes");
    let pointer = size_of::<usize>();
    let limit = if pointer == 4 { 512 } else { 592 };
    assert!(state <= limit, "{state} bytes");
    assert_eq!(size_of::<Sender<'_, Nothing, Unmasked>>(), pointer);
}

/// The buffers cost what they hold, and a client no more than its generator and its alignment.
#[test]
fn buffers_and_generators_cost_what_they_are() {
    let small = size_of::<Resources<'_, Nothing, RX, TX>>();
    assert_eq!(size_of::<Resources<'_, Nothing, { 2 * RX }, TX>>() - small, RX);
    assert_eq!(size_of::<Resources<'_, Nothing, RX, { 2 * TX }>>() - small, TX);
    let client = size_of::<Resources<'_, Nothing, RX, TX, Masked<StdRng>>>();
    assert!(client - small <= size_of::<StdRng>().next_multiple_of(align_of::<StdRng>().max(8)) + 16, "{client}");
    let connection = size_of::<Connection<'_, Nothing, Nothing>>();
    assert_eq!(size_of::<Connection<'_, Nothing, Nothing, Masked<StdRng>>>(), connection);
}

/// The futures live in the user's task. Each holds what it waits with, and no buffer.
#[test]
fn futures_hold_no_buffers() {
    let config = patient();
    let mut resources: Resources<'_, _, RX, TX> = Resources::new();
    let (_, end, up, down) = pipe(0, 1 << 16);
    up.put(REQUEST.as_bytes());
    let accepting = accept(end.reader, end.writer, &mut resources, &config);
    println!("accept: {} bytes", size_of_val(&accepting));
    let handshake = size_of_val(&accepting);
    let mut ws = run(accepting).expect("it accepts");
    down.take_all();
    let bytes = payload(1, 100);
    let next = size_of_val(&ws.receiver.next());
    let message = size_of_val(&ws.receiver.message(&mut [0; 64]));
    let send = size_of_val(&ws.sender.binary(&bytes));
    let ping = size_of_val(&ws.sender.ping(&bytes));
    println!("next: {next}, message: {message}, send: {send}, ping: {ping} bytes");
    // On 64 bits; what the transport's own futures hold is in it, twice.
    for (name, len, limit) in [
        ("accept", handshake, 2000),
        ("next", next, 1000),
        ("message", message, 1100),
        ("send", send, 700),
        ("ping", ping, 700),
    ] {
        assert!(len <= limit, "{name}: {len} bytes");
    }
    // And it is of use.
    run(async {
        up.put(&masked(raw::TEXT, b"!"));
        assert_eq!(ws.receiver.message(&mut [0; 64]).await.unwrap().unwrap().text(), Some("!"));
        ws.sender.binary(&bytes).await.expect("it is sent");
    });
    assert_eq!(raw::frames(&down.take_all())[0].payload, bytes);
}
