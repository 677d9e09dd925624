//! Tables in Markdown, and their places in documents.

use std::fs;

use anyhow::{Context, Result};

use crate::process::root;

/// Puts each section between its two marks in a document of the repository.
pub(crate) fn write(document: &str, sections: &[(&str, String)]) -> Result<()> {
    let path = root().join(document);
    let mut text = fs::read_to_string(&path).with_context(|| format!("cannot read {document}"))?;
    for (name, section) in sections {
        text = replaced(&text, name, section).with_context(|| format!("{document} has no place for {name}"))?;
    }
    fs::write(&path, text)?;
    println!("{document} is rewritten");
    Ok(())
}

/// What stands between the marks of a section.
pub(crate) fn section<'d>(document: &'d str, name: &str) -> Option<&'d str> {
    let (_, rest) = document.split_once(&format!("<!-- {name} -->\n"))?;
    Some(rest.split_once("<!-- end -->\n")?.0)
}

fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once("<!-- end -->\n")?;
    Some(format!("{before}<!-- {name} -->\n{text}<!-- end -->\n{after}"))
}

/// A table: the first column to the left, the others to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::from("|");
        for cell in cells {
            line += &format!(" {cell} |");
        }
        line.replace("|  |", "| |") + "\n"
    };
    let marks = std::iter::once("---").chain(std::iter::repeat("--:")).take(head.len());
    let mut text = line(&mut head.iter().copied()) + &line(&mut { marks });
    for row in rows {
        let cells = row.iter().map(String::as_str).chain(std::iter::repeat("")).take(head.len());
        text += &line(&mut { cells });
    }
    text
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_section_takes_the_place_of_the_one_before() {
        let document = "a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n";
        assert_eq!(section(document, "x"), Some("old\n"));
        let once = replaced(document, "x", "new\n").expect("it has the mark");
        assert_eq!(once, document.replace("old", "new"));
        assert_eq!(replaced(&once, "x", "new\n").as_ref(), Some(&once));
        assert_eq!(replaced(document, "z", ""), None);
    }

    #[test]
    fn short_rows_are_filled() {
        let text = table(&["a", "b"], &[vec!["1".into()]]);
        assert_eq!(text, "| a | b |\n| --- | --: |\n| 1 | |\n");
    }
}
