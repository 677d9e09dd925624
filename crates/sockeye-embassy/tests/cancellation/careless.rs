//! A transport that is not cancel-safe: a read or write that is dropped may have moved bytes, as embedded-tls's. With
//! `cancel_safe: false` nothing is corrupted by it: the connection is aborted.

use sockeye_embassy::Config;

use crate::common::{each_seed, patient};
use crate::harness::{Drops, Sends};
use crate::talk::Talk;

fn talk(seed: u64) -> Talk {
    Talk {
        seed,
        config: Config { cancel_safe: false, ..patient() },
        two_tasks: true,
        cut_receives: false,
        sends: Sends::Whole,
        careless: true,
        steps: 40,
    }
}

/// Nobody drops a future: then it does not either, though reads come in while it writes pongs.
#[test]
fn what_is_not_dropped_is_not_aborted() {
    each_seed(60, |seed| {
        assert_eq!(talk(seed).check(&Drops::default()), Ok(false));
    });
}

fn check_aborts(seeds: u64, talk: impl Fn(u64) -> Talk) {
    let (mut aborted, mut whole) = (0, 0);
    let drops = Drops::default();
    each_seed(seeds, |seed| {
        *if talk(seed).check(&drops).expect("nothing is corrupted") { &mut aborted } else { &mut whole } += 1;
    });
    println!("{aborted} were aborted, {whole} were not");
    drops.check(&[]);
    assert!(crate::common::replay().is_some() || aborted * 4 > seeds, "only {aborted} were aborted");
}

#[test]
fn dropped_sends_are_aborted() {
    check_aborts(600, |seed| Talk { sends: Sends::Short, ..talk(seed) });
    check_aborts(600, |seed| Talk { sends: Sends::Long, ..talk(seed) });
}

#[test]
fn dropped_receives_are_aborted() {
    check_aborts(600, |seed| Talk { cut_receives: true, ..talk(seed) });
}

#[test]
fn dropped_sends_and_receives_are_aborted() {
    check_aborts(600, |seed| Talk { cut_receives: true, sends: Sends::Long, two_tasks: seed % 2 == 0, ..talk(seed) });
}

/// That the harness finds it: over such a transport, with a configuration that promises the contrary.
#[test]
fn a_promise_that_is_broken_is_found() {
    let believing = |seed| Talk { config: patient(), ..talk(seed) };
    for cut in [Talk { cut_receives: true, ..believing(0) }, Talk { sends: Sends::Short, ..believing(0) }] {
        let found = (0..20).filter_map(|seed| Talk { seed, ..cut.clone() }.check(&Drops::default()).err());
        let found: Vec<_> = found.collect();
        println!("{} of 20 seeds found it: {found:?}", found.len());
        assert!(found.len() >= 10);
    }
}
