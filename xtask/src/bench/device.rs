//! The library for microcontrollers and its peers, on a Cortex-M3: docs/performance/device.md.
//!
//! Each library's echo is an image, which QEMU runs and counts the instructions of, and a program for the host, which
//! the Autobahn cases are run against. `bench/device` has them.

mod client;
mod host;
mod image;
mod report;
mod verdicts;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use self::host::Passed;
use self::image::Image;
use crate::install::Installer;

/// Options of `bench device`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Only the tables or libraries whose name has this in it: core, image, longest, autobahn; sockeye, edge-ws and so on.
    #[arg(long, default_value = "")]
    only: String,
    /// Rewrite the tables in docs/performance/device.md.
    #[arg(long)]
    write: bool,
}

/// A library, and what it is measured with.
struct Library {
    name: &'static str,
    /// In `bench/device`.
    feature: &'static str,
    /// Whose versions are named.
    packages: &'static [&'static str],
}

const LIBRARIES: &[Library] = &[
    Library { name: "sockeye-embassy", feature: "sockeye", packages: &["sockeye-embassy"] },
    Library { name: "edge-ws", feature: "edge-ws", packages: &["edge-ws", "edge-http"] },
    Library { name: "picoserve", feature: "picoserve", packages: &["picoserve"] },
    Library { name: "embedded-websocket", feature: "embedded-websocket", packages: &["embedded-websocket"] },
    Library { name: "websocketz", feature: "websocketz", packages: &["websocketz"] },
];

const TABLES: &[&str] = &["core", "image", "longest", "autobahn"];

/// The message buffer of a device, and one that no case of Autobahn is too large for.
const SMALL: usize = 1024;
const LARGE: usize = (16 << 20) + 1024;

/// What was found out of a library.
struct Found {
    library: &'static Library,
    image: Option<Image>,
    longest: Option<client::Longest>,
    /// With the small buffer and with the large one.
    passed: Option<[Passed; 2]>,
}

/// Counts ours, and fails if something takes over 3 % more instructions than the committed tables say.
pub(crate) fn check(installer: &Installer) -> Result<()> {
    let core = Image::measure("core", Some("sockeye"), installer)?;
    let own = Image::measure("sockeye", Some("sockeye"), installer)?;
    report::check(&core, &own)
}

pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let named = |name: &&str| name.contains(&args.only);
    let tables: Vec<&str> = TABLES.iter().copied().filter(named).collect();
    let libraries: Vec<&Library> = LIBRARIES.iter().filter(|library| named(&library.name)).collect();
    if tables.is_empty() && libraries.is_empty() {
        bail!("no table and no library has {:?} in its name", args.only);
    }
    // A word that names libraries only asks for all of their tables, and the other way round.
    let tables = if tables.is_empty() { TABLES.to_vec() } else { tables };
    let libraries = if libraries.is_empty() { LIBRARIES.iter().collect() } else { libraries };
    if args.write && libraries.len() < LIBRARIES.len() {
        bail!("the tables have all libraries: {:?} leaves some out", args.only);
    }

    let mut sections = Vec::new();
    if tables.contains(&"core") {
        sections.push(("core", report::core(&Image::measure("core", Some("sockeye"), installer)?)?));
    }
    let nothing = if tables.contains(&"image") { Some(Image::measure("nothing", None, installer)?) } else { None };
    let mut found = Vec::new();
    for library in libraries {
        let image = match &nothing {
            Some(_) => Some(Image::measure(library.feature, Some(library.feature), installer)?),
            None => None,
        };
        let longest = if tables.contains(&"longest") { Some(host::longest(library)?) } else { None };
        let passed = if tables.contains(&"autobahn") { Some(host::passed(library, installer)?) } else { None };
        found.push(Found { library, image, longest, passed });
    }
    if let Some(nothing) = &nothing {
        sections.push(("image", report::images(nothing, &found)?));
    }
    if tables.contains(&"longest") {
        sections.push(("longest", report::longest(&found)));
    }
    if tables.contains(&"autobahn") {
        sections.push(("autobahn", verdicts::autobahn(&found)));
    }
    sections.push(("versions", report::versions()?));
    for (_, section) in &sections {
        println!("\n{section}");
    }
    if args.write { report::write(&sections) } else { Ok(()) }
}
