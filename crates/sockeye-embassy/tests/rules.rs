//! Rules of RFC 6455 that the peer breaks or keeps, through the wrapper: what it is told, and what stays.

mod common;

use common::exec::run;
use common::raw::{self, closing, frame, masked};
use common::setup::{client, server, sized_server};
use common::wire::{Reader, Wire, Writer};
use common::{patient, payload};
use sockeye_embassy::proto::{Limits, Masking, ProtocolError, SendError};
use sockeye_embassy::{CloseCode, Config, Connection, Error, Kind};

fn limited() -> Config<'static> {
    Config { limits: Limits { frame: 300, message: 500 }, ..patient() }
}

/// Hands over `bytes`, and sees the error, the close on the wire, and that both stay.
fn check_broken<M: Masking>(
    (mut ws, to, from): (Connection<'static, Reader, Writer, M>, Wire, Wire),
    bytes: &[u8],
    error: ProtocolError,
    rough: bool,
) {
    if rough {
        to.rough();
        from.rough();
    }
    run(async {
        ws.sender.text("before").await.expect("it is sent");
        to.put(bytes);
        assert_eq!(ws.receiver.drain().await, Err(Error::Protocol(error)), "{bytes:?}");
        let frames = raw::frames(&from.take_all());
        assert_eq!(frames.len(), 2, "{frames:?}");
        assert_eq!(frames[0].payload, b"before");
        assert_eq!(frames[1].close(), Some((error.close_code().get(), "")), "{error:?}");
        assert_eq!(frames[1].first, raw::CLOSE);
        let mut buffer = [0; 8];
        for _ in 0..2 {
            to.put(&masked(raw::TEXT, b"more"));
            assert_eq!(ws.receiver.next().await.map(drop), Err(Error::Protocol(error)), "for ever");
            assert_eq!(ws.receiver.message(&mut buffer).await.map(drop), Err(Error::Protocol(error)), "for ever");
        }
        assert_eq!(ws.sender.text("after").await, Err(Error::Send(SendError::Closed)));
        assert_eq!(ws.sender.ping(b"").await, Err(Error::Send(SendError::Closed)));
        assert_eq!(from.take_all(), b"");
        assert!(ws.receiver.close().is_none(), "the peer sent none");
    });
}

#[test]
fn every_rule_that_a_client_breaks_is_told_and_stays() {
    let mut cases: Vec<(Vec<u8>, ProtocolError)> = vec![
        (masked(0xc1, b""), ProtocolError::ReservedBits(4)),
        (masked(0xa2, b""), ProtocolError::ReservedBits(2)),
        (masked(0x99, b""), ProtocolError::ReservedBits(1)),
        (frame(raw::TEXT, b"bare"), ProtocolError::Unmasked),
        (frame(raw::PING, b""), ProtocolError::Unmasked),
        ([&[0x82, 0x80 | 126, 0, 125][..], &[0; 129]].concat(), ProtocolError::LengthNotMinimal),
        (vec![0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4], ProtocolError::LengthNotMinimal),
        (vec![0x82, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], ProtocolError::LengthTopBit),
        (masked(0x09, b"half"), ProtocolError::FragmentedControl),
        (masked(0x08, b""), ProtocolError::FragmentedControl),
        (masked(raw::PING, &[0; 126]), ProtocolError::ControlTooLong),
        (masked(raw::CLOSE, &[3; 200]), ProtocolError::ControlTooLong),
        (masked(0x80, b"of what"), ProtocolError::UnexpectedContinuation),
        ([masked(raw::TEXT, b""), masked(0x00, b"of what")].concat(), ProtocolError::UnexpectedContinuation),
        ([masked(0x01, b"one"), masked(0x81, b"two")].concat(), ProtocolError::Interleaved),
        ([masked(0x01, b"one"), masked(0x00, b"!"), masked(0x02, b"two")].concat(), ProtocolError::Interleaved),
        (masked(raw::TEXT, b"\xff"), ProtocolError::InvalidUtf8),
        (masked(raw::TEXT, b"cut \xe2\x82"), ProtocolError::InvalidUtf8),
        ([masked(0x01, b"\xe2\x82"), masked(0x80, b"")].concat(), ProtocolError::InvalidUtf8),
        ([masked(0x01, b"\xe2"), masked(0x00, b"\x28")].concat(), ProtocolError::InvalidUtf8),
        (masked(raw::CLOSE, &[3]), ProtocolError::CloseTooShort),
        (masked(raw::CLOSE, &closing(999, "")), ProtocolError::CloseCode(999)),
        (masked(raw::CLOSE, &closing(1005, "")), ProtocolError::CloseCode(1005)),
        (masked(raw::CLOSE, &closing(5000, "x")), ProtocolError::CloseCode(5000)),
        (masked(raw::CLOSE, b"\x03\xe8\xff"), ProtocolError::CloseReason),
        (masked(raw::BINARY, &[0; 301]), ProtocolError::FrameTooBig(301)),
        ([masked(0x02, &[0; 300]), masked(0x80, &[0; 201])].concat(), ProtocolError::MessageTooBig(501)),
        // `GET`: a request where a frame should be
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), ProtocolError::ReservedBits(4)),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push((masked(0x80 | opcode, b""), ProtocolError::ReservedOpcode(opcode)));
    }
    for (bytes, error) in cases {
        for rough in [false, true] {
            check_broken(server(limited()), &bytes, error, rough);
        }
    }
}

