//! docs/size.md: what the images for QEMU's machines weigh and how deep their stacks get, against the figures that
//! were last accepted.

mod document;
mod load;
mod types;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Parser;
use object::{Object, ObjectSection};
use sockeye_qemu::{Device, Image, MACHINES};

use self::document::{Document, Figures, has_grown};
use self::types::Types;
use crate::device::build;
use crate::elf::is_stored;
use crate::install::Installer;
use crate::process::{ask, root};

const FILE: &str = "docs/size.md";

/// The programs that are measured.
const APPS: &[&str] = &["echo", "sensor"];

const BOOTS: usize = 3;

/// What to do with a difference.
#[derive(Parser, Default)]
pub(crate) struct Args {
    /// Write the figures of this run to docs/size.md.
    #[arg(long)]
    accept: bool,
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let file = root().join(FILE);
    let accepted = if args.accept {
        Document::default()
    } else {
        Document::parse(&fs::read_to_string(&file).with_context(|| format!("cannot read {FILE}"))?)
    };
    let compiler = ask("rustc", &["--version"]).unwrap_or_default();
    let mut measured = Document { compiler, ..Document::default() };
    for image in images() {
        let name = name(&image);
        let figures = measure(&image, accepted.figure(&name, "stack"), installer).with_context(|| name.clone())?;
        measured.images.push((name, figures));
    }
    println!("{measured}");
    if args.accept {
        fs::write(file, measured.to_string())?;
        println!("written to {FILE}");
        return Ok(());
    }
    compare(&accepted, &measured)
}

/// Every program that listens with its log and without, and the one that dials, for each package.
fn images() -> impl Iterator<Item = Image> {
    let mut packages = BTreeSet::new();
    let machines = MACHINES.iter().filter(move |machine| packages.insert(machine.package));
    machines.flat_map(|machine| {
        let apps = APPS.iter().map(|app| Image::new(machine, app));
        let apps = apps.flat_map(|image| [image, Image { defmt: false, ..image }]);
        apps.chain([Image::new(machine, "uplink")])
    })
}

fn name(image: &Image) -> String {
    let log = if image.defmt { "" } else { ", no log" };
    format!("{} {}{log}", image.machine.name, image.app)
}

/// Builds an image, boots it, has it work, and tells all its figures.
fn measure(image: &Image, accepted_stack: Option<u64>, installer: &Installer) -> Result<Figures> {
    installer.qemu(image.machine.program)?;
    let path = build(image, installer)?;
    let mut figures = from_image(&path)?;
    let stack = stack(image, &path, accepted_stack)?;
    let ram = ["`.data`", "`.bss`"].iter().filter_map(|section| figures.get(*section)).sum::<u64>() + stack;
    figures.extend([("stack".to_owned(), stack), ("RAM".to_owned(), ram)]);
    Ok(figures)
}

/// What the image itself tells.
fn from_image(path: &Path) -> Result<Figures> {
    let bytes = fs::read(path)?;
    let file = object::File::parse(bytes.as_slice())?;
    let section = |name: &str| file.section_by_name(name).map_or(0, |section| section.size());
    let mut figures = Figures::from([
        ("`.text`".into(), section(".text")),
        ("`.rodata`".into(), section(".rodata")),
        ("`.data`".into(), section(".data")),
        ("`.bss`".into(), section(".bss") + section(".uninit")),
        ("flash".into(), file.sections().filter(is_stored).map(|section| section.size()).sum()),
    ]);
    let types = Types::of(&file)?;
    let resources = types.size("resources::Resources<embassy_net::tcp::TcpWriter, 1024, 256,")?;
    let connection = types.size("connection::Connection<embassy_net::tcp::TcpReader,")?;
    figures.extend([("`Resources`".into(), resources), ("`Connection`".into(), connection)]);
    figures.extend(types.tasks.into_iter().map(|(task, size)| (format!("task `{task}`"), size)));
    Ok(figures)
}

/// How deep the stack gets under a short load, in the deepest of some boots: rarely an interrupt comes when it is at its
/// deepest. So no other boot is needed as soon as one has not grown beyond what was accepted.
fn stack(image: &Image, path: &Path, accepted: Option<u64>) -> Result<u64> {
    let mut deepest = 0;
    for _ in 0..BOOTS {
        let used = stack_once(image, path)?;
        if accepted.is_some_and(|accepted| !has_grown(accepted, used)) {
            return Ok(used);
        }
        deepest = used.max(deepest);
    }
    Ok(deepest)
}

fn stack_once(image: &Image, path: &Path) -> Result<u64> {
    let device = match image.app {
        "uplink" => load::uplink(image, path)?,
        _ => Device::boot_painted(image.machine, path)?,
    };
    match image.app {
        "echo" => load::echo(device.address())?,
        "sensor" => load::sensor(device.address())?,
        _ => {}
    }
    Ok(device.stack_used()?.into())
}

/// Fails if a figure has grown.
fn compare(accepted: &Document, measured: &Document) -> Result<()> {
    let faults = measured.growth(accepted);
    if faults.is_empty() {
        println!("nothing has grown by more than 2 % since {FILE} was written");
        return Ok(());
    }
    for fault in &faults {
        println!("{fault}");
    }
    let compilers = (&accepted.compiler, &measured.compiler);
    let note = if compilers.0 == compilers.1 { "" } else { " (the compiler is another as well)" };
    bail!("{} figures are not as in {FILE}{note}; if they are to be: cargo xtask size --accept", faults.len())
}
