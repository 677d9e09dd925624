//! The machine's memory, and how an image is linked for it.

use std::path::PathBuf;
use std::{env, fs, io};

/// All is in RAM, where QEMU puts the image and begins to run it. The machine is given 16 MiB, of which the last 2 hold
/// its device tree. Nothing unwinds, so no image needs the tables for that.
const MEMORY: &str = "
MEMORY { RAM : ORIGIN = 0x80000000, LENGTH = 14M }
REGION_ALIAS(REGION_TEXT, RAM);
REGION_ALIAS(REGION_RODATA, RAM);
REGION_ALIAS(REGION_DATA, RAM);
REGION_ALIAS(REGION_BSS, RAM);
REGION_ALIAS(REGION_HEAP, RAM);
REGION_ALIAS(REGION_STACK, RAM);
SECTIONS { /DISCARD/ : { *(.eh_frame); } }
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    fs::write(out.join("memory.x"), MEMORY)?;
    println!("cargo::rustc-link-search={}", out.display());
    // The regions have to be known before riscv-rt's link.x places sections in them.
    for arg in ["--nmagic", "-Tmemory.x", "-Tlink.x"] {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    }
    Ok(())
}
