//! Compresses the pages, and writes them as constants.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// Path, file, type.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", "sensor.html", "text/html; charset=utf-8"),
    ("/sensor.css", "sensor.css", "text/css; charset=utf-8"),
    ("/sensor.js", "sensor.js", "text/javascript; charset=utf-8"),
];

/// Scripts and styles are files of the device's own, and nothing else is loaded.
const POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let web = Path::new("../web");
    let mut constants = String::from("/// Path and page.\nconst PAGES: &[(&str, Page)] = &[\n");
    for (path, file, kind) in PAGES {
        println!("cargo::rerun-if-changed=../web/{file}");
        let plain = fs::read(web.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&plain).expect("a Vec takes all");
        let mut crc = Crc::new();
        crc.update(&plain);
        let compressed = Path::new(&out).join(format!("{file}.gz"));
        fs::write(&compressed, encoder.finish().expect("a Vec takes all")).expect("OUT_DIR can be written");
        let headers = [
            ("Content-Type", *kind),
            ("Content-Encoding", "gzip"),
            ("ETag", &format!("\"{:08x}-{}\"", crc.sum(), plain.len())),
            ("Cache-Control", "no-cache"),
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ];
        writeln!(constants, "({path:?}, Page {{ headers: &{headers:?}, body: include_bytes!({compressed:?}) }}),")
            .expect("a String takes all");
    }
    constants.push_str("];\n");
    fs::write(Path::new(&out).join("pages.rs"), constants).expect("OUT_DIR can be written");
}
