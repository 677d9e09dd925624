//! Which of the cases of Autobahn each library passes.

use std::collections::BTreeMap;

use super::Found;
use super::host::Passed;
use super::report::libraries;
use crate::markdown::table;

/// How many cases each passes, by section, and which it does not.
pub(super) fn autobahn(found: &[Found]) -> String {
    let passed: Vec<&[Passed; 2]> = found.iter().filter_map(|found| found.passed.as_ref()).collect();
    let row = |what: String, of: &dyn Fn(&[Passed; 2]) -> usize| -> Vec<String> {
        std::iter::once(what).chain(passed.iter().map(|passed| of(passed).to_string())).collect()
    };
    let all = passed.first().map(|[_, large]| sections(large)).unwrap_or_default();
    let mut rows = Vec::new();
    for (section, (_, of)) in &all {
        let good = |[_, large]: &[Passed; 2]| sections(large).get(section).map_or(0, |(good, _)| *good);
        rows.push(row(format!("section {section}, of {of}"), &good));
    }
    let good = |passed: &Passed| passed.values().filter(|good| **good).count();
    let of: usize = all.values().map(|(_, of)| of).sum();
    rows.push(row(format!("all, of {of}"), &|[_, large]| good(large)));
    rows.push(row("all, with a buffer of 1 KiB".into(), &|[small, _]| good(small)));
    let mut text = table(&libraries("Autobahn, with a buffer of 16 MiB", found), &rows) + "\nNot passed:\n\n";
    for (found, [_, large]) in found.iter().zip(&passed) {
        let failed = runs(large.iter().filter(|(_, good)| !**good).map(|(case, _)| case));
        text += &format!("- {}: {}\n", found.library.name, if failed.is_empty() { "none" } else { &failed });
    }
    text
}

/// Of each section how many were passed, and how many there are.
fn sections(passed: &Passed) -> BTreeMap<u32, (usize, usize)> {
    let mut sections = BTreeMap::<u32, (usize, usize)>::new();
    for (case, good) in passed {
        let section = numbers(case).first().copied().unwrap_or(0);
        let (passed, of) = sections.entry(section).or_default();
        *passed += usize::from(*good);
        *of += 1;
    }
    sections
}

/// Cases in the suite's order, those that follow each other as `6.4.1-4`.
fn runs<'a>(cases: impl Iterator<Item = &'a String>) -> String {
    let mut cases: Vec<Vec<u32>> = cases.map(|case| numbers(case)).collect();
    cases.sort();
    let mut runs: Vec<(Vec<u32>, u32)> = Vec::new();
    for case in cases {
        let Some((&last, group)) = case.split_last() else { continue };
        match runs.last_mut() {
            Some((first, end)) if first.split_last().is_some_and(|(_, of)| of == group) && *end + 1 == last => {
                *end = last;
            }
            _ => runs.push((case, last)),
        }
    }
    let run = |(first, end): &(Vec<u32>, u32)| {
        let name = first.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        if first.last() == Some(end) { name } else { format!("{name}-{end}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

fn numbers(case: &str) -> Vec<u32> {
    case.split('.').filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_follow_each_other_are_a_run() {
        let cases = ["5.10", "5.9", "6.4.1", "6.4.2", "6.4.4", "7.1.1", "6.22.34"].map(str::to_owned);
        assert_eq!(runs(cases.iter()), "5.9-10, 6.4.1-2, 6.4.4, 6.22.34, 7.1.1");
        assert_eq!(runs([].iter()), "");
    }

    #[test]
    fn sections_count_what_passed() {
        let passed = Passed::from([("9.1.1".into(), true), ("10.1.1".into(), true), ("9.1.2".into(), false)]);
        assert_eq!(sections(&passed), BTreeMap::from([(9, (1, 2)), (10, (1, 1))]));
    }
}
