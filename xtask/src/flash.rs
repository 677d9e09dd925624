//! A device program onto a board: built, weighed, written by the board's own way, its log followed.

mod esp;
mod hex;
mod memory;
mod tools;
mod uf2;
mod volume;

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use sockeye_qemu::{BOARDS, Board, Flashed};

use self::memory::Memory;
use crate::elf::segments;
use crate::install::Installer;
use crate::process::{shown, target_dir};
use crate::table;

/// The programs of examples/apps that a board runs.
pub(crate) const APPS: &[&str] = &["echo", "sensor", "uplink"];

/// What to flash, and onto what.
#[derive(Parser)]
pub(crate) struct Args {
    /// The board; `--list` shows them.
    #[arg(value_parser = Board::named, required_unless_present = "list")]
    board: Option<&'static Board>,
    /// A program of examples/apps.
    #[arg(default_value = "sensor", value_parser = PossibleValuesParser::new(APPS))]
    app: String,
    /// Only make the files, in target/images.
    #[arg(long, conflicts_with_all = ["probe", "port", "volume"])]
    image_only: bool,
    /// Show the boards, and the probes and ports that are there.
    #[arg(long, conflicts_with_all = ["board", "app", "image_only", "probe", "port", "volume"])]
    list: bool,
    /// The debug probe, as `--list` shows it, if there are several.
    #[arg(long, value_name = "VID:PID[:SERIAL]")]
    probe: Option<String>,
    /// The serial port of an ESP32, if there are several.
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The boot volume of a Pico, if there are several or it is not found.
    #[arg(long, value_name = "FOLDER")]
    volume: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let Some(board) = args.board else { return list() };
    let lacks = lacks(board, &args.app);
    if args.image_only {
        make(board, &args.app, installer)?;
        if let Some(lack) = lacks {
            println!("note: this image stops at its start: {lack}");
        }
        return Ok(());
    }
    if let Some(lack) = lacks {
        bail!(lack);
    }
    // Before minutes of building.
    let way = Way::to(board, args, installer)?;
    let images = make(board, &args.app, installer)?;
    match way {
        Way::Probe { chip, probe } => tools::probe_rs(chip, &images.elf, probe),
        Way::Port { chip, port } => tools::espflash(chip, &images.elf, port),
        Way::Volume(volume) => volume::copy(&images.file, &volume),
    }
}

/// How an image gets to the board that is there.
enum Way<'a> {
    Probe { chip: &'static str, probe: Option<&'a str> },
    Port { chip: &'static str, port: Option<&'a str> },
    Volume(PathBuf),
}

impl<'a> Way<'a> {
    /// That to the one board that is there, or that was chosen.
    fn to(board: &Board, args: &'a Args, installer: &Installer) -> Result<Self> {
        let (probe, port) = (args.probe.as_deref(), args.port.as_deref());
        let foreign = |option: &str, what: &str| bail!("{option} is not for {}, which has no {what}", board.name);
        match board.flashed {
            Flashed::Uf2 { .. } | Flashed::ProbeRs { .. } if port.is_some() => foreign("--port", "serial port"),
            Flashed::Espflash { .. } if probe.is_some() => foreign("--probe", "debug probe"),
            Flashed::Espflash { .. } | Flashed::ProbeRs { .. } if args.volume.is_some() => {
                foreign("--volume", "boot volume")
            }
            Flashed::Uf2 { board_id, chip, .. } => {
                if args.volume.is_none() && (probe.is_some() || tools::has_probe()) {
                    tools::one_probe(probe)?;
                    return Ok(Way::Probe { chip, probe });
                }
                volume::find(board_id, args.volume.as_deref()).map(Way::Volume)
            }
            Flashed::ProbeRs { chip } => {
                tools::one_probe(probe)?;
                Ok(Way::Probe { chip, probe })
            }
            Flashed::Espflash { chip } => {
                tools::one_port(port, installer)?;
                Ok(Way::Port { chip, port })
            }
        }
    }
}

/// What was made for a board.
pub(crate) struct Images {
    pub(crate) elf: PathBuf,
    /// What goes onto it.
    pub(crate) file: PathBuf,
}

/// Builds a program, says what it takes of the board, and writes target/images/BOARD-APP.*.
pub(crate) fn make(board: &Board, app: &str, installer: &Installer) -> Result<Images> {
    installer.rust_target(board.target)?;
    println!("building {app} for {}", board.name);
    let built = board.build(app)?;
    let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    println!("{} {app}: {}", board.name, Memory::of(board, &bytes)?);
    let dir = target_dir().join("images");
    fs::create_dir_all(&dir)?;
    let named = |ending: &str| dir.join(format!("{}-{app}.{ending}", board.name));
    let elf = named("elf");
    fs::write(&elf, &bytes)?;
    let file = match board.flashed {
        Flashed::Uf2 { family, .. } => write(named("uf2"), &uf2::write(&segments(&bytes)?, family))?,
        Flashed::Espflash { chip } => esp::image(chip, &elf, named("bin"), installer)?,
        Flashed::ProbeRs { .. } => {
            let segments = segments(&bytes)?;
            write(named("bin"), &hex::binary(&segments)?)?;
            write(named("hex"), hex::write(&segments).as_bytes())?
        }
    };
    println!("{} and {}", shown(&elf), shown(&file));
    Ok(Images { elf, file })
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<PathBuf> {
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What an image would say that it is missing, and nothing else.
fn lacks(board: &Board, app: &str) -> Option<String> {
    const URL: (&str, &str) = ("UPLINK_URL", "it is where the device dials");
    let missing = |variable: &str| env::var_os(variable).is_none_or(|value| value.is_empty());
    let needs = board.needs.iter().chain((app == "uplink").then_some(&URL));
    let (variable, why) = needs.copied().find(|(variable, _)| missing(variable))?;
    Some(format!("{variable} is not set: {why} (docs/boards.md)"))
}

fn list() -> Result<()> {
    let way = |board: &Board| match board.flashed {
        Flashed::Uf2 { chip, .. } => format!("boot volume, or probe-rs ({chip})"),
        Flashed::Espflash { chip } => format!("espflash ({chip})"),
        Flashed::ProbeRs { chip } => format!("probe-rs ({chip})"),
    };
    let rows = BOARDS.iter().map(|board| vec![board.name.into(), board.what.into(), way(board)]);
    table::print(&["board", "what it is", "flashed by"], &rows.collect::<Vec<_>>());
    tools::list();
    volume::list();
    Ok(())
}
