//! One connection of the load.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sockeye_tokio::{CloseCode, Connection, Error, Receiver, Sender, Stream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::summary::Shared;
use super::{Load, Phase};
use crate::show::Escaped;

/// So long after the end the last messages may still come back.
const GRACE: Duration = Duration::from_secs(5);

/// What is on its way.
struct Window {
    /// The number of the first message, which is no other connection's.
    first: u32,
    /// When each message was sent whose echo is still to come.
    sent: Mutex<VecDeque<Instant>>,
    /// How many more may be sent.
    room: Semaphore,
}

/// Why it failed is an error.
pub(super) async fn run(load: Arc<Load>, summary: Shared) -> Result<(), String> {
    let turn = load.turn.lock().await;
    let begun = Instant::now();
    let connected = sockeye_tokio::connect(&load.url, load.config.clone()).await;
    let took = begun.elapsed();
    drop(turn);
    load.open.fetch_add(connected.is_ok().into(), Ordering::Relaxed);
    // Seen by those who see the other as well.
    load.settled.fetch_add(1, Ordering::Release);
    let mut ws = connected.map_err(|error| Escaped(&error.to_string()).to_string())?;
    summary.get().opened(took);
    let done = take_part(&mut ws, &load, &summary).await;
    load.open.fetch_sub(1, Ordering::Relaxed);
    done?;
    // It has done its part: how the server closes does not count.
    let _ = ws.close(CloseCode::NORMAL, "").await;
    Ok(())
}

async fn take_part(ws: &mut Connection<Stream>, load: &Load, summary: &Shared) -> Result<(), String> {
    let mut phase = load.phase.subscribe();
    // Who waits for the others answers pings.
    let over = tokio::select! {
        begun = phase.wait_for(|phase| *phase != Phase::Connecting) => begun.map_or(true, |now| *now == Phase::Over),
        drained = ws.receiver.drain() => {
            drained.map_err(|error| error.to_string())?;
            return Err(closed(&ws.receiver));
        }
    };
    if over {
        return Ok(());
    }
    let mut end = phase.clone();
    let late = async {
        let _ = end.changed().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        exchanged = exchange(ws, load, &phase, summary) => exchanged,
        () = late => Err(format!("a message did not come back within {} s: is this an echo?", GRACE.as_secs())),
    }
}

/// Sends until the end, and hears the last echo.
async fn exchange(
    ws: &mut Connection<Stream>,
    load: &Load,
    phase: &watch::Receiver<Phase>,
    summary: &Shared,
) -> Result<(), String> {
    let window = Window { first: rand::random(), sent: Mutex::default(), room: Semaphore::new(load.in_flight) };
    let Connection { receiver, sender, .. } = ws;
    let send = async {
        match send(sender, load, phase, &window).await {
            Ok(()) if window.sent().is_empty() => Ok(()),
            // What is still on its way is waited for; and if the server closed, the receiver knows how.
            Ok(()) | Err(Error::Send(_)) => std::future::pending().await,
            Err(error) => Err(error.to_string()),
        }
    };
    tokio::select! {
        received = receive(receiver, load, phase, &window, summary) => received,
        sent = send => sent,
    }
}

async fn send(
    sender: &mut Sender<Stream>,
    load: &Load,
    phase: &watch::Receiver<Phase>,
    window: &Window,
) -> Result<(), Error> {
    let mut message = Numbered::new(load.bytes, window.first);
    while let Ok(room) = window.room.acquire().await {
        let mut more = Some(room);
        // All that there is room for goes out by one write.
        while let Some(room) = more {
            room.forget();
            if is_over(phase) {
                return sender.flush().await;
            }
            window.sent().push_back(Instant::now());
            sender.feed(load.kind, message.next()).await?;
            more = window.room.try_acquire().ok();
        }
        sender.flush().await?;
    }
    Ok(())
}

async fn receive(
    receiver: &mut Receiver<Stream>,
    load: &Load,
    phase: &watch::Receiver<Phase>,
    window: &Window,
    summary: &Shared,
) -> Result<(), String> {
    let mut expected = Numbered::new(load.bytes, window.first);
    while let Some(message) = receiver.message().await.map_err(|error| error.to_string())? {
        let sent = window.sent().pop_front().ok_or("a message came that nobody sent: is this an echo?")?;
        if message.kind != load.kind || message.payload != expected.next() {
            return Err("something else came back than was sent: is this an echo?".into());
        }
        if !is_over(phase) {
            summary.get().echoed(sent.elapsed());
            load.echoed.fetch_add(1, Ordering::Relaxed);
        } else if window.sent().is_empty() {
            return Ok(());
        }
        window.room.add_permits(1);
    }
    Err(closed(receiver))
}

/// Whoever saw that it began sees by this that it is over.
fn is_over(phase: &watch::Receiver<Phase>) -> bool {
    phase.has_changed().unwrap_or(true)
}

fn closed(receiver: &Receiver<Stream>) -> String {
    let code = receiver.close().and_then(|close| close.code());
    let reason = receiver.close().map(|close| Escaped(close.reason()).to_string()).unwrap_or_default();
    format!("the server closed with {} {reason}", code.map_or("no code".into(), |code| code.to_string()))
}

impl Window {
    fn sent(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message that is another one each time, if it has room for that: text and binary at once.
struct Numbered {
    bytes: Vec<u8>,
    number: u32,
}

impl Numbered {
    fn new(len: usize, first: u32) -> Self {
        Numbered { bytes: b"sockeye ".iter().copied().cycle().take(len).collect(), number: first }
    }

    fn next(&mut self) -> &[u8] {
        let digits = (0..8).rev().map(|place| b"0123456789abcdef"[(self.number >> (4 * place)) as usize & 15]);
        self.bytes.iter_mut().zip(digits).for_each(|(byte, digit)| *byte = digit);
        self.number = self.number.wrapping_add(1);
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_differ_and_are_as_long_as_asked() {
        let mut message = Numbered::new(12, u32::MAX);
        assert_eq!([message.next().to_vec(), message.next().to_vec()], [b"ffffffffsock", b"00000000sock"]);
        assert_eq!(Numbered::new(0, 1).next(), b"");
        assert_eq!(Numbered::new(3, 0x1230_0000).next(), b"123");
    }
}
