//! The boot volume that a Pico is while its BOOTSEL button is held at the start: a UF2 that is copied there is flashed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::shown;

/// What says which chip it is.
const INFO: &str = "INFO_UF2.TXT";

/// The volume that was chosen, or the one that is there, of this chip.
pub(super) fn find(board_id: &str, chosen: Option<&Path>) -> Result<PathBuf> {
    let volume = match (chosen, mounted().as_slice()) {
        (Some(chosen), _) => chosen.to_owned(),
        (None, [one]) => one.clone(),
        (None, []) => bail!(
            "no board is there: hold BOOTSEL while you plug it in, and mount the volume that comes (--volume, where it \
             is not found), or connect a debug probe"
        ),
        (None, several) => {
            let names = several.iter().map(|volume| format!("\n  {}", shown(volume))).collect::<String>();
            bail!("several boot volumes are there, choose with --volume:{names}")
        }
    };
    let found = id(&volume).with_context(|| format!("{} is no boot volume: it has no {INFO}", shown(&volume)))?;
    if found != board_id {
        bail!("{} is of another chip: it is {found}, and the board is {board_id}", shown(&volume));
    }
    Ok(volume)
}

/// Copies an image onto a volume.
pub(super) fn copy(image: &Path, volume: &Path) -> Result<()> {
    let name = image.file_name().context("an image has a name")?;
    let mut file = File::create(volume.join(name)).with_context(|| format!("cannot write to {}", shown(volume)))?;
    let written = file.write_all(&fs::read(image)?).and_then(|()| file.sync_all());
    // With the last block the chip takes its volume away.
    if id(volume).is_some() {
        written.context("the image did not arrive")?;
    }
    println!("copied to {}: the board starts by itself", shown(volume));
    println!("its log is seen with a debug probe only; its address is told by whoever gave it: your router");
    Ok(())
}

pub(super) fn list() {
    match mounted().as_slice() {
        [] => println!("boot volumes: none"),
        some => {
            println!("boot volumes:");
            some.iter().for_each(|volume| println!("  {}: {}", shown(volume), id(volume).unwrap_or_default()));
        }
    }
}

/// The volumes that have one.
fn mounted() -> Vec<PathBuf> {
    let mut volumes: Vec<PathBuf> = places().into_iter().filter(|place| place.join(INFO).is_file()).collect();
    volumes.sort();
    volumes.dedup();
    volumes
}

/// Where volumes may be.
#[cfg(target_os = "linux")]
fn places() -> Vec<PathBuf> {
    // A space in a name is written \040 there (proc_mounts(5)).
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let folder = |line: &str| Some(PathBuf::from(line.split(' ').nth(1)?.replace("\\040", " ")));
    mounts.lines().filter(|line| line.contains(" vfat ")).filter_map(folder).collect()
}

/// Where volumes may be.
#[cfg(target_os = "macos")]
fn places() -> Vec<PathBuf> {
    let volumes = fs::read_dir("/Volumes").into_iter().flatten();
    volumes.filter_map(|volume| Some(volume.ok()?.path())).collect()
}

/// Where volumes may be.
#[cfg(windows)]
fn places() -> Vec<PathBuf> {
    ('D'..='Z').map(|letter| PathBuf::from(format!("{letter}:\\"))).collect()
}

/// The chip's, of a boot volume.
fn id(volume: &Path) -> Option<String> {
    let info = fs::read_to_string(volume.join(INFO)).ok()?;
    info.lines().find_map(|line| line.strip_prefix("Board-ID:")).map(|id| id.trim().to_owned())
}
