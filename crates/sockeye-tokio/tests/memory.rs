//! What connections cost, by a counting allocator: in a program of its own, one test at a time.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::raw::{self, Raw, header, masked};
use common::wire::{End, pipe};
use common::{connected, patient, run, settle};
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{Budget, CloseCode, Config, Connection, Error, Kind, accept};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Counts what the thread at hand holds: each test has its own.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn held() -> isize {
    HELD.get()
}

/// How much more is held at the most while `future` runs than before.
async fn growth<T>(future: impl Future<Output = T>) -> (T, isize) {
    let before = held();
    PEAK.set(before);
    let output = future.await;
    (output, PEAK.get() - before)
}

#[test]
fn a_connection_is_small() {
    let size = size_of::<Connection<TcpStream>>();
    println!("Connection<TcpStream>: {size} bytes");
    assert!(size <= 384, "{size} bytes");
}

/// The heap of a connection that had a message and waits for the next one: what is freed when it goes.
#[test]
fn an_idle_connection_costs_little() {
    for (name, ping_interval) in [("off", None), ("on", Config::default().ping_interval)] {
        run(async {
            let config = std::sync::Arc::new(Config { ping_interval, ..patient() });
            let (client, server, ..) = pipe(0, 4096);
            let (mut raw, server) = tokio::join!(Raw::client(client), accept(server, config.clone()));
            let mut ws = server.unwrap();
            raw.send(&masked(raw::BINARY, &[7; 1024])).await;
            assert_eq!(ws.receiver.message().await.unwrap().unwrap().payload.len(), 1024);
            ws.sender.binary(&[7; 1024]).await.unwrap();
            assert_eq!(raw.frame().await.unwrap().payload.len(), 1024);
            tokio::select! {
                biased;
                _ = ws.receiver.message() => panic!("nothing was sent"),
                () = settle() => {}
            }
            let size = size_of_val(&ws);
            let before = held();
            drop(ws);
            let heap = usize::try_from(before - held()).unwrap();
            println!("keepalive {name}: {size} bytes and {heap} of heap, {} in all", size + heap);
            assert!(heap > 0 && size + heap <= 768, "{} bytes", size + heap);
            drop((raw, config));
        });
    }
}

/// 16 MiB through `next` and `chunk`, to a peer that holds nothing of it either. The first message of 1 MiB brings the
/// buffers to their size; they are the thread's, not the connection's.
#[test]
fn a_large_message_passes_with_memory_flat() {
    run(async {
        let (client, server, ..) = pipe(0, 64 * 1024);
        let config = Config { limits: Limits::NONE, ..patient() };
        let (raw, server) = tokio::join!(Raw::client(client), accept(server, config));
        let mut ws = server.unwrap();
        let (mut read, mut write) = tokio::io::split(raw.io);
        for (len, at_most) in [(1 << 20, 1 << 20), (16 << 20, 256 << 10)] {
            let ((), grown) = growth(async {
                let send = async {
                    let mut head = header(raw::BINARY, len, 0x80);
                    head.extend([0; 4]);
                    write.write_all(&head).await.unwrap();
                    let piece = [7; 16 * 1024];
                    for _ in 0..len / piece.len() as u64 {
                        write.write_all(&piece).await.unwrap();
                    }
                };
                let echo = async {
                    let mut passed = 0;
                    loop {
                        let chunk = ws.receiver.next().await.unwrap().unwrap();
                        assert!(chunk.payload.iter().all(|byte| *byte == 7));
                        passed += chunk.payload.len() as u64;
                        ws.sender.chunk(chunk.kind, chunk.payload, chunk.last).await.unwrap();
                        if chunk.last {
                            return passed;
                        }
                    }
                };
                let take = async {
                    let mut buffer = [0; 16 * 1024];
                    let mut taken = 0;
                    while taken < len {
                        taken += read.read(&mut buffer).await.unwrap() as u64;
                    }
                };
                assert_eq!(tokio::join!(send, echo, take).1, len);
            })
            .await;
            println!("{len} bytes passed with {grown} bytes more at the most");
            assert!(grown <= at_most, "{grown} bytes");
        }
    });
}

#[test]
fn a_length_that_is_claimed_allocates_nothing_noteworthy() {
    for whole in [false, true] {
        run(async {
            let (client, server, ..) = pipe(0, 4096);
            let config = Config { limits: Limits::NONE, ..patient() };
            let (mut raw, server) = tokio::join!(Raw::client(client), accept(server, config));
            let mut ws = server.unwrap();
            let mut claim = header(raw::BINARY, (1 << 63) - 1, 0x80);
            claim.extend([0, 0, 0, 0, 7]);
            let (result, grown) = growth(async {
                raw.send(&claim).await;
                let end = async {
                    settle().await;
                    drop(raw);
                };
                let receive =
                    async { if whole { ws.receiver.message().await.map(drop) } else { ws.receiver.drain().await } };
                tokio::join!(receive, end).0
            })
            .await;
            assert_eq!(result, Err(Error::Lost));
            assert!(grown < 128 * 1024, "{grown} bytes");
        });
    }
}

