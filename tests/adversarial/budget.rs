//! Many peers that each keep within their limit: what they hold together is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sockeye_tests::frame::{self, BINARY, MASK, TEXT, masked};
use sockeye_tests::{Bystander, Library, Raw, Upgrade, eventually};
use sockeye_tokio::proto::Limits;
use sockeye_tokio::{Budget, Config, Error, Sender};
use tokio::net::TcpStream;

const MESSAGE: usize = 64 * 1024;
const BUDGET: usize = 2 << 20;
const PEERS: usize = 100;

#[test]
fn many_peers_each_one_byte_short_of_the_message_limit() {
    let budget = Budget::new(BUDGET, BUDGET);
    let config = Config { limits: Limits::message(MESSAGE as u64), budget: budget.clone(), ..Config::default() };
    let library = Library::echo(config);
    let bystander = Bystander::on(library.address());
    let short_of_it = [frame::head(BINARY, MESSAGE as u64, Some(MASK)), vec![0; MESSAGE - 1]].concat();
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut raw = Raw::open(library.address(), "/");
        raw.try_send(&short_of_it);
        peers.push(raw);
        // One more may be counted before the one that has to go is gone.
        let held = budget.partial_bytes();
        assert!(held <= BUDGET + 4 * MESSAGE, "{held} bytes are held");
    }
    let mut ended = 0;
    for mut raw in peers {
        // The last byte: whose message was kept gets its echo.
        raw.try_send(&[0]);
        match raw.frame().expect("an echo or a close, not the end") {
            frame if frame.first == BINARY => assert_eq!(frame.payload.len(), MESSAGE),
            frame => {
                assert_eq!(frame.close_code(), Some(1013));
                ended += 1;
            }
        }
        raw.reset();
    }
    let fit = BUDGET / MESSAGE;
    assert!(ended >= PEERS - 2 * fit, "only {ended} of {PEERS} were ended, where {fit} have room");
    assert!(ended <= PEERS - fit / 4, "{ended} of {PEERS} were ended, though {fit} have room");
    bystander.assert_undisturbed();
    assert!(eventually(|| budget.partial_bytes() == 0), "{} bytes are held", budget.partial_bytes());
}

#[test]
fn many_peers_that_read_nothing() {
    let budget = Budget::new(BUDGET, BUDGET);
    let config = Config { budget: budget.clone(), ..Config::default() };
    let gone = Arc::<AtomicUsize>::default();
    let count = gone.clone();
    let library = Library::serve(config, move |mut ws| {
        let gone = count.clone();
        async move {
            while let Some(message) = ws.receiver.message().await? {
                if message.payload == b"write" {
                    let error = write(&mut ws.sender).await;
                    gone.fetch_add(1, Ordering::Relaxed);
                    return Err(error);
                }
                ws.sender.send(message.kind, message.payload).await?;
            }
            Ok(())
        }
    });
    let bystander = Bystander::on(library.address());
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut raw = Raw::dial_narrow(library.address()).opened(&Upgrade::to("/"));
        raw.send(&masked(TEXT, b"write"));
        peers.push(raw);
    }
    let fit = BUDGET / MESSAGE;
    let most_are_gone = eventually(|| {
        let held = budget.outbox_bytes();
        assert!(held <= BUDGET + 8 * MESSAGE, "{held} bytes are held");
        gone.load(Ordering::Relaxed) >= PEERS - 2 * fit
    });
    assert!(most_are_gone, "only {} of {PEERS} were ended, where {fit} have room", gone.load(Ordering::Relaxed));
    bystander.assert_undisturbed();
    peers.into_iter().for_each(Raw::reset);
    assert!(eventually(|| budget.outbox_bytes() == 0), "{} bytes are held", budget.outbox_bytes());
}

async fn write(sender: &mut Sender<TcpStream>) -> Error {
    loop {
        if let Err(error) = sender.binary(&[0; MESSAGE]).await {
            return error;
        }
    }
}
