//! What is counted, for Prometheus.

use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// How a label says which of a kind it is.
type Label = [(&'static str, &'static str); 1];

/// Those of the process.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) connections: Gauge,
    pub(crate) rooms: Gauge,
    messages: [Counter; 2],
    bytes: [Counter; 2],
    refusals: Family<Label, Counter>,
    closes: Family<Label, Counter>,
    slow: Family<Label, Counter>,
    /// From accept to the end of the handshake.
    pub(crate) handshakes: Histogram,
    pings: Histogram,
}

const IN: usize = 0;
const OUT: usize = 1;

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("sockeye");
        let [connections, rooms] = [Gauge::default(), Gauge::default()];
        registry.register("connections", "Connections that are open, handshakes among them", connections.clone());
        registry.register("rooms", "Rooms that are there", rooms.clone());
        let mut directions = |name: &str, help: &str| {
            let family = Family::<Label, Counter>::default();
            registry.register(name, help, family.clone());
            ["in", "out"].map(|direction| family.get_or_create_owned(&[("direction", direction)]))
        };
        let messages = directions("messages", "Messages, from clients and to them");
        let bytes = directions("payload_bytes", "Bytes of their payload");
        let mut reasons = |name: &str, help: &str| {
            let family = Family::<Label, Counter>::default();
            registry.register(name, help, family.clone());
            family
        };
        let refusals = reasons("refusals", "Requests and connections that were refused, by reason");
        let closes = reasons("closes", "Connections that this server ended, by reason");
        let slow = reasons("slow_consumers", "What slow members of rooms came to: closed, or messages dropped");
        let handshakes = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]);
        registry.register("handshake_seconds", "From a connection to the end of its handshake", handshakes.clone());
        let pings = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        registry.register("ping_seconds", "From a keepalive's ping to its pong", pings.clone());
        Metrics { registry, connections, rooms, messages, bytes, refusals, closes, slow, handshakes, pings }
    }

    /// In the text format of OpenMetrics.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&[("reason", reason)]).inc();
    }

    pub(crate) fn closed(&self, reason: &'static str) {
        self.closes.get_or_create(&[("reason", reason)]).inc();
    }

    /// Members that were let go since they were slow.
    pub(crate) fn slow_closed(&self) {
        self.slow.get_or_create(&[("outcome", "closed")]).inc();
    }

    /// Messages that slow members do not get.
    pub(crate) fn slow_dropped(&self, count: u64) {
        self.slow.get_or_create(&[("outcome", "dropped")]).inc_by(count);
    }

    /// One message that came otherwise than by a connection.
    pub(crate) fn received(&self, bytes: usize) {
        self.messages[IN].inc();
        self.bytes[IN].inc_by(bytes as u64);
    }

    /// One message to so many.
    pub(crate) fn sent_to(&self, count: usize, bytes: usize) {
        self.messages[OUT].inc_by(count as u64);
        self.bytes[OUT].inc_by((count * bytes) as u64);
    }
}

/// A ping was answered: for `Config::on_round_trip`.
pub(crate) fn observe_ping(took: Duration) {
    METRICS.pings.observe(took.as_secs_f64());
}

/// What one connection counted since it last said so. One task at a time counts, so a sum needs no lock.
#[derive(Default)]
pub(crate) struct Tally {
    messages: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
}

impl Tally {
    pub(crate) fn received(&self, bytes: usize, last: bool) {
        self.count(IN, bytes, last);
    }

    pub(crate) fn sent(&self, bytes: usize, last: bool) {
        self.count(OUT, bytes, last);
    }

    fn count(&self, direction: usize, bytes: usize, last: bool) {
        add(&self.messages[direction], last.into());
        add(&self.bytes[direction], bytes as u64);
    }

    fn publish(&self) {
        for direction in [IN, OUT] {
            publish(&self.messages[direction], &METRICS.messages[direction]);
            publish(&self.bytes[direction], &METRICS.bytes[direction]);
        }
    }
}

fn add(sum: &AtomicU64, more: u64) {
    sum.store(sum.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

fn publish(sum: &AtomicU64, counter: &Counter) {
    if let more @ 1.. = sum.load(Ordering::Relaxed) {
        counter.inc_by(more);
        sum.store(0, Ordering::Relaxed);
    }
}

/// A future whose tally is published whenever it waits, and when it ends: what one read brought costs one addition.
pub(crate) struct Counted<'t, F> {
    tally: &'t Tally,
    future: F,
}

impl<'t, F: Future + Unpin> Counted<'t, F> {
    pub(crate) fn new(tally: &'t Tally, future: F) -> Self {
        Counted { tally, future }
    }
}

impl<F: Future + Unpin> Future for Counted<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let output = Pin::new(&mut self.future).poll(cx);
        self.tally.publish();
        output
    }
}
