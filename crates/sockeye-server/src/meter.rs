//! What comes from one connection: counted, and held to its limits.

use sockeye_tokio::CloseCode;

use crate::metrics::Tally;
use crate::rate::Bucket;
use crate::route::Farewell;
use crate::settings::Settings;

pub(crate) struct Meter<'t> {
    pub(crate) tally: &'t Tally,
    limits: Option<Box<Limits>>,
}

struct Limits {
    messages: Option<Bucket>,
    bytes: Option<Bucket>,
}

impl<'t> Meter<'t> {
    pub(crate) fn new(settings: &Settings, tally: &'t Tally) -> Self {
        let limits =
            Limits { messages: Bucket::new(settings.limit_messages), bytes: Bucket::new(settings.limit_bytes) };
        let any = limits.messages.is_some() || limits.bytes.is_some();
        Meter { tally, limits: any.then(|| Box::new(limits)) }
    }

    /// A message came, or a piece of one.
    pub(crate) fn received(&mut self, bytes: usize, last: bool) -> Result<(), Farewell> {
        self.tally.received(bytes, last);
        let Some(limits) = &mut self.limits else { return Ok(()) };
        let within = |bucket: &mut Option<Bucket>, count| bucket.as_mut().is_none_or(|bucket| bucket.take(count));
        if !within(&mut limits.messages, usize::from(last)) {
            return Err(too_much("more messages than limit.messages"));
        }
        if !within(&mut limits.bytes, bytes) {
            return Err(too_much("more bytes than limit.bytes"));
        }
        Ok(())
    }
}

fn too_much(reason: &'static str) -> Farewell {
    Farewell { code: CloseCode::POLICY, reason, counted: "rate" }
}
