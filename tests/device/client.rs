//! The host's client, as applications use it.

use std::time::Duration;

use sockeye_qemu::Device;
use sockeye_tests::PATIENCE;
use sockeye_tests::device::{Firmware, beside_an_echo, short};
use sockeye_tokio::proto::{Kind, Limits};
use sockeye_tokio::{CloseCode, Config, Connection, Error, Stream, connect};
use tokio::time::timeout;

const ECHO: Firmware = Firmware::short("echo");
/// A message may take 30 s, not three.
const PATIENT: Firmware = Firmware::shipped("echo");

/// As far as `next` goes there is no limit.
fn config() -> Config {
    Config { limits: Limits::NONE, ..Config::default() }
}

/// Runs a test of a client beside a bystander.
fn with_a_client<F: Future<Output = ()>>(
    firmware: Firmware,
    config: Config,
    test: impl FnOnce(Connection<Stream>) -> F,
) {
    beside_an_echo(firmware, |device| runtime().block_on(async { test(dial(device, config).await).await }));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn dial(device: &Device, config: Config) -> Connection<Stream> {
    let dialled = connect(&format!("ws://{}/", device.address()), config).await;
    dialled.unwrap_or_else(|error| panic!("no connection: {error}"))
}

/// The echo of this message, sent and received at the same time.
async fn assert_echoed(ws: &mut Connection<Stream>, kind: Kind, payload: &[u8]) {
    let sending = async { ws.sender.send(kind, payload).await.expect("it is taken") };
    let receiving = async {
        let echo = ws.receiver.message().await.expect("the connection holds").expect("it is not closed");
        assert_eq!(echo.kind, kind);
        assert!(echo.payload == payload, "{} bytes came back otherwise", payload.len());
    };
    timeout(6 * PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("the echo comes in time");
}

/// Bytes of which none is as its neighbour.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn messages_of_every_size_come_back() {
    const SIZES: [usize; 17] =
        [0, 1, 2, 124, 125, 126, 127, 1023, 1024, 1025, 2047, 2048, 4096, 65_535, 65_536, 65_537, 1 << 20];
    with_a_client(PATIENT, config(), async |mut ws| {
        for len in SIZES {
            assert_echoed(&mut ws, Kind::Binary, &bytes(len)).await;
            // Of one, two, three and four bytes a character, so that chunks cut each of them.
            let text: String = "a£€𝄞".chars().cycle().take(len.div_ceil(3)).collect();
            assert_echoed(&mut ws, Kind::Text, text.as_bytes()).await;
        }
        ws.close(CloseCode::NORMAL, "").await.expect("a closing handshake");
    });
}

#[test]
fn a_message_in_fragments_comes_back_as_one() {
    with_a_client(ECHO, config(), async |mut ws| {
        let payload = bytes(10_000);
        for size in [1, 7, 125, 1000, 4096] {
            for kind in [Kind::Binary, Kind::Text] {
                let payload = if kind == Kind::Text { "é".repeat(5000).into_bytes() } else { payload.clone() };
                let sending = async {
                    let mut pieces = payload.chunks(size).peekable();
                    while let Some(piece) = pieces.next() {
                        ws.sender.chunk(kind, piece, pieces.peek().is_none()).await.expect("it is taken");
                    }
                };
                let receiving = async {
                    let echo = ws.receiver.message().await.expect("the connection holds").expect("it is not closed");
                    assert_eq!(echo.kind, kind);
                    assert!(echo.payload == payload, "fragments of {size} came back otherwise");
                };
                timeout(PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("it comes in time");
            }
        }
    });
}

#[test]
fn sixteen_mebibytes_pass_through_one_kibibyte() {
    with_a_client(PATIENT, config(), async |mut ws| {
        const LEN: usize = 16 << 20;
        let sending = async { ws.sender.binary(&bytes(LEN)).await.expect("it is taken") };
        let receiving = async {
            let mut received = 0;
            loop {
                let chunk = ws.receiver.next().await.expect("the connection holds").expect("it is not closed");
                let right = chunk.payload.iter().zip(received..).all(|(byte, at)| *byte == (at * 7 + at / 251) as u8);
                assert!(right, "after {received} bytes it comes back otherwise");
                received += chunk.payload.len();
                if chunk.last {
                    return received;
                }
            }
        };
        let echoed = timeout(6 * PATIENCE, async { tokio::join!(sending, receiving).1 }).await;
        assert_eq!(echoed.expect("it comes in time"), LEN);
    });
}

#[test]
fn many_small_messages_come_back_in_order() {
    with_a_client(ECHO, config(), async |mut ws| {
        const COUNT: u32 = 5000;
        let sending = async {
            for count in 0..COUNT {
                ws.sender.binary(&count.to_be_bytes()).await.expect("it is taken");
            }
        };
        let receiving = async {
            for count in 0..COUNT {
                let echo = ws.receiver.message().await.expect("the connection holds").expect("it is not closed");
                assert_eq!(echo.payload, count.to_be_bytes());
            }
        };
        timeout(6 * PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("they come in time");
    });
}

#[test]
fn a_close_is_answered_with_its_code() {
    beside_an_echo(ECHO, |device| {
        runtime().block_on(async {
            let reason = "r".repeat(123);
            for (code, reason) in
                [(CloseCode::NORMAL, ""), (CloseCode::GOING_AWAY, "bye"), (CloseCode::NORMAL, &reason)]
            {
                let mut ws = dial(device, config()).await;
                assert_echoed(&mut ws, Kind::Text, b"before the end").await;
                ws.sender.close(code, reason).await.expect("it is taken");
                assert_eq!(ws.receiver.message().await, Ok(None));
                let close = ws.receiver.close().expect("the answer");
                assert_eq!((close.code(), close.reason()), (Some(code), reason));
            }
        });
    });
}

#[test]
fn a_message_that_is_too_long_for_the_client_is_refused_by_it() {
    // The device hears 1009 in the middle of what it echoes.
    with_a_client(ECHO, Config { limits: Limits::message(1000), ..config() }, async |mut ws| {
        ws.sender.binary(&bytes(100_000)).await.expect("it is taken");
        let error = ws.receiver.message().await.expect_err("it is too long");
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        assert_eq!(error.close_code(), Some(CloseCode::TOO_BIG));
    });
}

#[test]
fn the_devices_pings_are_answered() {
    // Without an answer it ends the connection after SILENCE.
    with_a_client(ECHO, Config { ping_interval: None, ..config() }, async |mut ws| {
        let nothing = timeout(2 * short::SILENCE, ws.receiver.message()).await;
        assert!(nothing.is_err(), "nothing but pings: {nothing:?}");
        assert_echoed(&mut ws, Kind::Text, b"still here").await;
    });
}

#[test]
fn the_clients_pings_are_answered() {
    let ping = Duration::from_millis(100);
    with_a_client(PATIENT, Config { ping_interval: Some(ping), pong_timeout: PATIENCE, ..config() }, async |mut ws| {
        assert_eq!(ws.receiver.round_trip(), None);
        let nothing = timeout(10 * ping, ws.receiver.message()).await;
        assert!(nothing.is_err(), "nothing but pongs: {nothing:?}");
        assert!(ws.receiver.round_trip().is_some(), "a pong came");
        for payload in [&b""[..], b"by hand", &[7; 125]] {
            ws.sender.ping(payload).await.expect("it is taken");
        }
        assert_echoed(&mut ws, Kind::Text, b"after the pings").await;
    });
}
