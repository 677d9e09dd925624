//! The machines, in one table.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::image::root;

/// A machine that can be emulated and the package of `examples` that is made for it.
#[derive(Debug)]
pub struct Machine {
    /// What it is called on a command line.
    pub name: &'static str,
    /// The package in `examples`.
    pub package: &'static str,
    /// The Rust target.
    pub target: &'static str,
    /// The program that emulates it.
    pub program: &'static str,
    emulator: Emulator,
    /// Bytes of flash; `None` if the code is in RAM as well.
    pub flash: Option<u32>,
    /// Bytes of RAM.
    pub ram: u32,
}

#[derive(Debug)]
enum Emulator {
    /// With these options for the machine and its network card, which is connected to the network `n0`.
    Qemu(&'static [&'static str]),
    /// This script of Node.js's, whose network is a Unix socket.
    Script(&'static str),
}

/// Every machine of QEMU's. The two mps2 differ by their processor and run one image.
pub const MACHINES: &[Machine] = &[
    Machine {
        name: "lm3s6965",
        package: "qemu-lm3s6965",
        target: "thumbv7m-none-eabi",
        program: "qemu-system-arm",
        emulator: Emulator::Qemu(&["-M", "lm3s6965evb", "-net", "nic,netdev=n0,model=stellaris"]),
        flash: Some(256 * KIB),
        ram: 64 * KIB,
    },
    Machine {
        name: "mps2-an385",
        package: "qemu-mps2",
        target: "thumbv7m-none-eabi",
        program: "qemu-system-arm",
        emulator: Emulator::Qemu(&["-M", "mps2-an385", "-net", "nic,netdev=n0,model=lan9118"]),
        flash: Some(4096 * KIB),
        ram: 4096 * KIB,
    },
    Machine {
        name: "mps2-an386",
        package: "qemu-mps2",
        target: "thumbv7m-none-eabi",
        program: "qemu-system-arm",
        emulator: Emulator::Qemu(&["-M", "mps2-an386", "-net", "nic,netdev=n0,model=lan9118"]),
        flash: Some(4096 * KIB),
        ram: 4096 * KIB,
    },
    Machine {
        name: "virt-riscv32",
        package: "qemu-virt-riscv32",
        target: "riscv32imac-unknown-none-elf",
        program: "qemu-system-riscv32",
        emulator: Emulator::Qemu(&[
            "-M",
            "virt",
            "-cpu",
            "rv32",
            "-smp",
            "1",
            "-m",
            "16M",
            "-bios",
            "none",
            "-device",
            "virtio-net-device,netdev=n0",
        ]),
        flash: None,
        ram: 16 * 1024 * KIB,
    },
];

/// A board that people own, by the RP2040 of `rp2040js` and a W5500 of ours: it runs the board's own image.
pub const W5500_EVB_PICO: Machine = Machine {
    name: "w5500-evb-pico",
    package: "rp",
    target: "thumbv6m-none-eabi",
    program: "node",
    emulator: Emulator::Script("tests/emulator/main.mjs"),
    flash: Some(2048 * KIB),
    ram: 264 * KIB,
};

const KIB: u32 = 1024;

impl Machine {
    /// The machine of this name.
    ///
    /// # Errors
    /// There is none; the error names those that are there.
    pub fn named(name: &str) -> Result<&'static Machine> {
        let names = || MACHINES.iter().map(|machine| machine.name).collect::<Vec<_>>().join(", ");
        MACHINES.iter().find(|machine| machine.name == name).with_context(|| format!("the machines are {}", names()))
    }

    /// QEMU with this machine on a network, which is an option of `-netdev` without its id, and an image.
    pub(crate) fn command(&self, network: &str, image: &Path) -> Command {
        let mut command = Command::new(self.program);
        match self.emulator {
            Emulator::Qemu(arguments) => {
                command.args(arguments);
                command.args(["-display", "none", "-serial", "none", "-monitor", "none"]);
                command.args(["-semihosting-config", "enable=on,target=native"]);
                command.args(["-netdev", &format!("{network},id=n0")]).arg("-kernel").arg(image);
            }
            Emulator::Script(script) => {
                command.arg(root().join(script)).arg(network).arg(image);
            }
        }
        command
    }

    /// Whether its network is a socket, and no option of QEMU's.
    pub(crate) fn wants_wire(&self) -> bool {
        matches!(self.emulator, Emulator::Script(_))
    }
}

#[cfg(test)]
impl Machine {
    /// No machine, but a line of shell.
    pub(crate) fn made_of(line: &'static str) -> Self {
        let arguments: &[&str] = Box::leak(Box::new(["-c", line]));
        let emulator = Emulator::Qemu(arguments);
        Machine { name: "sh", package: "", target: "", program: "sh", emulator, flash: None, ram: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_by_its_name() {
        for machine in MACHINES {
            assert_eq!(Machine::named(machine.name).expect("it is in the table").name, machine.name);
        }
        let error = Machine::named("pdp11").expect_err("it is not in the table");
        assert!(error.to_string().contains("virt-riscv32"), "{error}");
    }
}
