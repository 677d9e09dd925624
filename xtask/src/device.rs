//! Images for QEMU's machines, with what they need installed.

use std::env;
use std::path::PathBuf;

use anyhow::Result;
use sockeye_qemu::{Device, Image};

use crate::install::Installer;

/// The programs of examples/apps; the last one is for tests.
pub(crate) const APPS: &[&str] = &["echo", "sensor", "uplink", "crash"];

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
    let path = build(image, installer)?;
    if image.app == "uplink" {
        // It is told here what a board's image has from the environment that it was built in.
        let words = env::vars().filter(|(name, _)| name.starts_with("UPLINK_"));
        let words: Vec<_> = words.map(|(name, value)| format!("{name}={value}")).collect();
        println!("{} runs on {}, where this host's 127.0.0.1 is 10.0.2.2", image.name(), image.machine.name);
        return Device::boot_with_words(image.machine, &path, &words);
    }
    let device = Device::boot(image.machine, &path)?;
    println!("{} runs on {}: http://{}/", image.name(), image.machine.name, device.address());
    Ok(device)
}
