//! docs/size.md, written and read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sockeye_qemu::{MACHINES, Machine};

/// Bytes by what they are of, such as `flash`.
pub(crate) type Figures = BTreeMap<String, u64>;

/// Every image with its figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    pub(crate) compiler: String,
    pub(crate) images: Vec<(String, Figures)>,
}

const HEAD: &str = "# Size

Measured and written by `cargo xtask size --accept`; `cargo xtask size` fails as soon as a figure is more than 2 % above
the one here. All in bytes.
";

const SECTIONS: &[&str] =
    &["`.text`", "`.rodata`", "`.data`", "`.bss`", "flash", "stack", "RAM", "`Resources`", "`Connection`"];

const WHAT_IT_IS: &str = "
`flash` is all that is loaded, `stack` the deepest that the stack has been under a load of four connections at a time,
`RAM` what lies in `.data` and `.bss` and that. A connection takes its `Resources`, of which 1,280 bytes are the buffers
that these programs give it, and its `Connection`; both are part of the task that serves it. `no log` is without defmt.
";

const BUDGETS: &[Budget] = &[
    Budget { image: "lm3s6965 echo, no log", of: "flash", bytes: 48 * 1024 },
    Budget { image: "lm3s6965 echo, no log", of: "RAM", bytes: 44 * 1024 },
];

/// What an image should keep below.
struct Budget {
    image: &'static str,
    of: &'static str,
    bytes: u64,
}

const TASKS: &str = "
## Tasks

What embassy's tasks take, all instances of each together: `client` has four. It is a part of `.bss`.
";

const COMPILER: &str = "Built by ";

