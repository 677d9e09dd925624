//! Every receive and send future may be dropped at any await: nothing is lost, nothing is sent in part, and where that
//! cannot be, the next call says so.

#[path = "../common/mod.rs"]
mod common;

mod careless;
mod ends;
mod handshake;
mod harness;
mod proof;
mod records;
mod talk;

use common::{each_seed, patient};
use harness::{Drops, Sends};
use sockeye_embassy::Config;
use talk::Talk;

fn check(seeds: u64, busy: bool, talk: impl Fn(u64) -> Talk, kinds: &[&'static str]) {
    let drops = Drops::new(busy);
    each_seed(seeds, |seed| {
        talk(seed).check(&drops).expect("nothing is lost");
    });
    drops.check(kinds);
}

fn talk(seed: u64) -> Talk {
    Talk {
        seed,
        // Each frame is flushed in a quarter of the conversations.
        config: Config { flush: (seed / 4).is_multiple_of(4), ..patient() },
        two_tasks: true,
        cut_receives: true,
        sends: Sends::Whole,
        careless: false,
        steps: 40,
    }
}

const RECEIVES: [&str; 2] = ["next", "message"];
const SENDS: [&str; 6] = ["send", "text", "binary", "chunk", "ping", "flush"];

#[test]
fn any_drop_of_a_receive_in_one_task() {
    check(40, true, |seed| Talk { two_tasks: false, ..talk(seed) }, &RECEIVES);
}

#[test]
fn any_drop_of_a_receive_in_two_tasks() {
    check(40, false, talk, &RECEIVES);
}

#[test]
fn any_drop_of_a_short_send_in_one_task() {
    check(450, true, |seed| Talk { two_tasks: false, sends: Sends::Short, ..talk(seed) }, &SENDS);
}

#[test]
fn any_drop_of_a_short_send_in_two_tasks() {
    check(450, false, |seed| Talk { sends: Sends::Short, cut_receives: seed % 3 == 0, ..talk(seed) }, &SENDS);
}

#[test]
fn any_drop_of_a_long_send_in_one_task() {
    check(500, true, |seed| Talk { two_tasks: false, sends: Sends::Long, ..talk(seed) }, &SENDS);
}

#[test]
fn any_drop_of_a_long_send_in_two_tasks() {
    check(500, false, |seed| Talk { sends: Sends::Long, cut_receives: seed % 3 == 0, ..talk(seed) }, &SENDS);
}
