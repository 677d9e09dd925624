//! How an image is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The last one is esp-hal's, and has to come behind the others.
    for arg in ["-Tdefmt.x", "-Tlinkall.x"] {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
}
