//! Messages larger than all buffers.

mod common;

use common::exec::{Tasks, run};
use common::patient;
use common::raw::{self, header};
use common::setup::sized_server;
use sockeye_embassy::{Error, Kind};

/// 16 MiB in one frame, or in frames of 1 MiB, through a read buffer of 1 KiB and a write buffer of 256 bytes, and a
/// transport that holds 4 KiB: the echo of lib.rs.
#[test]
fn sixteen_mebibytes_pass_through_a_kibibyte() {
    const LEN: usize = 16 << 20;
    const KEY: [u8; 4] = [1, 2, 4, 8];
    for frame_len in [LEN, 1 << 20] {
        let (mut ws, up, down) = sized_server::<1024, 256>(patient());
        up.narrow(4096);
        down.narrow(4096);
        let mut tasks = Tasks::new(0);
        let echoed = tasks.spawn(async {
            while let Some(chunk) = ws.receiver.next().await? {
                assert!(chunk.payload.len() <= 1024);
                ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
            }
            Ok::<_, Error<_>>(())
        });
        // Of zeros, the masked bytes are the key.
        let zeros: Vec<u8> = KEY.iter().copied().cycle().take(4096).collect();
        let mut sent = 0;
        let (mut bytes, mut payload, mut ended) = (Vec::new(), 0, false);
        for _ in 0..10 * LEN / 4096 {
            if sent < LEN && up.len() == 0 {
                if sent % frame_len == 0 {
                    let fin = if sent + frame_len == LEN { 0x80 } else { 0 };
                    up.put(&header(fin | if sent == 0 { 2 } else { 0 }, frame_len as u64, 0x80));
                    up.put(&KEY);
                }
                up.put(&zeros);
                sent += zeros.len();
            }
            tasks.settle();
            bytes.extend(down.take_all());
            let mut start = 0;
            while let Some((frame, len)) = raw::first_frame(&bytes[start..]) {
                assert!(!ended && frame.first & 0x0f == if payload == 0 { 2 } else { 0 });
                assert!(frame.payload.iter().all(|byte| *byte == 0));
                (payload, ended, start) = (payload + frame.payload.len(), frame.first & 0x80 != 0, start + len);
            }
            bytes.drain(..start);
            if ended {
                break;
            }
        }
        assert!(ended && payload == LEN && bytes.is_empty());
        up.put(&raw::masked(raw::CLOSE, b""));
        tasks.settle();
        assert_eq!(echoed.take(), Some(Ok(())));
    }
}

/// Longer than a u32 can say, on the way in and on the way out.
#[test]
fn a_frame_may_be_announced_longer_than_an_address_space() {
    let (mut ws, up, _down) = sized_server::<256, 131>(patient());
    up.put(&[&header(raw::BINARY, (1 << 63) - 1, 0x80)[..], &[0; 4], &[7; 1000]].concat());
    run(async {
        let mut came = 0;
        while came < 1000 {
            let chunk = ws.receiver.next().await.expect("it goes on").expect("no close");
            assert!(!chunk.last && chunk.kind == Kind::Binary && chunk.payload.iter().all(|byte| *byte == 7));
            came += chunk.payload.len();
        }
    });
}
