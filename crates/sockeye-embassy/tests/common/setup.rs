//! Connections whose handshake is over. Their memory is leaked: then they borrow from nothing, and a test is short.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::{Masked, Request, Response};
use sockeye_embassy::{Config, Connection, Resources, Uri, accept, connect};

use super::exec::run;
use super::raw::REQUEST;
use super::wire::{End, Reader, Wire, Writer, pipe};

pub(crate) type Server = Connection<'static, Reader, Writer>;
pub(crate) type Client = Connection<'static, Reader, Writer, Masked<StdRng>>;

pub(crate) fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// Our server, what a client sends to it, and what it sends to the client.
pub(crate) fn server(config: Config<'static>) -> (Server, Wire, Wire) {
    sized_server::<1024, 256>(config)
}

/// The same with other buffers.
pub(crate) fn sized_server<const RX: usize, const TX: usize>(config: Config<'static>) -> (Server, Wire, Wire) {
    let (_, end, up, down) = pipe(0, 1 << 20);
    (run(accepted::<RX, TX>(end, config, &up, &down)), up, down)
}

/// Our client, what a server sends to it, and what it sends to the server.
pub(crate) fn client(config: Config<'static>) -> (Client, Wire, Wire) {
    let (end, _, up, down) = pipe(0, 1 << 20);
    (run(connected(end, config, &up, &down)), down, up)
}

/// A server that has accepted, of which the client took the answer.
pub(crate) async fn accepted<const RX: usize, const TX: usize>(
    end: End,
    config: Config<'static>,
    up: &Wire,
    down: &Wire,
) -> Server {
    up.put(REQUEST.as_bytes());
    let resources = leak(Resources::<_, RX, TX>::new());
    let server = accept(end.reader, end.writer, resources, leak(config)).await.expect("it accepts");
    assert!(down.take_all().starts_with(b"HTTP/1.1 101 "));
    server
}

/// A client that was accepted.
pub(crate) async fn connected(end: End, config: Config<'static>, up: &Wire, down: &Wire) -> Client {
    let uri = Uri::parse("ws://localhost/").expect("a URI");
    let resources = leak(Resources::<_, 1024, 256, _>::new());
    let connecting = connect(end.reader, end.writer, resources, leak(config), uri, StdRng::seed_from_u64(7));
    let answering = async { down.put(&answer_to(&up.take_all())) };
    // The request is there once the client waits for the answer.
    let (client, ()) = embassy_futures::join::join(connecting, answering).await;
    client.expect("it connects")
}

/// The consent of a server to a request.
pub(crate) fn answer_to(request: &[u8]) -> Vec<u8> {
    let (request, _) = Request::parse(request).expect("a request").expect("a whole one");
    let mut out = vec![0; 512];
    let len = Response::accept(&request, None).expect("an upgrade").write(&mut out).expect("there is room");
    out.truncate(len);
    out
}
