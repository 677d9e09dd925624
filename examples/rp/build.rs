//! The chip's memory, how an image is linked for it, and what a radio needs.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The stack is below the variables: one that is too deep leaves the memory, and faults.
const RP2040: &str = "
_stack_end = 0x20000000;
_stack_start = _stack_end + 24K;
MEMORY {
    BOOT2 : ORIGIN = 0x10000000, LENGTH = 0x100
    FLASH : ORIGIN = 0x10000100, LENGTH = 2048K - 0x100
    RAM : ORIGIN = _stack_start, LENGTH = 264K - 24K
}
";

/// The boot ROM looks for a block at the start (datasheet, section 5.9.5).
const RP2350: &str = "
_stack_end = 0x20000000;
_stack_start = _stack_end + 24K;
MEMORY {
    FLASH : ORIGIN = 0x10000000, LENGTH = 2048K
    RAM : ORIGIN = _stack_start, LENGTH = 512K - 24K
}
SECTIONS {
    .start_block : ALIGN(4) {
        __start_block_addr = .;
        KEEP(*(.start_block));
    } > FLASH
} INSERT AFTER .vector_table;
_stext = ADDR(.start_block) + SIZEOF(.start_block);
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or(io::ErrorKind::NotFound)?;
    let rp2040 = env::var_os("CARGO_FEATURE_RP2040").is_some();
    fs::write(out.join("memory.x"), if rp2040 { RP2040 } else { RP2350 })?;
    println!("cargo::rustc-link-search={}", out.display());
    let own: &[&str] = if rp2040 { &["-Tlink-rp.x"] } else { &[] };
    for arg in ["--nmagic", "-Tlink.x", "-Tdefmt.x"].iter().chain(own) {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
    if env::var_os("CARGO_FEATURE_RADIO").is_some() {
        calibration(&out.join("nvram.bin"))?;
    }
    Ok(())
}

/// The radio's calibration for this board, which is in no crate: `CYW43_NVRAM` names its file. Without it the image is
/// built, but says at its start that it cannot run.
fn calibration(to: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=CYW43_NVRAM");
    let bytes = match env::var_os("CYW43_NVRAM") {
        Some(file) => {
            println!("cargo::rerun-if-changed={}", Path::new(&file).display());
            fs::read(&file).map_err(|error| io::Error::new(error.kind(), format!("CYW43_NVRAM: {error}")))?
        }
        None => {
            println!("cargo::warning=this image cannot run: CYW43_NVRAM is not set, see docs/boards.md");
            Vec::new()
        }
    };
    fs::write(to, bytes)
}