impl Document {
    /// The tables of a text; what else it says does not matter.
    pub(crate) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut head: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(compiler) = line.strip_prefix(COMPILER) {
                found.compiler = compiler.trim_end_matches('.').to_owned();
            }
            let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else { continue };
            let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
            let Some((image, cells)) = cells.split_first() else { continue };
            if let "machine" | "budget" | "image" = *image {
                // Only of the last kind are there figures.
                head = if *image == "image" { cells.to_vec() } else { Vec::new() };
            } else {
                let figures = head.iter().zip(cells).filter_map(|(of, cell)| Some(((*of).to_owned(), number(cell)?)));
                found.figures_of(image).extend(figures);
            }
        }
        found.images.retain(|(_, figures)| !figures.is_empty());
        found
    }

    /// What has grown since, is new or has gone.
    pub(crate) fn growth(&self, since: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        let (before, now) = (since.flat(), self.flat());
        for (key, now) in &now {
            match before.get(key) {
                None => faults.push(format!("{key}: {now} bytes, new")),
                Some(before) if has_grown(*before, *now) => {
                    faults.push(format!("{key}: {now} bytes, {:+} ({before} before)", *now as i64 - *before as i64));
                }
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|key| !now.contains_key(*key));
        faults.extend(gone.map(|key| format!("{key}: gone")));
        faults
    }

    /// A verdict on each budget.
    fn budgets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n| budget | at most | is | |\n|---|--:|--:|---|")?;
        for Budget { image, of, bytes } in BUDGETS {
            let Some(is) = self.figure(image, of) else { continue };
            let verdict = if is <= *bytes { "kept".to_owned() } else { format!("{} too many", is - bytes) };
            writeln!(f, "| {image}: {of} | {bytes} | {is} | {verdict} |")?;
        }
        Ok(())
    }

    /// One figure of an image.
    pub(crate) fn figure(&self, image: &str, of: &str) -> Option<u64> {
        let (_, figures) = self.images.iter().find(|(name, _)| name == image)?;
        figures.get(of).copied()
    }

    fn figures_of(&mut self, image: &str) -> &mut Figures {
        let known = self.images.iter().position(|(name, _)| name == image);
        let at = known.unwrap_or_else(|| {
            self.images.push((image.to_owned(), Figures::new()));
            self.images.len() - 1
        });
        &mut self.images[at].1
    }

    fn flat(&self) -> BTreeMap<String, u64> {
        let all = self
            .images
            .iter()
            .flat_map(|(image, figures)| figures.iter().map(move |(of, bytes)| (format!("{image}, {of}"), *bytes)));
        all.collect()
    }

    /// The machines of the images, and what they have.
    fn machines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n| machine | flash | RAM |\n|---|--:|--:|")?;
        let measured = |machine: &&Machine| {
            let prefix = format!("{} ", machine.name);
            self.images.iter().any(|(image, _)| image.starts_with(&prefix))
        };
        for machine in MACHINES.iter().filter(measured) {
            let flash = machine.flash.map_or("in RAM".to_owned(), |flash| flash.to_string());
            writeln!(f, "| {} | {flash} | {} |", machine.name, machine.ram)?;
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, columns: &[&str]) -> fmt::Result {
        writeln!(f, "\n| image | {} |", columns.join(" | "))?;
        writeln!(f, "|---|{}", "--:|".repeat(columns.len()))?;
        for (image, figures) in &self.images {
            let cell = |column: &&str| figures.get(*column).map_or("-".to_owned(), u64::to_string);
            writeln!(f, "| {image} | {} |", columns.iter().map(cell).collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}

/// By more than 2 %; in whole numbers, so that the limit is exact.
pub(crate) fn has_grown(before: u64, now: u64) -> bool {
    now * 100 > before * 102
}

fn number(cell: &str) -> Option<u64> {
    cell.parse().ok()
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.images.iter().flat_map(|(_, figures)| figures.keys().map(String::as_str));
        let tasks: BTreeSet<&str> = named.filter(|name| !SECTIONS.contains(name)).collect();
        f.write_str(HEAD)?;
        writeln!(f, "\n{COMPILER}{}.", self.compiler)?;
        self.machines(f)?;
        self.table(f, SECTIONS)?;
        f.write_str(WHAT_IT_IS)?;
        self.budgets(f)?;
        f.write_str(TASKS)?;
        self.table(f, &tasks.into_iter().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(flash: u64) -> Document {
        let figures = |flash| Figures::from([("flash".into(), flash), ("task `net`".into(), 96)]);
        let images =
            vec![("lm3s6965 echo".to_owned(), figures(flash)), ("lm3s6965 echo, no log".to_owned(), figures(500))];
        Document { compiler: "rustc 1.95.0 (abc)".into(), images }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = document(1000);
        assert_eq!(Document::parse(&written.to_string()), written);
    }

    #[test]
    fn a_budget_has_a_verdict() {
        let verdict = |flash| {
            let written = Document {
                images: vec![("lm3s6965 echo, no log".into(), Figures::from([("flash".into(), flash)]))],
                ..Document::default()
            };
            written
                .to_string()
                .lines()
                .find(|line| line.starts_with("| lm3s6965 echo, no log: flash"))
                .map(str::to_owned)
        };
        assert_eq!(verdict(49_152).as_deref(), Some("| lm3s6965 echo, no log: flash | 49152 | 49152 | kept |"));
        assert_eq!(verdict(49_153).as_deref(), Some("| lm3s6965 echo, no log: flash | 49152 | 49153 | 1 too many |"));
    }

    #[test]
    fn growth_over_two_percent_is_named() {
        let accepted = document(1000);
        assert_eq!(document(1020).growth(&accepted), [""; 0]);
        assert_eq!(document(900).growth(&accepted), [""; 0]);
        assert_eq!(document(1021).growth(&accepted), ["lm3s6965 echo, flash: 1021 bytes, +21 (1000 before)"]);
    }

    #[test]
    fn what_is_new_or_gone_is_named() {
        let (accepted, mut measured) = (document(1000), document(1000));
        measured.images.truncate(1);
        measured.figures_of("lm3s6965 echo").insert("RAM".into(), 7);
        let expected = [
            "lm3s6965 echo, RAM: 7 bytes, new",
            "lm3s6965 echo, no log, flash: gone",
            "lm3s6965 echo, no log, task `net`: gone",
        ];
        assert_eq!(measured.growth(&accepted), expected);
    }
}