#[test]
fn every_rule_that_a_server_breaks_is_told_and_stays() {
    let cases: [(Vec<u8>, ProtocolError); 5] = [
        (masked(raw::TEXT, b"masked"), ProtocolError::Masked),
        (frame(0x83, b""), ProtocolError::ReservedOpcode(3)),
        (frame(raw::TEXT, b"\xc0\x80"), ProtocolError::InvalidUtf8),
        (frame(raw::CLOSE, &closing(1006, "")), ProtocolError::CloseCode(1006)),
        (frame(raw::BINARY, &[0; 301]), ProtocolError::FrameTooBig(301)),
    ];
    for (bytes, error) in cases {
        for rough in [false, true] {
            check_broken(client(limited()), &bytes, error, rough);
        }
    }
}

/// What came before the broken frame is handed out, and a ping before it is answered.
#[test]
fn what_came_before_the_broken_frame_counts() {
    let (mut ws, up, down) = server(patient());
    up.put(&[masked(raw::TEXT, b"good"), masked(raw::PING, b"?"), masked(0x83, b"")].concat());
    run(async {
        let mut buffer = [0; 16];
        assert_eq!(ws.receiver.message(&mut buffer).await.unwrap().unwrap().text(), Some("good"));
        let error = ws.receiver.message(&mut buffer).await.unwrap_err();
        assert_eq!(error, Error::Protocol(ProtocolError::ReservedOpcode(3)));
    });
    let frames = raw::frames(&down.take_all());
    assert_eq!(frames.iter().map(|frame| frame.first).collect::<Vec<_>>(), [raw::PONG, raw::CLOSE]);
}

/// Key, kind, fragmentation and size: what a client masks comes out as it went in, and the caller's bytes stay.
#[test]
fn a_clients_frames_are_masked_with_fresh_keys() {
    let (mut ws, _to, from) = client(patient());
    let mut keys = Vec::new();
    run(async {
        for len in (0..600).chain([1000, 65_535, 65_536, 70_001]) {
            let bytes = payload(len, len);
            ws.sender.binary(&bytes).await.expect("it is sent");
            assert_eq!(bytes, payload(len, len), "the caller's bytes stay");
            ws.sender.ping(&bytes[..len.min(125)]).await.expect("it is sent");
            let frames = raw::frames(&from.take_all());
            assert_eq!(frames[0].parts(), (raw::BINARY, &bytes[..]), "{len} bytes");
            assert_eq!(frames[1].parts(), (raw::PING, &bytes[..len.min(125)]));
            keys.extend(frames.iter().map(|frame| frame.key.expect("it is masked")));
        }
        ws.sender.close(CloseCode::NORMAL, "masked too").await.expect("it is sent");
        let close = raw::frames(&from.take_all()).remove(0);
        assert_eq!(close.close(), Some((1000, "masked too")));
        keys.push(close.key.expect("it is masked"));
    });
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "a key came twice");
}

#[test]
fn a_server_masks_nothing() {
    let (mut ws, up, down) = server(patient());
    up.put(&masked(raw::PING, b"ping"));
    run(async {
        for len in [0, 1, 125, 126, 200, 255, 256, 257, 65_535, 65_536] {
            ws.sender.binary(&payload(len, len)).await.expect("it is sent");
            ws.sender.ping(b"ping").await.expect("it is sent");
            let frames = raw::frames(&down.take_all());
            assert_eq!(frames[0].parts(), (raw::BINARY, &payload(len, len)[..]));
            assert!(frames.iter().all(|frame| frame.key.is_none()));
        }
        up.put(&masked(raw::CLOSE, &closing(1000, "")));
        assert_eq!(ws.receiver.drain().await, Ok(()));
    });
    assert!(raw::frames(&down.take_all()).iter().all(|frame| frame.key.is_none()));
}

