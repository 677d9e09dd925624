//! What came of the load, for people to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::HumanCount;
use sockeye_tokio::Kind;

use super::Load;

/// What the connections of a thread measured, or all.
pub(super) struct Summary {
    connections: usize,
    took: Duration,
    /// Microseconds of each handshake.
    handshakes: Histogram<u64>,
    /// Microseconds of each message, there and back.
    round_trips: Histogram<u64>,
    /// How many connections failed, by the reason.
    failures: BTreeMap<String, usize>,
}

/// That of a thread, for each of its connections.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Summary>>);

impl Shared {
    pub(super) fn get(&self) -> MutexGuard<'_, Summary> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Summary {
    fn default() -> Self {
        // Any value, to three digits.
        let histogram = || Histogram::new(3).expect("three digits are possible");
        Summary {
            connections: 0,
            took: Duration::ZERO,
            handshakes: histogram(),
            round_trips: histogram(),
            failures: BTreeMap::new(),
        }
    }
}

impl Summary {
    pub(super) fn new(connections: usize, took: Duration) -> Self {
        Summary { connections, took, ..Self::default() }
    }

    pub(super) fn opened(&mut self, took: Duration) {
        self.handshakes.record(microseconds(took)).expect("it grows as it needs to");
    }

    pub(super) fn fail(&mut self, why: String) {
        *self.failures.entry(why).or_default() += 1;
    }

    pub(super) fn echoed(&mut self, took: Duration) {
        self.round_trips.record(microseconds(took)).expect("it grows as it needs to");
    }

    pub(super) fn add(&mut self, other: Summary) {
        // Both grow as they need to.
        let _ = self.handshakes.add(other.handshakes);
        let _ = self.round_trips.add(other.round_trips);
        for (why, count) in other.failures {
            *self.failures.entry(why).or_default() += count;
        }
    }

    /// Whether all went as it should.
    pub(super) fn is_good(&self) -> bool {
        self.failures.is_empty() && !self.round_trips.is_empty()
    }

    pub(super) fn to_text(&self, url: &str, load: &Load) -> String {
        let kind = if load.kind == Kind::Text { "texts" } else { "messages" };
        let seconds = self.took.as_secs_f64();
        let rate = self.round_trips.len() as f64 / seconds;
        let mut lines = vec![
            format!("{url}: {kind} of {} bytes, {} in flight a connection", load.bytes, load.in_flight),
            String::new(),
            line(
                "connections",
                format!("{} of {}", HumanCount(self.handshakes.len()), HumanCount(self.connections as u64)),
            ),
        ];
        if !self.round_trips.is_empty() {
            lines.extend([
                line("messages", format!("{} there and back in {seconds:.1} s", HumanCount(self.round_trips.len()))),
                line("", format!("{} a second", HumanCount(rate as u64))),
                line("", format!("{:.1} MB of payload a second each way", rate * load.bytes as f64 / 1e6)),
                line("round trip", quantiles(&self.round_trips)),
            ]);
        } else if !self.took.is_zero() {
            lines.push(line("messages", format!("none came back within {seconds:.1} s")));
        }
        if !self.handshakes.is_empty() {
            lines.push(line("handshake", quantiles(&self.handshakes)));
        }
        for (at, (why, count)) in self.failures.iter().enumerate() {
            lines.push(line(if at == 0 { "failures" } else { "" }, format!("{} x {why}", HumanCount(*count as u64))));
        }
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn line(what: &str, value: String) -> String {
    format!("  {what:<12} {value}")
}

fn quantiles(histogram: &Histogram<u64>) -> String {
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    let [half, most, rest] = [0.5, 0.99, 0.999].map(at);
    format!("p50 {half}, p99 {most}, p99.9 {rest}, longest {} ms", milliseconds(histogram.max()))
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.3}", microseconds as f64 / 1e3)
}
