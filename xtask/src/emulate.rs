//! A board's own image on a board that is emulated, with its log, until it ends or Ctrl-C.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use sockeye_qemu::{Board, Device, W5500_EVB_PICO};

use crate::flash::APPS;
use crate::install::Installer;
use crate::{flash, qemu};

/// What to run, on what.
#[derive(Parser)]
pub(crate) struct Args {
    /// The board: of the others there is no emulator.
    #[arg(value_parser = [W5500_EVB_PICO.name])]
    board: String,
    /// A program of examples/apps.
    #[arg(default_value = "sensor", value_parser = PossibleValuesParser::new(APPS))]
    app: String,
}

/// Ends with the firmware's own status, and with 0 when it is stopped.
pub(crate) fn run(args: &Args, installer: &Installer) -> Result<ExitCode> {
    qemu::follow(&boot(&args.app, installer)?)
}

/// The image that is flashed, on the board that is emulated.
pub(crate) fn boot(app: &str, installer: &Installer) -> Result<Device> {
    installer.emulator()?;
    let images = flash::make(Board::named(W5500_EVB_PICO.name)?, app, installer)?;
    let device = Device::boot(&W5500_EVB_PICO, &images.elf)?;
    println!("{app} runs on an emulated {}: http://{}/", W5500_EVB_PICO.name, device.address());
    Ok(device)
}
