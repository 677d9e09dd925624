//! What runs on a device, built for every bare-metal target: the libraries, the images of QEMU's machines, and those of
//! boards.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Parser;
use sockeye_qemu::{BOARDS, Board, Image, MACHINES, W5500_EVB_PICO};

use crate::device::{self, APPS};
use crate::flash;
use crate::install::{Installer, Missing};
use crate::process::{self, cargo};
use crate::table;
use crate::targets::BARE_METAL;

/// How much.
#[derive(Parser, Default)]
pub(crate) struct Args {
    /// The images of all boards as well, made, read back and flashed by stand-ins (ten minutes); of boards otherwise only
    /// the compiler looks at one a family.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let mut rows = Vec::new();
    for target in BARE_METAL {
        let built = installer.rust_target(target.triple).and_then(|()| libraries(target.triple));
        rows.push((target.triple, target.stands_for.to_owned(), built));
    }
    let mut packages = BTreeSet::new();
    for machine in MACHINES.iter().filter(|machine| packages.insert(machine.package)) {
        let built = APPS.iter().try_for_each(|app| device::build(&Image::new(machine, app), installer).map(drop));
        rows.push((machine.target, format!("{}: {}", machine.package, APPS.join(", ")), built));
    }
    let mut families = BTreeSet::new();
    for board in BOARDS.iter().filter(|board| families.insert(board.package)) {
        rows.push((board.target, format!("{}: checked", board.name), check(board, installer)));
    }
    if args.all {
        rows.push(("each board's", format!("every board: {}", flash::APPS.join(", ")), boards(true, installer)));
    }
    conclude(rows)
}

/// Makes the images of all boards, or of one, reads them back, and has stand-ins flash them.
pub(crate) fn boards(all: bool, installer: &Installer) -> Result<()> {
    let wanted = |board: &&Board| all || board.name == W5500_EVB_PICO.name;
    BOARDS.iter().filter(wanted).try_for_each(|board| installer.rust_target(board.target))?;
    let mut tests = cargo();
    tests.args(["test", "-p", "xtask", "--test", "flash", "--", "--nocapture"]);
    process::run(tests.envs(all.then_some(("SOCKEYE_BOARDS", "all"))))
}

/// A board's package, as far as a compiler goes without an image.
fn check(board: &Board, installer: &Installer) -> Result<()> {
    installer.rust_target(board.target)?;
    let mut check = cargo();
    check.args([
        "check",
        "--release",
        "--locked",
        "--target",
        board.target,
        "--features",
        &format!("{},uplink", board.feature),
    ]);
    check.args(["--manifest-path", &format!("examples/{}/Cargo.toml", board.package), "--target-dir", "target/device"]);
    process::run(&mut check)
}

/// The core without its default features, and the wrapper with and without its own.
fn libraries(triple: &str) -> Result<()> {
    let build = |args: &[&str]| process::run(cargo().arg("build").args(args).args(["--target", triple]));
    build(&["-p", "sockeye", "-p", "sockeye-embassy", "--no-default-features"])?;
    build(&["-p", "sockeye-embassy", "--features", "defmt,tls"])
}

fn conclude(built: Vec<(&str, String, Result<()>)>) -> Result<()> {
    let mut rows = Vec::new();
    let mut failed = 0;
    for (triple, what, result) in built {
        let end = match result {
            Ok(()) => "builds".to_owned(),
            Err(error) if error.is::<Missing>() => return Err(error),
            Err(error) => {
                failed += 1;
                format!("{error:#}")
            }
        };
        rows.push(vec![triple.to_owned(), what, end]);
    }
    table::print(&["target", "stands for", ""], &rows);
    if failed > 0 {
        bail!("{failed} of {} builds failed", rows.len());
    }
    Ok(())
}
