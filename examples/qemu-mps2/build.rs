//! The machine's memory, and how an image is linked for it.

use std::path::PathBuf;
use std::{env, fs, io};

/// The stack is below the variables: one that is too deep leaves the memory, and faults.
const MEMORY: &str = "
_stack_end = 0x20000000;
_stack_start = _stack_end + 64K;
MEMORY {
    FLASH : ORIGIN = 0x00000000, LENGTH = 4M
    RAM : ORIGIN = _stack_start, LENGTH = 4M - 64K
}
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    fs::write(out.join("memory.x"), MEMORY)?;
    // link.x wants defaults for the interrupts: the vector table has no names that are not there.
    fs::write(out.join("device.x"), "")?;
    println!("cargo::rustc-link-search={}", out.display());
    for arg in ["--nmagic", "-Tlink.x"] {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    }
    Ok(())
}
