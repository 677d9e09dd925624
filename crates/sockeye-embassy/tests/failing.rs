//! How connections fail otherwise than by a broken rule: by an end or a failure of the transport, or by a peer that is
//! gone. "Every later call fails too."

mod common;

use common::exec::{run, run_timed};
use common::raw::{self, masked};
use common::setup::server;
use common::wire::pipe;
use common::{patient, seconds};
use embassy_futures::join::join;
use embedded_io_async::ErrorKind;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::handshake::{AcceptError as Unacceptable, OfferError, WriteError};
use sockeye_embassy::proto::{ProtocolError, Reject, SendError};
use sockeye_embassy::{AcceptError, CloseCode, Config, ConnectError, Error, Kind, Resources, Uri, accept, connect};

const RESET: ErrorKind = ErrorKind::ConnectionReset;

#[test]
fn an_end_without_a_close_is_lost() {
    let starts: [&[u8]; 4] = [b"", &[0x81], &[0x01, 0x80, 0, 0, 0, 0], &[0x82, 0x85, 0, 0, 0, 0, 1, 2]];
    for start in starts {
        let (mut ws, up, down) = server(patient());
        up.put(start);
        up.end();
        run(async {
            for _ in 0..3 {
                assert_eq!(ws.receiver.drain().await, Err(Error::Lost), "{start:?}");
                assert_eq!(ws.receiver.message(&mut [0; 8]).await, Err(Error::Lost));
            }
        });
        assert_eq!(down.len(), 0);
    }
}

/// What came before the end is handed out.
#[test]
fn what_came_before_the_end_counts() {
    let (mut ws, up, _down) = server(patient());
    up.put(&masked(raw::TEXT, b"the last words"));
    up.end();
    run(async {
        let mut buffer = [0; 20];
        assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some("the last words"));
        assert_eq!(ws.receiver.message(&mut buffer).await, Err(Error::Lost));
    });
}

#[test]
fn a_transport_that_fails_says_so_once() {
    let (mut ws, up, _down) = server(patient());
    up.reset();
    run(async {
        assert_eq!(ws.receiver.drain().await, Err(Error::Io(RESET)));
        for _ in 0..3 {
            assert_eq!(ws.receiver.drain().await, Err(Error::Lost));
            assert_eq!(ws.receiver.message(&mut [0; 8]).await, Err(Error::Lost));
        }
    });
}

/// In the middle of a short frame, of a long one, of a ping and of a close.
#[test]
fn a_sender_whose_transport_fails_says_so_once() {
    for what in ["short", "long", "ping", "close"] {
        let (mut ws, _up, down) = server(patient());
        down.reset_at(down.written() + 1);
        run(async {
            let long = [0; 2000];
            let first = match what {
                "short" => ws.sender.text("short").await,
                "long" => ws.sender.binary(&long).await,
                "ping" => ws.sender.ping(b"?").await,
                _ => ws.sender.close(CloseCode::NORMAL, "").await,
            };
            assert_eq!(first, Err(Error::Io(RESET)), "{what}");
            for _ in 0..2 {
                assert_eq!(ws.sender.text("?").await, Err(Error::Lost), "{what}: later calls say Lost");
                assert_eq!(ws.sender.ping(b"?").await, Err(Error::Lost), "{what}: later calls say Lost");
                assert_eq!(ws.sender.flush().await, Err(Error::Lost), "{what}: later calls say Lost");
            }
            assert!(matches!(ws.receiver.drain().await, Err(Error::Lost | Error::Io(_))), "{what}");
        });
    }
}

/// A peer that took nothing for too long is not written to again, though it may take something by now.
#[test]
fn a_sender_that_gave_up_writes_no_more() {
    for what in ["short", "long", "ping"] {
        let (mut ws, _up, down) = server(Config { ping_interval: None, ..Config::new() });
        down.narrow(1);
        run_timed(async {
            let long = [0; 2000];
            let first = match what {
                "short" => ws.sender.text("short").await,
                "long" => ws.sender.binary(&long).await,
                _ => ws.sender.ping(b"?").await,
            };
            assert_eq!(first, Err(Error::SlowPeer), "{what}");
            down.narrow(1000);
            for _ in 0..2 {
                assert_eq!(ws.sender.text("?").await, Err(Error::SlowPeer), "{what}: for ever");
                assert_eq!(ws.sender.ping(b"?").await, Err(Error::SlowPeer), "{what}: for ever");
                assert_eq!(ws.receiver.drain().await, Err(Error::SlowPeer), "{what}: for both halves");
            }
        });
        assert_eq!(down.len(), 1, "{what}: nothing was written after that");
    }
}

/// What ends the receiver ends the sender.
#[test]
fn a_sender_hears_that_the_receiver_gave_up() {
    for (end, error) in [("silence", Error::PongTimeout), ("an end", Error::Lost), ("a reset", Error::Lost)] {
        let (mut ws, up, down) = server(Config::new());
        run_timed(async {
            match end {
                "silence" => {}
                "an end" => up.end(),
                _ => up.reset(),
            }
            ws.receiver.drain().await.expect_err("it ended");
            down.take_all();
            assert_eq!(ws.sender.text("?").await, Err(error), "after {end}");
            assert_eq!(ws.sender.ping(b"?").await, Err(error), "after {end}");
        });
        assert_eq!(down.len(), 0, "after {end}");
    }
}

