//! docs/rfc.md: every row of the checklist names tests that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::root;

const TABLE: &str = "docs/rfc.md";

/// Rows that must be there: the checklist's numbers, of which 31 is unused.
fn rows() -> impl Iterator<Item = u32> {
    (1..=49).filter(|row| *row != 31)
}

/// Rows that may say `not built yet: REASON`.
const NOT_YET: &[(u32, &str)] =
    &[(3, "a proxy, and TLS before the handshake, come with TLS"), (48, "TLS comes with its own feature")];

pub(crate) fn run() -> Result<()> {
    let text = fs::read_to_string(root().join(TABLE)).with_context(|| format!("cannot read {TABLE}"))?;
    let mut sources = Sources::default();
    let faults = check(&text, |file, test| sources.has_test(file, test));
    for fault in &faults {
        println!("{TABLE}: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults in {TABLE}", faults.len());
    }
    println!("{TABLE}: {} rows, each with its tests", rows().count());
    Ok(())
}

/// Everything that is wrong with a table.
fn check(text: &str, mut exists: impl FnMut(&str, &str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (row, tests) in text.lines().filter_map(cells) {
        if !seen.insert(row) {
            faults.push(format!("row {row} is there twice"));
        }
        if let Some(reason) = tests.strip_prefix("not built yet:") {
            let allowed = row > 49 || NOT_YET.iter().any(|(other, _)| *other == row);
            if !allowed || reason.trim().is_empty() {
                faults.push(format!("row {row} is to name a test"));
            }
            continue;
        }
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            faults.push(format!("row {row} names no test"));
        }
        for name in names {
            match name.split_once("::") {
                Some((file, test)) if exists(file, test) => {}
                _ => faults.push(format!("row {row}: there is no test {name}")),
            }
        }
    }
    let missing = rows().filter(|row| !seen.contains(row));
    faults.extend(missing.map(|row| format!("row {row} is missing")));
    faults
}

/// The number and the tests of a line `| row | requirement | tests |`.
fn cells(line: &str) -> Option<(u32, &str)> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (row, rest) = inner.split_once('|')?;
    let (_, tests) = rest.rsplit_once('|')?;
    Some((row.trim().parse().ok()?, tests.trim()))
}

/// The test functions of each source file that was asked for.
#[derive(Default)]
struct Sources(BTreeMap<String, BTreeSet<String>>);

impl Sources {
    fn has_test(&mut self, file: &str, test: &str) -> bool {
        let tests = self.0.entry(file.to_owned()).or_insert_with(|| {
            let inside = Path::new(file).components().all(|part| part.as_os_str() != "..");
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            if inside { tests_in(&text) } else { BTreeSet::new() }
        });
        // A test may be named with its module.
        let function = test.rsplit("::").next().unwrap_or(test);
        tests.contains(function)
    }
}

/// The functions that stand below a `#[test]`, `#[tokio::test]` or the like.
fn tests_in(text: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut attributed = false;
    for line in text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[") {
            let name = attribute.split(['(', ']']).next().unwrap_or_default();
            attributed |= name == "test" || name.ends_with("::test");
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if attributed {
                tests.insert(name.trim().to_owned());
            }
            attributed = false;
        } else if !line.is_empty() && !line.starts_with("//") && line.ends_with(['{', '}', ';']) {
            attributed = false;
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(but: u32, line: &str) -> String {
        let good = rows().filter(|row| *row != but).map(|row| format!("| {row} | text | `a.rs::good` |\n"));
        format!("| row | requirement | tests |\n|---|---|---|\n{}{line}\n", good.collect::<String>())
    }

    fn faults(but: u32, line: &str) -> Vec<String> {
        check(&table(but, line), |file, test| file == "a.rs" && test == "good")
    }

    #[test]
    fn a_whole_table_has_no_fault() {
        assert_eq!(faults(0, ""), [""; 0]);
        assert_eq!(faults(7, "| 7 | a, `b` \\| c | `a.rs::good`, `a.rs::good` |"), [""; 0]);
        assert_eq!(faults(48, "| 48 | TLS | not built yet: no TLS |"), [""; 0]);
        assert_eq!(faults(0, "| 50 | deflate | not built yet: no deflate |"), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(faults(7, ""), ["row 7 is missing"]);
        assert_eq!(faults(7, "| 7 | text | |"), ["row 7 names no test"]);
        assert_eq!(faults(7, "| 7 | text | `a.rs::bad` |"), ["row 7: there is no test a.rs::bad"]);
        assert_eq!(faults(7, "| 7 | text | `good` |"), ["row 7: there is no test good"]);
        assert_eq!(faults(7, "| 7 | text | not built yet: later |"), ["row 7 is to name a test"]);
        assert_eq!(faults(0, "| 7 | text | `a.rs::good` |"), ["row 7 is there twice"]);
    }

    #[test]
    fn tests_are_functions_with_an_attribute() {
        let source = "
            fn helper() {}
            #[test]
            fn plain() {}
            #[tokio::test(start_paused = true)]
            /// Text.
            #[cfg(unix)]
            async fn waits() {}
            proptest! {
                #[test]
                fn holds(x in 0..1) {}
            }
            #[expect(dead_code)]
            fn other<T>() {}
        ";
        let found: Vec<String> = tests_in(source).into_iter().collect();
        assert_eq!(found, ["holds", "plain", "waits"]);
    }
}
