//! The programs for the host: how long their messages may be, and which cases of Autobahn they pass.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use super::client::{self, Longest};
use super::image::program;
use super::{LARGE, Library, SMALL};
use crate::autobahn;
use crate::install::Installer;
use crate::process::{Running, command, workspace_dir};
use crate::server::listening;

/// For the cases of a section: a program that hangs takes 15 s a case.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// Cases, and whether they were passed strictly.
pub(super) type Passed = BTreeMap<String, bool>;

/// The longest messages with a device's buffer.
pub(super) fn longest(library: &Library) -> Result<Longest> {
    let (_running, address) = start(library, SMALL)?;
    client::longest(address).with_context(|| format!("{} has no echo", library.name))
}

/// The cases 1 to 10, with the small buffer and with the large one.
pub(super) fn passed(library: &Library, installer: &Installer) -> Result<[Passed; 2]> {
    let judged = |buffer, size| {
        let (_running, address) = start(library, buffer)?;
        let label = format!("device-{}-{size}", library.feature);
        autobahn::judge_server(&label, address, LIMIT, installer)
    };
    Ok([judged(SMALL, "small")?, judged(LARGE, "large")?])
}

fn start(library: &Library, buffer: usize) -> Result<(Running, SocketAddr)> {
    let name = format!("host-{}", library.feature);
    let mut serve = command(program(&name, &format!("host,{}", library.feature), None)?);
    listening(serve.arg(buffer.to_string()), &workspace_dir(&format!("{name}.log")))
}