/// The handshake, messages, pings and a close each way, with the transport reset after each byte of either direction
/// in turn, smooth and rough: it ends, it does not panic, and says that it failed.
#[test]
fn a_reset_at_every_byte_neither_hangs_nor_panics() {
    let mut ends = 0;
    for (down_too, rough) in [(false, false), (true, false), (false, true), (true, true)] {
        for at in 1.. {
            let (client, server, up, down) = pipe(at, 1024);
            let wire = if down_too { &down } else { &up };
            wire.reset_at(at);
            if rough {
                up.rough();
                down.rough();
            }
            let config = Config { close_timeout: seconds(1), ..patient() };
            let (mut ours, mut theirs) = (Resources::<_, 256, 131, _>::new(), Resources::<_, 256, 131>::new());
            let talk = async {
                let uri = Uri::parse("ws://localhost/").expect("a URI");
                let rng = StdRng::seed_from_u64(at);
                let mut ws = match connect(client.reader, client.writer, &mut ours, &config, uri, rng).await {
                    Ok(ws) => ws,
                    Err(ConnectError::Connection(Error::Io(_)) | ConnectError::Connection(Error::Lost)) => return None,
                    Err(error) => panic!("{error}"),
                };
                let mut buffer = [0; 300];
                let talk = async {
                    for _ in 0..2 {
                        ws.sender.binary(&[7; 200]).await?;
                        ws.sender.ping(b"ping").await?;
                        ws.receiver.message(&mut buffer).await?;
                    }
                    ws.close(CloseCode::NORMAL, "done").await
                };
                is_clean(talk.await)
            };
            let echo = async {
                let mut ws = match accept(server.reader, server.writer, &mut theirs, &config).await {
                    Ok(ws) => ws,
                    Err(AcceptError::Connection(Error::Io(_)) | AcceptError::Connection(Error::Lost)) => return None,
                    Err(error) => panic!("{error}"),
                };
                let echo = async {
                    while let Some(chunk) = ws.receiver.next().await? {
                        ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
                    }
                    Ok(())
                };
                is_clean(echo.await)
            };
            let clean = run_timed(join(talk, echo));
            if clean == (Some(()), Some(())) && wire.written() < at {
                break;
            }
            ends += 1;
        }
    }
    assert!(ends > 1500, "{ends} bytes");
}

fn is_clean(result: Result<(), Error<ErrorKind>>) -> Option<()> {
    match result {
        Ok(()) => Some(()),
        Err(Error::Io(_) | Error::Lost) => None,
        // The other side was told of the reset first, and its answer never came.
        Err(Error::CloseTimeout) => None,
        Err(error) => panic!("{error}"),
    }
}

/// A chunk that failed inside its frame did not begin a message for the next one.
#[test]
fn a_refused_chunk_changes_nothing() {
    let (mut ws, _up, down) = server(patient());
    run(async {
        ws.sender.chunk(Kind::Binary, b"1", false).await.expect("it is sent");
        for _ in 0..3 {
            ws.sender.chunk(Kind::Text, b"2", true).await.expect_err("another kind");
        }
        ws.sender.chunk(Kind::Binary, b"3", true).await.expect("it is sent");
        ws.sender.text("4").await.expect("it is sent");
    });
    let frames = raw::frames(&down.take_all());
    let parts: Vec<_> = frames.iter().map(raw::Frame::parts).collect();
    assert_eq!(parts, [(0x02, &b"1"[..]), (0x80, b"3"), (raw::TEXT, b"4")]);
}

#[test]
fn errors_say_what_happened() {
    type Failure = Error<ErrorKind>;
    let said = [
        (Failure::Protocol(ProtocolError::Unmasked), "(1002)"),
        (Failure::TooBig, "(1009)"),
        (Failure::MessageTimeout, "(1008)"),
        (Failure::Lost, "(1006)"),
        (Failure::Send(SendError::Closed), "our close frame"),
        (Failure::Io(RESET), "ConnectionReset"),
        (Failure::HandshakeTimeout, "handshake"),
        (Failure::SlowPeer, "takes nothing"),
        (Failure::PongTimeout, "no ping"),
        (Failure::CloseTimeout, "close frame in time"),
        (Failure::Aborted, "dropped"),
    ];
    for (error, part) in said {
        assert!(error.to_string().contains(part), "{error}");
        let code = error.close_code().map(|code| format!("({})", code.get()));
        assert!(code.is_none_or(|code| error.to_string().contains(&code)), "{error}");
        // What failed in a handshake, or in an application that goes on with `?`, says the same.
        assert_eq!(AcceptError::from(error).to_string(), error.to_string());
        assert_eq!(ConnectError::Connection(error).to_string(), error.to_string());
    }
    let told = [Failure::Protocol(ProtocolError::InvalidUtf8), Failure::TooBig, Failure::MessageTimeout];
    let codes = told.map(|error| error.close_code().map(CloseCode::get));
    assert_eq!(codes, [Some(1007), Some(1009), Some(1008)]);
    assert_eq!([Failure::Lost, Failure::SlowPeer, Failure::Aborted].map(|error| error.close_code()), [None; 3]);

    let rejected = AcceptError::<ErrorKind>::Rejected(Reject::HostNotAllowed);
    assert_eq!(rejected.to_string(), Reject::HostNotAllowed.to_string());
    assert_eq!(AcceptError::<ErrorKind>::Write(WriteError::TooSmall).to_string(), WriteError::TooSmall.to_string());
    assert!(AcceptError::<ErrorKind>::Accept(Unacceptable::NotUpgrade).to_string().contains("upgrade"));
    assert!(ConnectError::<ErrorKind>::Status { status: 302, retry_after: None }.to_string().contains("302"));
    assert_eq!(ConnectError::<ErrorKind>::Refused(OfferError::Accept).to_string(), OfferError::Accept.to_string());
    assert!(ConnectError::<ErrorKind>::HeadTooBig.to_string().contains("read buffer"));
    assert_eq!(ConnectError::<ErrorKind>::Write(WriteError::Value).to_string(), WriteError::Value.to_string());
}
