//! The image of an ESP32: bootloader, partitions and program in one file, to be written from address 0.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::install::Installer;
use crate::process::{self, command};

/// Has espflash make it.
pub(super) fn image(chip: &str, elf: &Path, to: PathBuf, installer: &Installer) -> Result<PathBuf> {
    installer.espflash()?;
    let mut save = command("espflash");
    process::run(save.args(["save-image", "--chip", chip, "--merge", "--skip-update-check"]).arg(elf).arg(&to))?;
    Ok(to)
}
