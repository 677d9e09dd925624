//! Rounds: each gives every server the same load, in an order that changes. What counts is the ratio within a round.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::cases::{Case, Mode};
use super::load;
use super::servers::{Pool, RAW, Server};
use super::stats::{Spread, median};

/// So long a server is under load in a round.
const SECONDS: f64 = 0.25;
/// Others are in every third round only: theirs is no verdict.
const PEER_ROUNDS: usize = 3;

/// What one round made of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// CPU microseconds a message.
    pub(super) cost: f64,
    /// Messages a second.
    pub(super) rate: f64,
    /// Microseconds until a message is back.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// All rounds of a case, by server.
pub(super) struct Rounds {
    pub(super) case: Case,
    samples: BTreeMap<String, Vec<Option<Sample>>>,
}

/// Who measures.
pub(super) struct Bench<'a> {
    pub(super) servers: &'a [Server],
    pub(super) pool: Pool,
    pub(super) load: &'a Path,
    pub(super) rounds: usize,
    pub(super) random: StdRng,
}

impl Bench<'_> {
    /// Measures a case with the servers that `chosen` takes.
    pub(super) fn measure(&mut self, case: &Case, chosen: impl Fn(&Server) -> bool) -> Result<Rounds> {
        let mut entrants: Vec<(usize, usize)> = Vec::new();
        for at in 0..self.servers.len() {
            if self.servers[at].does(case.mode) && chosen(&self.servers[at]) {
                entrants.push((at, self.enough(case, at)?));
            }
        }
        let mut samples: BTreeMap<String, Vec<Option<Sample>>> = BTreeMap::new();
        for round in 0..self.rounds {
            entrants.shuffle(&mut self.random);
            for &(at, messages) in &entrants {
                let server = &self.servers[at];
                let left_out = server.is_peer() && !server.is_other() && !round.is_multiple_of(PEER_ROUNDS);
                let sample = if left_out { None } else { Some(self.one(case, at, messages)?) };
                samples.entry(server.name.clone()).or_default().push(sample);
            }
        }
        eprintln!("{} done", case.name());
        Ok(Rounds { case: *case, samples })
    }

    /// How many messages take so long, found by trying fewer.
    fn enough(&mut self, case: &Case, at: usize) -> Result<usize> {
        let mut messages = case.least() * 2;
        loop {
            let sample = self.one(case, at, messages)?;
            let took = messages as f64 / sample.rate;
            let wanted = (sample.rate * SECONDS / case.least() as f64).ceil().max(1.0) as usize * case.least();
            if took > SECONDS / 4.0 || wanted <= messages {
                return Ok(wanted);
            }
            messages = wanted.min(messages * 20);
        }
    }

    fn one(&mut self, case: &Case, at: usize, messages: usize) -> Result<Sample> {
        let started = self.pool.get(self.servers, at, case.mode)?;
        let sample = load::sample(load::alone(self.load), started, case, messages);
        sample.with_context(|| format!("{}, {}", self.servers[at].name, case.name()))
    }
}

impl Rounds {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// A server's cost by that of raw TCP in the same round.
    pub(super) fn ratio(&self, name: &str) -> Option<Spread> {
        self.ratio_to(name, RAW)
    }

    pub(super) fn ratio_to(&self, name: &str, other: &str) -> Option<Spread> {
        let pairs = self.samples.get(name)?.iter().zip(self.samples.get(other)?);
        let ratios: Vec<f64> =
            pairs.filter_map(|(one, other)| Some(one.as_ref()?.cost / other.as_ref()?.cost)).collect();
        Spread::of(&ratios)
    }

    /// The median of what each round says of a server.
    pub(super) fn median(&self, name: &str, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.samples.get(name)?.iter().flatten().filter_map(of).collect();
        median(&values)
    }

    /// What is measured twice is to be the same: else the machine was too restless for a verdict.
    pub(super) fn is_steady(&self) -> bool {
        self.case.mode == Mode::Connect
            || self.ratio(super::servers::TWIN).is_some_and(|twin| (0.95..=1.05).contains(&twin.median))
    }
}
