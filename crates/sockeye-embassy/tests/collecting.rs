//! A transport that collects what is written until it is flushed, as embedded-tls does. What the wrapper writes by
//! itself, nobody else can flush: the handshake, pongs, pings of the keepalive, and the answer to a close.

mod common;

use common::exec::{Tasks, run_timed};
use common::raw::{self, REQUEST, masked};
use common::setup::answer_to;
use common::wire::{Wire, Writer, pipe};
use common::{patient, seconds};
use embassy_time::Timer;
use embedded_io_async::{ErrorKind, ErrorType, Write};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::{AcceptError, Config, Incoming, Resources, Uri, accept, connect};

struct Collecting {
    writer: Writer,
    held: Vec<u8>,
}

impl Collecting {
    fn new(writer: Writer) -> Self {
        Collecting { writer, held: Vec::new() }
    }
}

impl ErrorType for Collecting {
    type Error = ErrorKind;
}

impl Write for Collecting {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        while !self.held.is_empty() {
            let len = self.writer.write(&self.held).await?;
            self.held.drain(..len);
        }
        self.writer.flush().await
    }
}

#[test]
fn a_request_goes_out() {
    let (end, _, up, down) = pipe(0, 1 << 16);
    let config = Config { flush: true, ..patient() };
    let mut resources: Resources<'_, _, 512, 131, _> = Resources::new();
    let mut tasks = Tasks::new(0);
    let (uri, rng) = (Uri::parse("ws://h/").expect("a URI"), StdRng::seed_from_u64(1));
    let connecting = connect(end.reader, Collecting::new(end.writer), &mut resources, &config, uri, rng);
    let connecting = tasks.spawn(async { connecting.await.is_ok() });
    tasks.settle();
    let request = up.take_all();
    assert!(!request.is_empty(), "the client waits for the answer to a request that it keeps");
    down.put(&answer_to(&request));
    tasks.settle();
    assert_eq!(connecting.take(), Some(true));
}

#[test]
fn an_answer_goes_out() {
    for (request, status) in
        [(REQUEST, "101"), ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "426"), ("\r\n\r\n", "400")]
    {
        let (_, end, up, down) = pipe(0, 1 << 16);
        let config = Config { flush: true, ..patient() };
        let mut resources: Resources<'_, _> = Resources::new();
        up.put(request.as_bytes());
        let mut tasks = Tasks::new(0);
        let accepting = accept(end.reader, Collecting::new(end.writer), &mut resources, &config);
        let accepted = tasks.spawn(async { accepting.await.map(drop) });
        tasks.settle();
        assert!(accepted.is_there());
        drop(tasks);
        let answer = String::from_utf8(down.take_all()).expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}");
    }
}

#[test]
fn a_page_goes_out_to_its_end() {
    let (_, end, up, down) = pipe(0, 1 << 16);
    let config = Config { flush: true, ..patient() };
    let mut resources: Resources<'_, _> = Resources::new();
    up.put(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut tasks = Tasks::new(0);
    let responded = tasks.spawn(async {
        let incoming = Incoming::read(end.reader, Collecting::new(end.writer), &mut resources, &config).await?;
        incoming.respond(sockeye_embassy::proto::Response::new(200), &[b'p'; 500]).await?;
        Ok::<(), AcceptError<ErrorKind>>(())
    });
    tasks.settle();
    assert_eq!(responded.take(), Some(Ok(())));
    drop(tasks);
    assert!(down.take_all().ends_with(&[b'p'; 500]));
}

/// A server over a collecting transport whose receiver waits, while the peer does `talk`: what went down to it.
fn told(talk: impl AsyncFnOnce(&Wire)) -> Vec<u8> {
    let (_, end, up, down) = pipe(0, 1 << 16);
    let config = Config { flush: true, ..Config::new() };
    let mut resources: Resources<'_, _> = Resources::new();
    up.put(REQUEST.as_bytes());
    run_timed(async {
        let mut ws =
            accept(end.reader, Collecting::new(end.writer), &mut resources, &config).await.expect("it accepts");
        // So that the handshake is out of the way, whoever flushes it.
        ws.sender.flush().await.expect("it is flushed");
        down.take_all();
        embassy_futures::select::select(ws.receiver.drain(), talk(&up)).await;
    });
    down.take_all()
}

#[test]
fn a_pong_goes_out() {
    let bytes = told(async |up| {
        up.put(&masked(raw::PING, b"?"));
        Timer::after(seconds(1)).await;
    });
    assert_eq!(bytes, raw::frame(raw::PONG, b"?"));
}

#[test]
fn a_ping_of_the_keepalive_goes_out() {
    assert_eq!(told(async |_| Timer::after(seconds(26)).await), raw::frame(raw::PING, b""));
}

#[test]
fn the_answer_to_a_close_goes_out() {
    let bytes = told(async |up| {
        up.put(&masked(raw::CLOSE, b""));
        Timer::after(seconds(10)).await;
    });
    assert_eq!(bytes, raw::frame(raw::CLOSE, b""));
}

#[test]
fn the_close_after_a_broken_rule_goes_out() {
    let bytes = told(async |up| {
        up.put(&masked(0x83, b""));
        Timer::after(seconds(10)).await;
    });
    assert_eq!(bytes, raw::frame(raw::CLOSE, &1002u16.to_be_bytes()));
}
