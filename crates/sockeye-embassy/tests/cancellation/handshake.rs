//! Drops inside the handshake: nothing is written ahead of its time, and never more than belongs there.

use std::cell::Cell;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sockeye_embassy::proto::{Reject, Response};
use sockeye_embassy::{Accept, Incoming, Resources, Uri, connect};

use crate::common::exec::Tasks;
use crate::common::raw::REQUEST;
use crate::common::setup::answer_to;
use crate::common::wire::{Wire, pipe};
use crate::common::{Rng, each_seed, patient};
use crate::harness::Drops;

/// Runs `task` while `sent` comes byte by byte, and what `got` brings is taken.
fn feed(tasks: &mut Tasks<'_>, rng: &mut Rng, to: &Wire, mut sent: &[u8], from: &Wire) -> Vec<u8> {
    let mut got = Vec::new();
    for _ in 0..2000 {
        tasks.settle_within(1 + rng.below(8));
        let (now, later) = sent.split_at(sent.len().min(rng.below(20) as usize));
        to.put(now);
        sent = later;
        got.extend(from.take(rng.below(20) as usize));
        if tasks.are_done() {
            break;
        }
    }
    got.extend(from.take_all());
    got
}

#[test]
fn any_drop_of_a_servers_handshake() {
    let config = patient();
    let drops = Drops::default();
    static PAGE: [u8; 300] = [b'p'; 300];
    each_seed(6600, |seed| {
        let (_, end, up, down) = pipe(seed, 4096);
        for wire in [&up, &down] {
            wire.rough();
            wire.narrow(4096);
        }
        down.narrow(16);
        let mut rng = Rng::new(seed);
        let mut cuts = Rng::new(!seed);
        let whole = Cell::new(false);
        let mut resources: Resources<'_, _, 256, 131> = Resources::new();
        let mut tasks = Tasks::new(seed);
        let dropped = tasks.spawn(async {
            let (drops, cuts) = (&drops, &mut cuts);
            let incoming = Incoming::read(end.reader, end.writer, &mut resources, &config);
            let incoming = match seed % 5 {
                0 => {
                    let accepting = async { incoming.await?.accept(Accept::default()).await };
                    return cut_late(drops, cuts, "accept", 130, accepting).await.is_none();
                }
                1 => match cut_late(drops, cuts, "read", 60, incoming).await {
                    None => return true,
                    Some(incoming) => incoming,
                },
                _ => incoming.await,
            };
            let incoming = incoming.expect("a request");
            whole.set(true);
            match seed % 5 {
                2 => {
                    let page = incoming.respond(Response::new(200), &PAGE);
                    cut_late(drops, cuts, "respond", 50, page).await.is_none()
                }
                3 => {
                    let rejecting = incoming.reject::<()>(Reject::Unavailable { retry_after: 1 });
                    cut_late(drops, cuts, "reject", 30, rejecting).await.is_none()
                }
                _ => {
                    let accepting = incoming.accept(Accept::default());
                    cut_late(drops, cuts, "Incoming::accept", 30, accepting).await.is_none()
                }
            }
        });
        let got = feed(&mut tasks, &mut rng, &up, REQUEST.as_bytes(), &down);
        let dropped = dropped.take().expect("it ends");
        let expected = match seed % 5 {
            0 | 1 | 4 => answer_to(REQUEST.as_bytes()),
            2 => written(&Response::new(200).body(&PAGE)),
            _ => written(&Response::reject(Reject::Unavailable { retry_after: 1 })),
        };
        assert!(expected.starts_with(&got), "{}", String::from_utf8_lossy(&got));
        assert!(dropped || got == expected);
        assert!(whole.get() || seed % 5 == 0 || got.is_empty(), "an answer before the request was whole");
    });
    drops.check(&["accept", "read", "Incoming::accept", "respond", "reject"]);
}

#[test]
fn any_drop_of_a_clients_handshake() {
    let config = patient();
    let drops = Drops::default();
    each_seed(1800, |seed| {
        let (end, _, up, down) = pipe(seed, 4096);
        up.rough();
        down.rough();
        up.narrow(16);
        let mut cuts = Rng::new(!seed);
        let mut resources: Resources<'_, _, 256, 131, _> = Resources::new();
        let mut tasks = Tasks::new(seed);
        let dropped = tasks.spawn(async {
            let (uri, rng) = (Uri::parse("ws://localhost/").expect("a URI"), StdRng::seed_from_u64(seed));
            let connecting = connect(end.reader, end.writer, &mut resources, &config, uri, rng);
            cut_late(&drops, &mut cuts, "connect", 100, connecting).await.is_none()
        });
        let mut request = Vec::new();
        while !tasks.are_done() && !request.ends_with(b"\r\n\r\n") {
            tasks.settle_within(8);
            request.extend(up.take_all());
        }
        if !tasks.are_done() {
            let rest = feed(&mut tasks, &mut Rng::new(seed), &down, &answer_to(&request), &up);
            assert_eq!(rest, b"", "a frame before the handshake was over");
        }
        assert!(dropped.is_there());
        assert!(request.starts_with(b"GET / HTTP/1.1\r\n") || b"GET / HTTP/1.1\r\n".starts_with(&request));
    });
    drops.check(&["connect"]);
}

/// Drops at any of the first polls, or never.
async fn cut_late<F: Future>(
    drops: &Drops,
    rng: &mut Rng,
    kind: &'static str,
    polls: u64,
    future: F,
) -> Option<F::Output> {
    let polls = 1 + rng.below(polls);
    drops.cut_after(polls, kind, future).await
}

fn written(response: &Response<'_>) -> Vec<u8> {
    let mut out = vec![0; 1024];
    let len = response.write(&mut out).expect("there is room");
    out.truncate(len);
    out
}