/// In the middle of a message a connection holds what it has of it, and no read buffer.
#[test]
fn a_connection_that_waits_for_the_rest_of_a_message_holds_no_read_buffer() {
    run(async {
        const PEERS: usize = 32;
        let budget = Budget::new(64 << 20, 1 << 20);
        let config = std::sync::Arc::new(Config { budget: budget.clone(), ..patient() });
        let mut peers = Vec::new();
        let start = [header(raw::BINARY, 100_000, 0x80), vec![0; 20_004]].concat();
        let before = held();
        for _ in 0..PEERS {
            let (client, server, ..) = pipe(0, 1024);
            let (mut raw, server) = tokio::join!(Raw::client(client), accept(server, config.clone()));
            let mut ws = server.unwrap();
            tokio::spawn(async move { ws.receiver.message().await.map(drop) });
            raw.send(&start).await;
            settle().await;
            peers.push(raw);
        }
        let partial = budget.partial_bytes();
        let other = (held() - before) as usize - partial;
        println!("{} bytes of a message and {} others each", partial / PEERS, other / PEERS);
        assert!((20_000 * PEERS..=100_000 * PEERS).contains(&partial), "{partial} bytes of messages");
        assert!(other < PEERS * 6 * 1024, "{other} bytes besides");
    });
}

/// A client and a server that echoes in a task: others must not disturb them.
struct Bystander(Connection<End>);

impl Bystander {
    async fn new() -> Self {
        let (client, server, ..) = pipe(0, 4096);
        let (client, mut server) = connected(client, server, patient(), patient()).await;
        tokio::spawn(async move {
            while let Some(message) = server.receiver.message().await.expect("it goes on") {
                server.sender.send(message.kind, message.payload).await.expect("it goes on");
            }
        });
        Bystander(client)
    }

    async fn echoes(&mut self) {
        self.0.sender.text("undisturbed").await.expect("it goes on");
        let answer = self.0.receiver.message().await.expect("it goes on").expect("no close");
        assert_eq!(answer.text(), Some("undisturbed"));
    }
}

/// 64 peers, each a byte short of the longest message: what they hold together keeps within the budget.
#[test]
fn partial_messages_keep_within_the_budget() {
    const BUDGET: usize = 4 << 20;
    const LIMIT: usize = 128 * 1024;
    run(async {
        let budget = Budget::new(BUDGET, 1 << 20);
        let config = Config { budget: budget.clone(), limits: Limits::message(LIMIT as u64), ..patient() };
        let config = std::sync::Arc::new(config);
        let mut bystander = Bystander::new().await;
        let (mut peers, mut receivers) = (Vec::new(), Vec::new());
        let message = masked(raw::BINARY, &[7; LIMIT]);
        let mut most = 0;
        let before = held();
        for _ in 0..64 {
            let (client, server, ..) = pipe(0, 4096);
            let (mut raw, server) = tokio::join!(Raw::client(client), accept(server, config.clone()));
            let mut ws = server.unwrap();
            receivers.push(tokio::spawn(async move {
                let len = ws.receiver.message().await.map(|message| message.unwrap().payload.len());
                drop(ws);
                len
            }));
            for piece in message[..message.len() - 1].chunks(16 * 1024) {
                // Who was closed takes no more.
                let _ = raw.io.write_all(piece).await;
                settle().await;
                most = most.max(budget.partial_bytes());
            }
            peers.push(raw);
            bystander.echoes().await;
        }
        let heap = held() - before;
        println!("{} bytes of partial messages, {most} at the most; {heap} bytes of heap", budget.partial_bytes());
        assert!(most <= BUDGET, "{most} bytes");
        assert!(budget.partial_bytes() > BUDGET / 2, "no more are closed than have to be");
        assert!(heap < (BUDGET + 64 * 16 * 1024) as isize, "{heap} bytes of heap");

        let (mut whole, mut evicted) = (0, 0);
        for (mut raw, receiver) in peers.into_iter().zip(receivers) {
            let end = async {
                let _ = raw.io.write_all(&message[message.len() - 1..]).await;
                let told = raw.frame().await.and_then(|frame| frame.close().map(|(code, _)| code));
                drop(raw);
                told
            };
            match tokio::join!(receiver, end) {
                (Ok(Ok(LIMIT)), None) => whole += 1,
                (Ok(Err(Error::OverBudget)), Some(1013)) => evicted += 1,
                other => panic!("{other:?}"),
            }
        }
        println!("{whole} whole, {evicted} closed");
        assert_eq!((whole + evicted, whole >= 16), (64, true), "{whole} whole");
        assert_eq!(budget.partial_bytes(), 0);
        bystander.echoes().await;
    });
}

/// 16 peers that take nothing: what is queued for them together keeps within the budget.
#[test]
fn outboxes_keep_within_the_budget() {
    run(async {
        let budget = Budget::new(1 << 20, 1 << 20);
        let config = std::sync::Arc::new(Config { budget: budget.clone(), high_water: 1 << 20, ..patient() });
        let mut bystander = Bystander::new().await;
        let mut connections = Vec::new();
        for turn in 0..16 {
            let (client, server, _up, down) = pipe(0, 4096);
            let (raw, server) = tokio::join!(Raw::client(client), accept(server, config.clone()));
            let mut ws = server.unwrap();
            down.stall();
            for _ in 0..10 {
                if ws.sender.send(Kind::Binary, &[7; 10_000]).await.is_err() {
                    break;
                }
                settle().await;
                assert!(budget.outbox_bytes() <= 1 << 20, "{} bytes at peer {turn}", budget.outbox_bytes());
            }
            connections.push((ws, raw));
            bystander.echoes().await;
        }
        let mut over = 0;
        for (ws, raw) in &mut connections {
            match ws.sender.ping(b"").await {
                Ok(()) => {}
                Err(Error::OverBudget) => {
                    over += 1;
                    assert_eq!(ws.receiver.drain().await, Err(Error::OverBudget));
                }
                Err(error) => panic!("{error}"),
            }
            let _ = raw;
        }
        println!("{over} of 16 were closed, {} bytes are held", budget.outbox_bytes());
        assert!((4..=12).contains(&over), "{over} of 16");
        drop(connections);
        bystander.echoes().await;
        bystander.0.close(CloseCode::NORMAL, "").await.unwrap();
    });
}
