//! Makes one page of the three files, compresses it, and writes it as a constant.
//!
//! One page is one connection: a browser that loads three files takes three of a device's places at once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest as _, Sha256};

fn main() {
    println!("cargo::rustc-env=BUILT={}", built());
    let (html, style, script) = (read("sensor.html"), read("sensor.css"), read("sensor.js"));
    let page = put(&html, r#"<link rel="stylesheet" href="/sensor.css">"#, &format!("<style>{style}</style>"));
    let script_tag = r#"<script type="module" src="/sensor.js"></script>"#;
    let page = put(&page, script_tag, &format!(r#"<script type="module">{script}</script>"#));
    // This style and this script, and nothing else.
    let policy = format!(
        "default-src 'none'; connect-src 'self'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash(&script),
        hash(&style)
    );

    let out = env::var("OUT_DIR").expect("cargo sets it");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(page.as_bytes()).expect("a Vec takes all");
    let mut crc = Crc::new();
    crc.update(page.as_bytes());
    let compressed = Path::new(&out).join("sensor.gz");
    fs::write(&compressed, encoder.finish().expect("a Vec takes all")).expect("OUT_DIR can be written");
    let headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Encoding", "gzip"),
        ("ETag", &format!("\"{:08x}-{}\"", crc.sum(), page.len())),
        ("Cache-Control", "no-cache"),
        ("Content-Security-Policy", &policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ];
    let mut constants = String::from("/// Path and page.\nconst PAGES: &[(&str, Page)] = &[\n");
    writeln!(constants, "(\"/\", Page {{ headers: &{headers:?}, body: include_bytes!({compressed:?}) }}),")
        .expect("a String takes all");
    constants.push_str("];\n");
    fs::write(Path::new(&out).join("pages.rs"), constants).expect("OUT_DIR can be written");
}

/// The day on which this is built, in seconds since 1970, or what SOURCE_DATE_EPOCH says: a clock is later.
fn built() -> u64 {
    const DAY: u64 = 24 * 3600;
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(set) => set.parse().expect("SOURCE_DATE_EPOCH is a number of seconds"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() / DAY * DAY),
    }
}

fn read(file: &str) -> String {
    let path = Path::new("../web").join(file);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn put(page: &str, tag: &str, content: &str) -> String {
    assert_eq!(page.matches(tag).count(), 1, "sensor.html has no {tag}");
    page.replace(tag, content)
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
