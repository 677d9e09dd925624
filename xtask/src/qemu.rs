//! A device program on one of QEMU's machines, with its log, until it ends or Ctrl-C.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use sockeye_qemu::{Device, Image, Machine};

use crate::device::{APPS, DEFAULT_MACHINE, boot};
use crate::install::Installer;

/// What to run, and on which machine.
#[derive(Parser)]
pub(crate) struct Args {
    /// A program of examples/apps.
    #[arg(default_value = "sensor", value_parser = PossibleValuesParser::new(APPS))]
    app: String,
    /// A machine that QEMU has.
    #[arg(long, default_value = DEFAULT_MACHINE, value_parser = Machine::named)]
    machine: &'static Machine,
}

/// Ends with the firmware's own status, and with 0 when it is stopped.
pub(crate) fn run(args: &Args, installer: &Installer) -> Result<ExitCode> {
    let app = APPS.iter().find(|app| **app == args.app).context("clap lets no other pass")?;
    follow(&boot(&Image::new(args.machine, app), installer)?)
}

/// Prints a device's log until it ends, with whose status, or Ctrl-C.
pub(crate) fn follow(device: &Device) -> Result<ExitCode> {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))?;
    println!("Ctrl-C ends it");
    print(device, &stopped);
    if stopped.load(Ordering::Relaxed) {
        println!("stopped");
        return Ok(ExitCode::SUCCESS);
    }
    let status = device.status()?;
    println!("the firmware ended with {status}");
    // QEMU was killed: there is no status of the firmware.
    let code = status.code().context("QEMU was killed")?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Prints the log as it comes, until the device ends or is to.
fn print(device: &Device, stopped: &AtomicBool) {
    let mut printed = 0;
    while !stopped.load(Ordering::Relaxed) {
        match device.line(printed, Duration::from_millis(100)) {
            Ok(Some(line)) => {
                println!("{line}");
                printed += 1;
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}