#[test]
fn chunks_are_frames_of_one_message() {
    let (mut ws, _up, down) = server(patient());
    run(async {
        let (start, end) = "aü".as_bytes().split_at(2);
        ws.sender.chunk(Kind::Text, start, false).await.expect("it is sent");
        ws.sender.ping(b"between").await.expect("it is sent");
        let refused = ws.sender.chunk(Kind::Binary, b"", true).await;
        assert_eq!(refused, Err(Error::Send(SendError::KindChanged)));
        let refused = ws.sender.chunk(Kind::Text, b"\xff", true).await;
        assert_eq!(refused, Err(Error::Send(SendError::InvalidUtf8)));
        assert_eq!(ws.sender.text("whole").await, Err(Error::Send(SendError::InvalidUtf8)), "inside a character");
        ws.sender.chunk(Kind::Text, end, false).await.expect("a refused chunk has changed nothing");
        ws.sender.chunk(Kind::Text, b"", true).await.expect("it is sent");
        assert_eq!(ws.sender.send(Kind::Text, b"\xe2\x82").await, Err(Error::Send(SendError::InvalidUtf8)));
        assert_eq!(ws.sender.ping(&[0; 126]).await, Err(Error::Send(SendError::ControlTooLong)));
        let reason = "x".repeat(124);
        assert_eq!(ws.sender.close(CloseCode::NORMAL, &reason).await, Err(Error::Send(SendError::ControlTooLong)));
        ws.sender.close(CloseCode::NORMAL, &reason[1..]).await.expect("123 bytes are sent");
    });
    let frames = raw::frames(&down.take_all());
    let parts: Vec<_> = frames.iter().map(raw::Frame::parts).take(4).collect();
    assert_eq!(parts, [(0x01, &b"a\xc3"[..]), (raw::PING, b"between"), (0x00, b"\xbc"), (0x80, b"")]);
    assert_eq!(frames.len(), 5);
}

/// At N-1, N and N+1 bytes, in one frame, in fragments, through read buffers of any size.
#[test]
fn a_message_fits_its_buffer_or_is_refused() {
    const N: usize = 700;
    fn check<const RX: usize>(len: usize, pieces: usize) {
        let bytes = payload(len, len);
        let (mut ws, up, down) = sized_server::<RX, 256>(patient());
        let mut sent = Vec::new();
        let frames: Vec<&[u8]> = bytes.chunks(len.div_ceil(pieces).max(1)).collect();
        for (at, piece) in frames.iter().enumerate() {
            let fin = if at + 1 == frames.len() { 0x80 } else { 0 };
            sent.extend(masked(fin | if at == 0 { 2 } else { 0 }, piece));
            sent.extend(masked(raw::PONG, b"between"));
        }
        run(async {
            let mut buffer = [0; N];
            for _ in 0..2 {
                up.put(&sent);
                let message = ws.receiver.message(&mut buffer).await;
                if len <= N {
                    let message = message.unwrap().expect("a message");
                    assert_eq!((message.kind, message.payload), (Kind::Binary, &bytes[..]));
                    assert_eq!(message.text(), None);
                } else {
                    assert_eq!(message, Err(Error::TooBig), "{len} bytes in {pieces} pieces");
                }
            }
        });
        if len > N {
            assert_eq!(raw::frames(&down.take_all())[0].close(), Some((1009, "")));
        }
    }
    for len in [N - 1, N, N + 1, 5 * N] {
        for pieces in [1, 2, 3, 100] {
            check::<200>(len, pieces);
            check::<{ N - 1 }>(len, pieces);
            check::<{ N + 8 }>(len, pieces);
            check::<4096>(len, pieces);
        }
    }
}

#[test]
fn an_empty_message_fits_no_buffer_at_all() {
    let (mut ws, up, down) = server(patient());
    up.put(&[masked(raw::TEXT, b""), masked(0x01, b""), masked(0x80, b""), masked(raw::TEXT, b"!")].concat());
    run(async {
        for _ in 0..2 {
            assert_eq!(ws.receiver.message(&mut []).await.unwrap().unwrap().text(), Some(""));
        }
        assert_eq!(ws.receiver.message(&mut []).await, Err(Error::TooBig));
        assert_eq!(ws.receiver.next().await.map(drop), Err(Error::TooBig), "for ever");
        assert_eq!(ws.receiver.drain().await, Err(Error::TooBig), "for ever");
    });
    assert_eq!(raw::frames(&down.take_all())[0].close(), Some((1009, "")));
}
