//! `sockeye serve` with one thread and with two, both on both cores, as are two loads.
//!
//! A core more is not to be had where the load needs one: what two threads must not do is to cost each other. So the
//! figure is the CPU time of a message with two threads by that with one, from the same rounds.

use std::path::Path;

use anyhow::Result;

use super::cases::Case;
use super::load;
use super::servers::{Server, Started};
use super::stats::{Spread, median};
use crate::markdown::table;
use crate::process::command;

/// What two threads may cost by what one does.
const BAR: f64 = 1.1;
/// Processes of the load.
const LOADS: usize = 2;
/// Messages of each in a round, by how many are in flight.
const CASES: &[(usize, usize)] = &[(1, 50_000), (16, 500_000)];

/// Ratios of two threads to one.
pub(super) struct Compared {
    case: Case,
    cost: f64,
    costs: Option<Spread>,
    rates: Option<Spread>,
}

pub(super) fn measure(serve: &Server, program: &Path, rounds: usize) -> Result<Vec<Compared>> {
    let servers = [serve.start_threads(1)?, serve.start_threads(2)?];
    let mut all = Vec::new();
    for (in_flight, messages) in CASES {
        let case = super::cases::grown(50, *in_flight);
        let once = |started: &Started| {
            let programs = (0..LOADS).map(|_| command(program)).collect();
            load::sample(programs, started, &case, *messages)
        };
        let (mut one_costs, mut costs, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            let mut samples = [once(&servers[order[0]])?, once(&servers[order[1]])?];
            if order[0] == 1 {
                samples.reverse();
            }
            let [one, two] = samples;
            one_costs.push(one.cost);
            costs.push(two.cost / one.cost);
            rates.push(two.rate / one.rate);
        }
        eprintln!("threads, {in_flight} in flight, done");
        let cost = median(&one_costs).unwrap_or_default();
        all.push(Compared { case, cost, costs: Spread::of(&costs), rates: Spread::of(&rates) });
    }
    Ok(all)
}

pub(super) fn report(all: &[Compared]) -> String {
    let head = ["two threads to one", "one thread, us", "CPU a message", "messages a second", "at most", ""];
    let row = |compared: &Compared| {
        vec![
            format!("2 x {}", compared.case.name()),
            format!("{:.3}", compared.cost),
            super::report::spread(compared.costs),
            super::report::spread(compared.rates),
            format!("{BAR}"),
            super::report::against(BAR, compared.costs),
        ]
    };
    table(&head, &all.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn missed(all: &[Compared]) -> impl Iterator<Item = String> {
    let verdict = |compared: &Compared| super::report::against(BAR, compared.costs);
    let worse = all.iter().map(move |compared| (compared.case.name(), verdict(compared)));
    worse.filter(|(_, verdict)| verdict != "met").map(|(name, verdict)| format!("two threads, {name}: {verdict}"))
}
