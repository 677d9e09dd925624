//! A client that has nothing to do with what goes on beside it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::host::Host;

/// An echo takes at most so long, however busy the machine is.
const LATENCY: Duration = Duration::from_secs(5);
/// From one echo to the next message.
const PACE: Duration = Duration::from_millis(20);

/// A client that is echoed all the while, and takes one of the places.
#[derive(Debug)]
pub(crate) struct Bystander {
    stop: Sender<()>,
    served: JoinHandle<()>,
}

impl Bystander {
    pub(crate) fn on(host: &Host) -> Self {
        let mut client = Client::open(host);
        client.stream.set_limit(LATENCY);
        client.echo(b"bystander");
        let (stop, stopped) = channel();
        let served = std::thread::spawn(move || {
            let mut count = 0_u64;
            loop {
                let stop = stopped.recv_timeout(PACE);
                count += 1;
                let begun = Instant::now();
                client.echo(format!("bystander {count}").as_bytes());
                assert!(begun.elapsed() < LATENCY, "the bystander's echo took {:?}", begun.elapsed());
                match stop {
                    Ok(()) => return client.close(),
                    Err(RecvTimeoutError::Timeout) => {}
                    // The test failed.
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Bystander { stop, served }
    }

    /// Asserts that it was served all the while and still is, and ends it.
    pub(crate) fn assert_undisturbed(self) {
        // If it is gone by now, it says why.
        let _ = self.stop.send(());
        self.served.join().expect("the bystander was disturbed");
    }
}
