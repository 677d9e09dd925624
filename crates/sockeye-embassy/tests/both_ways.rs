//! Both ends are ours and write at once, over a pipe of a few bytes, with pings among the data: it goes on, whole.

mod common;

use std::cell::Cell;

use common::exec::{Tasks, run};
use common::wire::{Reader, Wire, Writer, pipe};
use common::{each_seed, patient, payload};
use embassy_futures::join::join;
use embedded_io_async::ErrorKind;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::Masking;
use sockeye_embassy::{Config, Connection, Error, Receiver, Resources, Sender, Uri, accept, connect};

type Done = Result<(), Error<ErrorKind>>;

const LENS: [usize; 7] = [3000, 1, 700, 0, 5000, 120, 300];

async fn send_all<M: Masking>(sender: &mut Sender<'_, Writer, M>) -> Done {
    for (id, len) in LENS.iter().enumerate() {
        sender.ping(&[id as u8]).await?;
        sender.binary(&payload(id, *len)).await?;
    }
    sender.flush().await
}

/// Says when all has come, and reads on: the other side has pongs to send.
async fn receive_all<M: Masking>(
    receiver: &mut Receiver<'_, Reader, Writer, M>,
    whole: bool,
    all: &Cell<bool>,
) -> Done {
    let mut buffer = vec![0; 5000];
    for (id, len) in LENS.iter().enumerate() {
        let mut bytes = Vec::new();
        if whole {
            bytes.extend_from_slice(receiver.message(&mut buffer).await?.expect("a message").payload);
        } else {
            loop {
                let chunk = receiver.next().await?.expect("a chunk");
                bytes.extend_from_slice(chunk.payload);
                if chunk.last {
                    break;
                }
            }
        }
        assert!(bytes == payload(id, *len), "message {id} is as it was sent");
    }
    all.set(true);
    receiver.drain().await
}

/// Hands a connected pair to `talk`, over a pipe that holds `capacity` bytes.
fn pair(
    seed: u64,
    config: &Config<'_>,
    capacity: usize,
    rough: bool,
    talk: impl FnOnce(
        Connection<'_, Reader, Writer, sockeye_embassy::proto::Masked<StdRng>>,
        Connection<'_, Reader, Writer>,
    ),
) {
    let (client, server, up, down) = pipe(seed, 4096);
    let (mut ours, mut theirs) = (Resources::<_, 256, 131, _>::new(), Resources::<_, 256, 256>::new());
    let uri = Uri::parse("ws://localhost/").expect("a URI");
    let connecting = connect(client.reader, client.writer, &mut ours, config, uri, StdRng::seed_from_u64(seed));
    let accepting = accept(server.reader, server.writer, &mut theirs, config);
    let (client, server) = run(join(connecting, accepting));
    let narrow = |wire: &Wire| {
        wire.narrow(capacity);
        if rough {
            wire.rough();
        }
    };
    narrow(&up);
    narrow(&down);
    talk(client.expect("it connects"), server.expect("it accepts"));
}

/// Of a transport that is cancel-safe, and of one that is not: then no write is dropped for a read.
fn configs() -> [Config<'static>; 2] {
    [patient(), Config { cancel_safe: false, ..patient() }]
}

fn cases(mut check: impl FnMut(u64, &Config<'_>, usize, bool)) {
    for config in configs() {
        each_seed(4, |seed| {
            for capacity in [1, 16, 300] {
                check(seed, &config, capacity, seed % 2 == 0);
            }
        });
    }
}

#[test]
fn both_halves_in_one_task() {
    cases(|seed, config, capacity, rough| {
        pair(seed, config, capacity, rough, |mut client, mut server| {
            let (came_to_us, came_to_them, sent) = (Cell::new(false), Cell::new(false), Cell::new(0));
            let mut tasks = Tasks::new(seed);
            tasks.spawn(async {
                let send = async {
                    send_all(&mut client.sender).await.expect("it is sent");
                    sent.set(sent.get() + 1);
                };
                join(send, receive_all(&mut client.receiver, seed % 4 < 2, &came_to_us)).await.1
            });
            tasks.spawn(async {
                let send = async {
                    send_all(&mut server.sender).await.expect("it is sent");
                    sent.set(sent.get() + 1);
                };
                join(send, receive_all(&mut server.receiver, seed % 3 == 0, &came_to_them)).await.1
            });
            tasks.settle();
            let what = format!("capacity {capacity}, cancel_safe {}", config.cancel_safe);
            assert_eq!((came_to_us.get(), came_to_them.get(), sent.get()), (true, true, 2), "{what}");
        });
    });
}

#[test]
fn a_task_for_each_half() {
    cases(|seed, config, capacity, rough| {
        pair(seed, config, capacity, rough, |client, server| {
            let (mut to_server, mut from_server) = (client.sender, client.receiver);
            let (mut to_client, mut from_client) = (server.sender, server.receiver);
            let (came_to_us, came_to_them) = (Cell::new(false), Cell::new(false));
            let mut tasks = Tasks::new(seed);
            let sent = tasks.spawn(async { send_all(&mut to_server).await });
            let answered = tasks.spawn(async { send_all(&mut to_client).await });
            tasks.spawn(async { receive_all(&mut from_server, seed % 4 < 2, &came_to_us).await });
            tasks.spawn(async { receive_all(&mut from_client, seed % 3 == 0, &came_to_them).await });
            tasks.settle();
            let what = format!("capacity {capacity}, cancel_safe {}", config.cancel_safe);
            assert_eq!((sent.take(), answered.take()), (Some(Ok(())), Some(Ok(()))), "{what}");
            assert_eq!((came_to_us.get(), came_to_them.get()), (true, true), "{what}");
        });
    });
}

/// The plain echo of lib.rs against a client that sends and receives at once.
#[test]
fn an_echo_of_messages_larger_than_all_buffers_goes_on() {
    cases(|seed, config, capacity, rough| {
        pair(seed, config, capacity, rough, |mut client, mut server| {
            let (came, sent) = (Cell::new(false), Cell::new(false));
            let mut tasks = Tasks::new(seed);
            tasks.spawn(async {
                while let Some(chunk) = server.receiver.next().await? {
                    server.sender.chunk(chunk.kind, chunk.payload, chunk.last).await?;
                }
                Ok::<(), Error<ErrorKind>>(())
            });
            tasks.spawn(async {
                let send = async {
                    send_all(&mut client.sender).await.expect("it is sent");
                    sent.set(true);
                };
                join(send, receive_all(&mut client.receiver, false, &came)).await.1
            });
            tasks.settle();
            let what = format!("capacity {capacity}, cancel_safe {}", config.cancel_safe);
            assert!(came.get() && sent.get(), "{what}");
        });
    });
}
