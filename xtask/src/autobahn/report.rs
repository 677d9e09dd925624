//! The judges' reports: reading `index.json`, and what passes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::cases::{Selection, section_of};
use crate::table;

/// What a judge says of one case.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    behavior: String,
    close: String,
    milliseconds: u64,
    report: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Outcome {
    Ok,
    Informational,
    NonStrict,
    Failed,
}

impl Verdict {
    /// Strictly.
    pub(crate) fn passes(&self) -> bool {
        self.outcome() <= Outcome::Informational
    }

    /// Only OK and INFORMATIONAL pass, in what was exchanged and in how it was closed.
    fn outcome(&self) -> Outcome {
        let outcome = |word: &str| match word {
            "OK" => Outcome::Ok,
            "INFORMATIONAL" => Outcome::Informational,
            "NON-STRICT" => Outcome::NonStrict,
            _ => Outcome::Failed,
        };
        outcome(&self.behavior).max(outcome(&self.close))
    }

    /// Whether the judge gave up waiting. The shortest wait of a case that moves much data is 10 s; a case that
    /// failed in less failed for what the peer did.
    fn timed_out(&self) -> bool {
        self.behavior == "FAILED" && self.milliseconds >= 10_000
    }
}

/// The cases that the judge gave up waiting for.
pub(crate) fn timed_out(verdicts: &BTreeMap<String, Verdict>) -> Vec<String> {
    let late = verdicts.iter().filter(|(_, verdict)| verdict.timed_out());
    late.map(|(case, _)| case.clone()).collect()
}

/// Reads a judge's index.
pub(crate) fn read(dir: &Path) -> Result<BTreeMap<String, Verdict>> {
    let text = fs::read_to_string(dir.join("index.json")).context("no report")?;
    parse(&text, dir)
}

/// An index maps agents to cases to verdicts. There is one agent, but kosoku names it by what the peer said,
/// and by its address where it could not connect.
fn parse(text: &str, dir: &Path) -> Result<BTreeMap<String, Verdict>> {
    let index: Value = serde_json::from_str(text)?;
    let agents = index.as_object().context("the index is no object")?;
    let cases = agents.values().filter_map(Value::as_object).flatten();
    let word = |value: &Value| value.as_str().unwrap_or("missing").to_owned();
    let verdicts = cases.map(|(case, entry)| {
        let report = dir.join(entry["reportfile"].as_str().unwrap_or_default());
        let verdict = Verdict {
            behavior: word(&entry["behavior"]),
            close: word(&entry["behaviorClose"]),
            milliseconds: entry["duration"].as_u64().unwrap_or(0),
            report: report.display().to_string(),
        };
        (case.clone(), verdict)
    });
    Ok(verdicts.collect())
}

/// Prints the table and every case that does not pass; fails if there is one, or if one was not run.
pub(crate) fn conclude(selection: &Selection, verdicts: &BTreeMap<String, Verdict>, broken: &[String]) -> Result<()> {
    let head = ["section", "cases", "run", "OK", "INFORMATIONAL", "NON-STRICT", "FAILED"];
    let mut rows = Vec::new();
    for (section, cases) in selection.sections() {
        rows.push(row(section.to_string(), &cases, verdicts));
    }
    rows.push(row("all".into(), selection.cases(), verdicts));
    table::print(&head, &rows);
    for line in broken {
        println!("{line}");
    }

    let mut passed = 0;
    for case in selection.cases() {
        match verdicts.get(case) {
            None => println!("{case}: not run"),
            Some(verdict) if verdict.passes() => passed += 1,
            Some(verdict) => println!(
                "{case}: behavior {}, close {} after {} ms: {}",
                verdict.behavior, verdict.close, verdict.milliseconds, verdict.report
            ),
        }
    }
    for case in verdicts.keys().filter(|case| !selection.cases().contains(case)) {
        println!("{case}: not asked for (section {})", section_of(case));
    }
    let asked = selection.cases().len();
    println!("{passed} of {asked} cases OK or INFORMATIONAL");
    if passed != asked || verdicts.len() != asked || !broken.is_empty() {
        bail!("{} of {asked} cases did not pass", asked - passed);
    }
    Ok(())
}

fn row(name: String, cases: &[String], verdicts: &BTreeMap<String, Verdict>) -> Vec<String> {
    let found: Vec<Outcome> = cases.iter().filter_map(|case| verdicts.get(case)).map(Verdict::outcome).collect();
    let count = |outcome| found.iter().filter(|other| **other == outcome).count().to_string();
    vec![
        name,
        cases.len().to_string(),
        found.len().to_string(),
        count(Outcome::Ok),
        count(Outcome::Informational),
        count(Outcome::NonStrict),
        count(Outcome::Failed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(cases: &[(&str, &str, &str, u64)]) -> BTreeMap<String, Verdict> {
        let verdict = |(case, behavior, close, milliseconds): &(&str, &str, &str, u64)| {
            let index = serde_json::json!({ "agent": { *case: {
                "behavior": behavior, "behaviorClose": close, "duration": milliseconds,
                "remoteCloseCode": null, "reportfile": "x.json",
            } } });
            parse(&index.to_string(), Path::new("reports"))
        };
        cases.iter().map(verdict).flat_map(Result::unwrap).collect()
    }

    fn passes(cases: &[(&str, &str, &str, u64)]) -> bool {
        let patterns = ["1.1.1".to_owned(), "6.4.1".to_owned()];
        conclude(&Selection::new(&patterns), &verdicts(cases), &[]).is_ok()
    }

    #[test]
    fn only_ok_and_informational_pass() {
        let good = ("1.1.1", "OK", "OK", 0);
        for word in ["OK", "INFORMATIONAL"] {
            assert!(passes(&[good, ("6.4.1", word, "OK", 0)]));
            assert!(passes(&[good, ("6.4.1", "OK", word, 0)]));
        }
        for word in ["NON-STRICT", "FAILED", "UNIMPLEMENTED", "ERROR", "FAILED BY CLIENT", ""] {
            assert!(!passes(&[good, ("6.4.1", word, "OK", 0)]), "{word}");
            assert!(!passes(&[good, ("6.4.1", "OK", word, 0)]), "{word}");
        }
    }

    #[test]
    fn a_case_that_was_not_run_fails() {
        assert!(!passes(&[("1.1.1", "OK", "OK", 0)]));
        assert!(!passes(&[]));
    }

    #[test]
    fn a_case_that_nobody_asked_for_fails() {
        assert!(!passes(&[("1.1.1", "OK", "OK", 0), ("6.4.1", "OK", "OK", 0), ("6.4.2", "OK", "OK", 0),]));
    }

    #[test]
    fn a_run_that_broke_off_fails() {
        let patterns = ["1.1.1".to_owned()];
        let good = verdicts(&[("1.1.1", "OK", "OK", 0)]);
        assert!(conclude(&Selection::new(&patterns), &good, &["section 1".into()]).is_err());
    }

    #[test]
    fn only_a_wait_that_ran_out_is_tried_again() {
        let found = verdicts(&[
            ("9.1.1", "FAILED", "OK", 10_050),
            ("9.1.2", "FAILED", "OK", 300),
            ("9.1.3", "OK", "OK", 20_000),
            ("9.1.4", "NON-STRICT", "OK", 20_000),
        ]);
        assert_eq!(timed_out(&found), ["9.1.1"]);
    }
}
