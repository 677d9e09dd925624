//! A device's log: defmt's frames on QEMU's standard output, decoded with what the image says of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use defmt_decoder::{DecodeError, Frame, Location, Table};

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// The how many-th it is, from 0.
    pub number: usize,
    /// How long after its boot the host had it.
    pub at: Duration,
    /// The device's own time.
    pub time: String,
    /// `info` and so on; nothing for a plain print.
    pub level: &'static str,
    /// What it says.
    pub message: String,
    /// `file:line` of the source.
    pub place: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} {:5} {}", self.time, self.level, self.message)?;
        if self.place.is_empty() { Ok(()) } else { write!(f, "  ({})", self.place) }
    }
}

/// All lines so far.
#[derive(Debug)]
pub(crate) struct Log {
    boot: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    over: bool,
}

/// How a wait for a line ended.
pub(crate) enum Found {
    Line(Line),
    /// None will come: the device has ended.
    Over,
    /// None in time.
    Late,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { boot: Instant::now(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// Reads what QEMU prints to its end.
    pub(crate) fn follow(&self, output: impl Read, names: Option<&Names>) {
        match names {
            Some(names) => self.decode(output, names),
            None => self.discard(output),
        }
    }

    /// No line will come any more.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// The first line from `start` on that `wanted` takes.
    pub(crate) fn find(&self, start: usize, limit: Duration, wanted: impl Fn(&Line) -> bool) -> Found {
        let end = Instant::now() + limit;
        let mut state = self.state();
        let mut seen = start;
        loop {
            if let Some(line) = state.lines.iter().skip(seen).find(|line| wanted(line)) {
                return Found::Line(line.clone());
            }
            seen = state.lines.len().max(start);
            if state.over {
                return Found::Over;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Found::Late;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn decode(&self, mut output: impl Read, names: &Names) {
        let mut decoder = names.table.new_stream_decoder();
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = output.read(&mut buffer) {
            decoder.received(&buffer[..len]);
            loop {
                match decoder.decode() {
                    Ok(frame) => self.push(names.line(&frame, self.boot.elapsed())),
                    Err(DecodeError::UnexpectedEof) => break,
                    Err(DecodeError::Malformed) => {
                        self.push(Line::plain(self.boot.elapsed(), "(a frame that cannot be decoded)"));
                        if !names.table.encoding().can_recover() {
                            return self.discard(output);
                        }
                    }
                }
            }
        }
    }

    /// Whatever is left is taken, so that the device never waits on a full pipe.
    fn discard(&self, mut output: impl Read) {
        let _ = std::io::copy(&mut output, &mut std::io::sink());
    }

    fn push(&self, line: Line) {
        let mut state = self.state();
        let number = state.lines.len();
        state.lines.push(Line { number, ..line });
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn plain(at: Duration, message: &str) -> Self {
        Self { number: 0, at, time: String::new(), level: "", message: message.to_owned(), place: String::new() }
    }
}

/// What an image says of the frames that it logs.
pub(crate) struct Names {
    table: Table,
    /// The source of each frame.
    places: BTreeMap<u64, String>,
}

impl Names {
    /// `None` for an image that logs nothing.
    pub(crate) fn of(image: &[u8]) -> Result<Option<Self>> {
        let Some(table) = Table::parse(image)?.filter(|table| !table.is_empty()) else { return Ok(None) };
        let locations = table.get_locations(image)?;
        let place = |(index, place): (u64, Location)| (index, format!("{}:{}", short(&place.file), place.line));
        let places = locations.into_iter().map(place).collect();
        Ok(Some(Self { table, places }))
    }

    fn line(&self, frame: &Frame<'_>, at: Duration) -> Line {
        Line {
            number: 0,
            at,
            time: frame.display_timestamp().map(|time| time.to_string()).unwrap_or_default(),
            level: frame.level().map_or("", |level| level.as_str()),
            message: frame.display_message().to_string(),
            place: self.places.get(&frame.index()).cloned().unwrap_or_default(),
        }
    }
}

/// A file of a crate from the registry begins with the crate's name.
fn short(file: &Path) -> String {
    let file = file.display().to_string();
    match file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, rest)) => rest.to_owned(),
        None => file,
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn find(log: &Log, start: usize, part: &str) -> Option<usize> {
        match log.find(start, SOON, |line| line.message.contains(part)) {
            Found::Line(line) => Some(line.number),
            Found::Over | Found::Late => None,
        }
    }

    #[test]
    fn lines_are_found_from_where_one_looks() {
        let log = Log::new();
        for message in ["1 on", "2 off", "3 on"] {
            log.push(Line::plain(SOON, message));
        }
        assert_eq!(find(&log, 0, "on"), Some(0));
        assert_eq!(find(&log, 1, "on"), Some(2));
        assert_eq!(find(&log, 3, "on"), None);
        assert_eq!(find(&log, 9, "on"), None);
    }

    #[test]
    fn a_wait_ends_with_the_line_or_the_log() {
        let log = Log::new();
        assert!(matches!(log.find(0, SOON, |_| true), Found::Late));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| log.find(0, crate::PATIENCE, |line| line.message == "two"));
            log.push(Line::plain(SOON, "one"));
            log.push(Line::plain(SOON, "two"));
            assert!(matches!(waiting.join().expect("it waits"), Found::Line(line) if line.message == "two"));
            let waiting = scope.spawn(|| log.find(2, crate::PATIENCE, |_| true));
            log.end();
            assert!(matches!(waiting.join().expect("it waits"), Found::Over));
        });
    }

    #[test]
    fn a_place_is_short() {
        let short = |file: &str| short(Path::new(file));
        assert_eq!(short("cargo/registry/src/mirror-1949cf8c/defmt-1.2.0/src/lib.rs"), "defmt-1.2.0/src/lib.rs");
        assert_eq!(short("examples/apps/src/lib.rs"), "examples/apps/src/lib.rs");
    }

    #[test]
    fn a_line_reads_well() {
        let line = Line {
            number: 0,
            at: SOON,
            time: "12.3".into(),
            level: "info",
            message: "led on".into(),
            place: "a.rs:7".into(),
        };
        assert_eq!(line.to_string(), "    12.3 info  led on  (a.rs:7)");
        assert_eq!(Line::plain(SOON, "text").to_string(), "               text");
    }
}
