//! The tables, and where they are written.

use std::fs;

use anyhow::{Context, Result, bail};

use super::client::Longest;
use super::image::Image;
use super::{Found, LIBRARIES};
use crate::bench::instructions;
use crate::markdown::{self, grouped, table};
use crate::process::{ask, root};

const DOCUMENT: &str = "docs/performance/device.md";

/// Bytes of the payload that the core's image counts.
const PAYLOAD: f64 = 1024.0;

/// What the core takes for a byte, and may take.
const BYTES: &[(&str, &str, Option<f64>)] = &[
    ("binary", "unmask", Some(1.0)),
    ("ascii", "unmask and check UTF-8: ASCII", Some(2.5)),
    ("two", "the same, characters of 2 bytes", None),
    ("three", "the same, of 3 bytes", None),
    ("four", "the same, of 4 bytes", None),
    ("mask", "mask, as a client", None),
];

/// What an echo of 16 bytes may take.
const ECHO: u32 = 1500;

/// What the images count.
const STEPS: &[(&str, &str)] = &[
    ("binary-16", "echo, binary, 16 B"),
    ("binary-125", "echo, binary, 125 B"),
    ("binary-1024", "echo, binary, 1 KiB"),
    ("text-16", "echo, text, 16 B"),
    ("text-1024", "echo, text, 1 KiB"),
    ("late-16", "echo, binary, 16 B, waited for"),
    ("ping", "ping and its pong"),
    ("handshake", "handshake, Chrome's head"),
];

/// The core by itself.
pub(super) fn core(image: &Image) -> Result<String> {
    let mut rows = Vec::new();
    for (name, what, bar) in BYTES {
        let cost = f64::from(image.number(name)?) / PAYLOAD;
        let verdict = match bar {
            None => String::new(),
            Some(bar) if cost <= *bar => format!("at most {bar:.1}: met"),
            Some(bar) => format!("at most {bar:.1}: missed by {:.3}", cost - bar),
        };
        rows.push(vec![(*what).to_owned(), format!("{cost:.3}"), verdict]);
    }
    rows.push(vec!["handshake, Chrome's head, in all".into(), grouped(image.number("accept")?.into()), String::new()]);
    Ok(table(&["the core", "instructions a byte", "bar"], &rows))
}

/// What the images weigh and count.
pub(super) fn images(nothing: &Image, found: &[Found]) -> Result<String> {
    let images: Vec<&Image> = found.iter().filter_map(|found| found.image.as_ref()).collect();
    let row = |what: &str, number: &dyn Fn(&Image) -> Result<String>| -> Result<Vec<String>> {
        let cells = images.iter().map(|image| number(image));
        std::iter::once(Ok(what.to_owned())).chain(cells).collect()
    };
    let beyond = |number: u64, nothing: u64| Ok(grouped(number.saturating_sub(nothing)));
    let mut rows = vec![
        row("flash, bytes", &|image| beyond(image.flash, nothing.flash))?,
        row("static RAM, bytes", &|image| beyond(image.ram, nothing.ram))?,
        row("state a connection, bytes", &|image| Ok(grouped(image.number("state")?.into())))?,
        row("its buffers, bytes", &|image| Ok(grouped(image.number("buffers")?.into())))?,
        row("stack, bytes", &|image| beyond(image.number("stack")?.into(), nothing.number("stack")?.into()))?,
    ];
    for (name, what) in STEPS {
        rows.push(row(what, &|image| Ok(image.right(name)?.map_or("wrong".into(), |count| grouped(count.into()))))?);
    }
    let yes = |image: &Image, name| Ok(if image.right(name)?.is_some() { "yes" } else { "no" }.to_owned());
    rows.push(row("a close is answered", &|image| yes(image, "close"))?);
    rows.push(row("Firefox is let in", &|image| yes(image, "firefox"))?);
    for (row, (name, _)) in rows.iter_mut().skip(5).zip(STEPS) {
        row.push(grouped(nothing.number(name)?.into()));
    }
    let mut head = vec!["Cortex-M3"];
    head.extend(found.iter().map(|found| found.library.name));
    head.push("the transport alone");
    let mut text = table(&head, &rows);
    let ours = found.iter().find(|found| found.library.feature == "sockeye").and_then(|found| found.image.as_ref());
    if let Some(cost) = ours.map(|image| image.number("binary-16")).transpose()? {
        let verdict = if cost <= ECHO { "met".into() } else { format!("missed by {}", grouped((cost - ECHO).into())) };
        text += &format!("\nThe bar for an echo of 16 bytes, at most {}: {verdict}.\n", grouped(ECHO.into()));
    }
    Ok(text)
}

/// Compares what ours count with what is committed.
pub(super) fn check(core: &Image, own: &Image) -> Result<()> {
    let committed = fs::read_to_string(root().join(DOCUMENT)).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let section = |name| markdown::section(&committed, name).with_context(|| format!("{DOCUMENT} has no {name}"));
    let mut grown = Vec::new();
    for (name, what, _) in BYTES {
        let cost = f64::from(core.number(name)?) / PAYLOAD;
        grown.extend(instructions::grown(section("core")?, what, 1, &format!("{cost:.3}")));
    }
    for (name, what) in STEPS {
        grown.extend(instructions::grown(section("image")?, what, 1, &grouped(own.number(name)?.into())));
    }
    if grown.is_empty() {
        println!("none takes over 3 % more than {DOCUMENT} says");
        return Ok(());
    }
    bail!("{}; if it is worth that, `cargo xtask bench device --write` commits the new numbers", grown.join("; "))
}

/// The longest messages with a buffer of 1 KiB.
pub(super) fn longest(found: &[Found]) -> String {
    let bytes = |longest: Option<usize>| longest.map_or("any".into(), |bytes| grouped(bytes as u64));
    let row = |what: &str, of: fn(&Longest) -> Option<usize>| {
        let cells = found.iter().filter_map(|found| found.longest.as_ref()).map(|longest| bytes(of(longest)));
        std::iter::once(what.to_owned()).chain(cells).collect()
    };
    let rows = [
        row("the longest message in one frame, bytes", |longest| longest.in_one_frame),
        row("in frames of 1,000 bytes", |longest| longest.in_frames),
    ];
    table(&libraries("with a message buffer of 1 KiB", found), &rows)
}

/// When and with what.
pub(super) fn versions() -> Result<String> {
    let lock = fs::read_to_string(root().join("bench/device/Cargo.lock")).context("bench/device has no lock")?;
    let version = |package: &str| -> Result<String> {
        let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).context("it is in no lock")?;
        Ok(format!("{package} {}", rest.split('"').next().unwrap_or_default()))
    };
    let packages = LIBRARIES.iter().flat_map(|library| library.packages).map(|package| version(package));
    let mut words = packages.collect::<Result<Vec<_>>>()?;
    let tool = |program: &str| ask(program, &["--version"]).and_then(|text| text.lines().next().map(str::to_owned));
    words.extend(tool("rustc"));
    words.extend(tool("qemu-system-arm"));
    let date = ask("date", &["-u", "+%F"]).unwrap_or_default();
    Ok(format!("{date}, by `cargo xtask bench device --write`: {}.\n", words.join(", ")))
}

/// Writes the sections to the document.
pub(super) fn write(sections: &[(&str, String)]) -> Result<()> {
    markdown::write(DOCUMENT, sections)
}

pub(super) fn libraries<'a>(first: &'a str, found: &[Found]) -> Vec<&'a str> {
    std::iter::once(first).chain(found.iter().map(|found| found.library.name)).collect()
}
