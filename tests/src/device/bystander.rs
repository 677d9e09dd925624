//! Clients of a device that have nothing to do with what goes on beside them.

use std::net::SocketAddr;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Raw;
use crate::device::{close, message, open};
use crate::frame::{TEXT, masked};

/// An answer takes at most so long, whatever goes on beside it, and however busy the host is.
const LATENCY: Duration = Duration::from_secs(5);
/// From one echo to the next message.
const PACE: Duration = Duration::from_millis(10);

/// A client that is served all the while, on a thread of its own.
#[derive(Debug)]
pub struct Bystander {
    stop: Sender<()>,
    served: JoinHandle<u32>,
}

impl Bystander {
    /// Each of its messages is echoed.
    pub fn echoed(address: SocketAddr) -> Self {
        Self::served(open(address, "/echo"), PACE, |raw, count| {
            let text = format!("bystander {count}");
            raw.send(&masked(TEXT, text.as_bytes()));
            assert_eq!(text_of(raw), text, "the bystander's own echo");
        })
    }

    /// It gets each of a sensor's readings.
    pub fn reading(address: SocketAddr) -> Self {
        let mut last = 0;
        Self::served(open(address, "/ws"), Duration::ZERO, move |raw, _| {
            let text = text_of(raw);
            let reading: Value = serde_json::from_str(&text).expect("a reading is JSON");
            let uptime = reading["uptime_ms"].as_u64().expect("a number");
            assert!(uptime >= last, "time goes on from {last}: {text}");
            assert_eq!(reading["lost"].as_u64(), Some(0), "the bystander loses no reading: {text}");
            last = uptime;
        })
    }

    fn served(mut raw: Raw, pace: Duration, mut step: impl FnMut(&mut Raw, u32) + Send + 'static) -> Self {
        let mut step = move |raw: &mut Raw, count| {
            let begun = Instant::now();
            step(raw, count);
            assert!(begun.elapsed() < LATENCY, "the bystander's turn took {:?}", begun.elapsed());
        };
        step(&mut raw, 0);
        let (stop, stopped) = channel();
        let served = std::thread::spawn(move || {
            let mut count = 0;
            loop {
                match stopped.recv_timeout(pace) {
                    Ok(()) => break,
                    Err(RecvTimeoutError::Timeout) => {}
                    // The test failed.
                    Err(RecvTimeoutError::Disconnected) => return count,
                }
                count += 1;
                step(&mut raw, count);
            }
            close(raw);
            count
        });
        Bystander { stop, served }
    }

    /// Ends it, and asserts that it was served all the while.
    ///
    /// # Panics
    /// When it was not.
    pub fn assert_undisturbed(self) {
        // If it is gone by now, it says why.
        let _ = self.stop.send(());
        self.served.join().expect("the bystander was disturbed");
    }
}

/// The next message, which must be a text.
fn text_of(raw: &mut Raw) -> String {
    let (first, text) = message(raw);
    assert_eq!(first, TEXT, "{text:?}");
    String::from_utf8(text).expect("a text is UTF-8")
}
