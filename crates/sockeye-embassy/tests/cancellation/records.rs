//! What the conversations are of, so that each side can tell whether it has all of it, and as it was sent.

use crate::common::Rng;
use crate::common::peer::Seen;

/// The last record.
pub(crate) const END: u32 = u32::MAX;
/// A record's number and length in hexadecimal digits.
const PREFIX: usize = 8 + 4;
/// The longest record of those that are short: with a head and a mask it fits into the least write buffer.
pub(crate) const SHORT: usize = 100;

/// A text that follows from its number, and tells it.
pub(crate) fn record(id: u32, long: bool) -> String {
    let mut rng = Rng::new(u64::from(id) << 32);
    let len = match rng.below(8) {
        0 if long => 100 + rng.below(300),
        1 => rng.below((SHORT - PREFIX) as u64),
        _ => rng.below(20),
    };
    let body: String = (0..len).map(|_| char::from(b'a' + rng.below(26) as u8)).collect();
    format!("{id:08x}{:04x}{body}", body.len())
}

/// Reads records from the pieces of messages, which each hold whole records.
#[derive(Default)]
pub(crate) struct Reading {
    message: Vec<u8>,
    pub(crate) ids: Vec<u32>,
    long: bool,
}

impl Reading {
    pub(crate) fn new(long: bool) -> Self {
        Reading { long, ..Reading::default() }
    }

    pub(crate) fn piece(&mut self, bytes: &[u8], last: bool) -> Result<(), String> {
        self.message.extend_from_slice(bytes);
        if !last {
            return Ok(());
        }
        let rest = self.take_records()?;
        if rest.is_empty() { Ok(()) } else { Err(format!("half a record: {rest}")) }
    }

    /// Takes the whole records off the message, and says what is left of it.
    fn take_records(&mut self) -> Result<String, String> {
        let message = String::from_utf8(std::mem::take(&mut self.message)).map_err(|error| error.to_string())?;
        let mut rest = &message[..];
        let field = |text: &str, range| text.get(range).and_then(|digits| usize::from_str_radix(digits, 16).ok());
        while let (Some(id), Some(len)) = (field(rest, 0..8), field(rest, 8..PREFIX))
            && let Some((first, after)) = rest.split_at_checked(PREFIX + len)
        {
            if first != record(id as u32, self.long) {
                return Err(format!("not record {id}: {first}"));
            }
            self.ids.push(id as u32);
            rest = after;
        }
        Ok(rest.to_owned())
    }

    /// The records of what a peer saw, those of a message that did not end too.
    pub(crate) fn of(seen: &[Seen], long: bool) -> Result<Vec<u32>, String> {
        let mut reading = Reading::new(long);
        for seen in seen {
            if let Seen::Piece(bytes, last) = seen {
                reading.piece(bytes, *last)?;
            }
        }
        reading.take_records()?;
        Ok(reading.ids)
    }
}

/// What was sent for sure, and what perhaps: its send was dropped.
#[derive(Default)]
pub(crate) struct Journal {
    sure: Vec<u32>,
    maybe: Vec<u32>,
}

impl Journal {
    pub(crate) fn note(&mut self, id: u32, sure: bool) {
        if sure { &mut self.sure } else { &mut self.maybe }.push(id);
    }

    /// Compares it with what arrived: all of the one, any of the other, each once and in order.
    pub(crate) fn compare(&self, arrived: &[u32]) -> Result<(), String> {
        let arrived: Vec<u32> = arrived.iter().copied().filter(|id| *id != END).collect();
        if !arrived.is_sorted_by(|a, b| a < b) {
            return Err(format!("out of order, or twice: {arrived:?}"));
        }
        if let Some(lost) = self.sure.iter().find(|id| arrived.binary_search(id).is_err()) {
            return Err(format!("{lost} was sent and did not arrive"));
        }
        match arrived.iter().find(|id| self.sure.binary_search(id).is_err() && self.maybe.binary_search(id).is_err()) {
            Some(unknown) => Err(format!("{unknown} was never sent")),
            None => Ok(()),
        }
    }
}
