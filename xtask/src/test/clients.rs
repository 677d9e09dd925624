//! Other people's clients, and a browser, against the release server and a device.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use sockeye_qemu::{Device, Image, Machine};

use crate::device::{self, DEFAULT_MACHINE};
use crate::emulate;
use crate::install::Installer;
use crate::process::{command, found, root, run_within};
use crate::python::environment;
use crate::server::Server;

const DIR: &str = "tests/clients";

/// A program ends by itself well before.
pub(super) const LIMIT: Duration = Duration::from_secs(180);

pub(super) fn python(installer: &Installer) -> Result<()> {
    let python = environment("clients", &root().join(DIR).join("requirements.txt"), installer)?;
    with_server(["python_websockets.py", "python_aiohttp.py"].map(|file| program(&python, file)))
}

pub(super) fn node(installer: &Installer) -> Result<()> {
    installer.node_packages(DIR)?;
    with_server(["node_ws.mjs", "node_undici.mjs"].map(|file| program("node", file)))
}

pub(super) fn browser(installer: &Installer) -> Result<()> {
    with_server([in_browser("browser.mjs", installer)?])
}

/// The page of a machine of QEMU's.
pub(super) fn device_browser(installer: &Installer) -> Result<()> {
    let machine = Machine::named(DEFAULT_MACHINE)?;
    browse(|| device::boot(&Image::new(machine, "sensor"), installer), installer)
}

/// The page of a board that is emulated.
pub(super) fn board_browser(installer: &Installer) -> Result<()> {
    browse(|| emulate::boot("sensor", installer), installer)
}

/// The page that a device serves, in a browser; what that does to the LED has to be in the device's log.
fn browse(boot: impl FnOnce() -> Result<Device>, installer: &Installer) -> Result<()> {
    let mut browser = in_browser("device.mjs", installer)?;
    let device = boot()?;
    let done = run_within(browser.arg(format!("http://{}/", device.address())), LIMIT)
        .and_then(|()| device.wait_for("led on"))
        .and_then(|on| device.wait_for_after(on.number + 1, "led off"));
    if done.is_err() {
        device.log().iter().for_each(|line| println!("{line}"));
    }
    done.map(drop)
}

/// A program that drives a browser.
pub(super) fn in_browser(file: &str, installer: &Installer) -> Result<Command> {
    let packages_wanted = ["chromium", "fonts-dejavu-core"];
    installer.debian("Chromium", &packages_wanted, || chromium().is_some())?;
    installer.node_packages(DIR)?;
    let mut browser = program("node", file);
    browser.env("CHROMIUM", chromium().unwrap_or_default());
    Ok(browser)
}

/// Runs programs one after the other, each told where the server is; all of them, also after one that fails.
fn with_server<const N: usize>(programs: [Command; N]) -> Result<()> {
    let server = Server::start()?;
    let mut result = Ok(());
    for mut program in programs {
        let done = run_within(program.arg(server.address.to_string()), LIMIT);
        result = result.and(done);
    }
    result
}

fn program(interpreter: impl AsRef<Path>, file: &str) -> Command {
    let mut program = command(interpreter.as_ref());
    program.arg(root().join(DIR).join(file));
    program
}

/// What is said by the environment, else what is on the search path.
fn chromium() -> Option<PathBuf> {
    if let Some(said) = env::var_os("CHROMIUM") {
        return Some(said.into()).filter(|path: &PathBuf| path.is_file());
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let name = names.into_iter().find(|name| found(name))?;
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}
