//! What is tested against booted firmware, from the host.

use anyhow::{Result, bail};
use clap::Parser;
use sockeye_qemu::{MACHINES, Machine, W5500_EVB_PICO};

use crate::autobahn::{self, JudgeName, Side};
use crate::device::DEFAULT_MACHINE;
use crate::install::Installer;
use crate::process::{self, cargo};

/// Clients and places; bad peers; the wire itself; the device as a client.
pub(crate) const TESTS: &[&str] = &["device", "device-adversarial", "device-ethernet", "uplink"];

/// Which machine.
#[derive(Parser)]
pub(crate) struct Args {
    /// The machine [default: all of them, one after the other].
    #[arg(long, value_parser = Machine::named)]
    machine: Option<&'static Machine>,
}

/// Everything on one machine, or on each: minutes a machine.
pub(crate) fn run(args: &Args, installer: &Installer) -> Result<()> {
    let mut failed = Vec::new();
    for machine in MACHINES.iter().filter(|machine| args.machine.is_none_or(|wanted| wanted.name == machine.name)) {
        let autobahn = autobahn::Args { side: Side::Device, cases: Vec::new(), judge: JudgeName::Kosoku, machine };
        let mut results = vec![("autobahn", autobahn::run(&autobahn, installer))];
        results.extend(TESTS.iter().map(|test| (*test, cargo_test(machine, test, "", installer))));
        for (name, result) in results {
            println!("-- {name} on {}: {}", machine.name, if result.is_ok() { "passed" } else { "failed" });
            failed.extend(result.err().map(|error| format!("{name} on {}: {error:#}", machine.name)));
        }
    }
    if !failed.is_empty() {
        bail!(failed.join("; "));
    }
    Ok(())
}

pub(super) fn clients(installer: &Installer) -> Result<()> {
    cargo_test(Machine::named(DEFAULT_MACHINE)?, "device", "", installer)
}

pub(super) fn adversarial(installer: &Installer) -> Result<()> {
    cargo_test(Machine::named(DEFAULT_MACHINE)?, "device-adversarial", "", installer)
}

pub(super) fn ethernet(installer: &Installer) -> Result<()> {
    cargo_test(Machine::named(DEFAULT_MACHINE)?, "device-ethernet", "", installer)
}

/// The device as a client: over TLS on two machines, without on the small one.
pub(super) fn uplink(installer: &Installer) -> Result<()> {
    ["mps2-an385", "virt-riscv32", "lm3s6965"]
        .into_iter()
        .try_for_each(|name| cargo_test(Machine::named(name)?, "uplink", "", installer))
}

/// The same of a board's own image, over TLS, as far as readings and commands go.
pub(super) fn board_uplink(installer: &Installer) -> Result<()> {
    installer.emulator()?;
    cargo_test(&W5500_EVB_PICO, "uplink", "commands::the_room", installer)
}

/// The other machines boot and serve, and do 64-bit lengths on another processor right.
pub(super) fn others(installer: &Installer) -> Result<()> {
    for name in ["mps2-an386", "virt-riscv32"] {
        let machine = Machine::named(name)?;
        cargo_test(machine, "device", "client::", installer)?;
        cargo_test(machine, "device-adversarial", "lengths::", installer)?;
    }
    Ok(())
}

fn cargo_test(machine: &Machine, test: &str, filter: &str, installer: &Installer) -> Result<()> {
    installer.qemu(machine.program)?;
    installer.rust_target(machine.target)?;
    let mut tests = cargo();
    tests.args(["test", "-p", "sockeye-tests", "--test", test]).env("SOCKEYE_MACHINE", machine.name);
    if !filter.is_empty() {
        tests.args(["--", filter]);
    }
    process::run(&mut tests)
}
