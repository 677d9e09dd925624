//! How an image is linked; the chip's memory is in the crate for its registers.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for arg in ["--nmagic", "-Tlink.x", "-Tdefmt.x"] {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
}
