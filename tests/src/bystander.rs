//! Connections that have nothing to do with the attack beside them.

use std::net::SocketAddr;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sockeye_tokio::{Config, Connection, Stream};
use tokio::time::timeout;

use crate::library::Library;
use crate::{PATIENCE, Raw, frame};

/// An echo takes at most so long, whatever goes on beside it, and however busy the machine is.
const LATENCY: Duration = Duration::from_secs(10);
/// From one echo to the next message.
const PACE: Duration = Duration::from_millis(10);

/// A connection whose messages are echoed all the while.
#[derive(Debug)]
pub struct Bystander {
    stop: Sender<()>,
    echoing: JoinHandle<u32>,
}

impl Bystander {
    /// On /echo of this server.
    pub fn on(address: SocketAddr) -> Self {
        let mut raw = Raw::open(address, "/echo");
        echo(&mut raw, 0);
        let (stop, stopped) = channel();
        let echoing = std::thread::spawn(move || {
            let mut count = 0;
            loop {
                match stopped.recv_timeout(PACE) {
                    Ok(()) => break,
                    Err(RecvTimeoutError::Timeout) => {}
                    // The test failed.
                    Err(RecvTimeoutError::Disconnected) => return count,
                }
                count += 1;
                echo(&mut raw, count);
            }
            raw.send(&frame::masked(frame::CLOSE, &frame::closing(1000, b"")));
            assert_eq!(raw.close_code(), Some(1000), "the bystander leaves as it should");
            count
        });
        Bystander { stop, echoing }
    }

    /// Ends it, and asserts that each message was echoed in time.
    pub fn assert_undisturbed(self) {
        // If it is gone by now, it says why.
        let _ = self.stop.send(());
        self.echoing.join().expect("the bystander was disturbed");
    }
}

fn echo(raw: &mut Raw, count: u32) {
    let text = format!("bystander {count}");
    let begun = Instant::now();
    raw.send(&frame::masked(frame::TEXT, text.as_bytes()));
    assert_eq!(raw.text(), text, "the bystander's own echo");
    assert!(begun.elapsed() < LATENCY, "the bystander's echo took {:?}", begun.elapsed());
}

/// Runs a test of the client on one thread with another client, whose server is honest and whose messages are echoed
/// all the while.
pub fn beside_a_bystander<T>(test: impl Future<Output = T>) -> T {
    let honest = Library::echo(Config::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let config = Config::default();
        let mut bystander = sockeye_tokio::connect(&honest.url("/"), config).await.expect("the honest server accepts");
        echo_once(&mut bystander, 0).await;
        let mut count = 0;
        let output = {
            let echoing = async {
                loop {
                    count += 1;
                    echo_once(&mut bystander, count).await;
                    tokio::time::sleep(PACE).await;
                }
            };
            tokio::select! {
                output = timeout(3 * PATIENCE, test) => output.expect("the test ends"),
                () = echoing => unreachable!("it goes on for ever"),
            }
        };
        // The last echo may have been cut: what comes first is then its answer.
        bystander.sender.text("last").await.expect("the bystander can send");
        while next_text(&mut bystander).await != "last" {}
        output
    })
}

async fn echo_once(ws: &mut Connection<Stream>, count: u32) {
    let text = format!("bystander {count}");
    ws.sender.text(&text).await.expect("the bystander can send");
    assert_eq!(next_text(ws).await, text, "the bystander's own echo");
}

async fn next_text(ws: &mut Connection<Stream>) -> String {
    let message = timeout(LATENCY, ws.receiver.message()).await.expect("the bystander's echo comes in time");
    let message = message.expect("the bystander's connection holds").expect("it is not closed");
    message.text().expect("a text").to_owned()
}
