//! Images for QEMU's machines, with what they need installed.

use std::path::PathBuf;

use anyhow::Result;
use sockeye_qemu::{Device, Image};

use crate::install::Installer;

/// The programs of examples/apps; the last one is for tests.
pub(crate) const APPS: &[&str] = &["echo", "sensor", "crash"];

/// The machine where one is enough: the small one.
pub(crate) const DEFAULT_MACHINE: &str = "lm3s6965";

/// Builds an image.
pub(crate) fn build(image: &Image, installer: &Installer) -> Result<PathBuf> {
    installer.rust_target(image.machine.target)?;
    println!("building {}", image.name());
    image.build()
}

/// Builds an image and boots it.
pub(crate) fn boot(image: &Image, installer: &Installer) -> Result<Device> {
    installer.qemu(image.machine.program)?;
    let device = Device::boot(image.machine, &build(image, installer)?)?;
    println!("{} runs on {}: http://{}/", image.name(), image.machine.name, device.address());
    Ok(device)
}
