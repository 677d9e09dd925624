//! The boards that people own, in one table.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::image;

/// A board, and the package of `examples` that is made for it and its family.
#[derive(Debug)]
pub struct Board {
    /// What it is called on a command line.
    pub name: &'static str,
    /// Its chip and its network.
    pub what: &'static str,
    /// The package in `examples`.
    pub package: &'static str,
    /// The package's feature for this board.
    pub feature: &'static str,
    /// The Rust target.
    pub target: &'static str,
    /// Bytes of flash.
    pub flash: u64,
    /// Bytes of RAM.
    pub ram: u64,
    /// From where to where the processor sees flash: what is linked elsewhere is in RAM.
    pub flash_at: &'static [(u64, u64)],
    /// How an image gets onto it.
    pub flashed: Flashed,
    /// What has to be in the environment when it is built, and what for.
    pub needs: &'static [(&'static str, &'static str)],
}

/// How an image gets onto a board.
#[derive(Debug, Clone, Copy)]
pub enum Flashed {
    /// By probe-rs with a debug probe, or as a file onto the volume that the chip is while it waits for one.
    Uf2 {
        /// The family's number in the file.
        family: u32,
        /// What the volume says that it is.
        board_id: &'static str,
        /// The chip's name for probe-rs.
        chip: &'static str,
    },
    /// By espflash, over USB.
    Espflash {
        /// The chip's name for espflash.
        chip: &'static str,
    },
    /// By probe-rs, with the debug probe that the board has.
    ProbeRs {
        /// The chip's name for probe-rs.
        chip: &'static str,
    },
}

const WIFI: (&str, &str) = ("WIFI_SSID", "it is the name of the network that the board joins");
const NVRAM: (&str, &str) = ("CYW43_NVRAM", "it is the file with the radio's calibration");

const RP2040: Flashed = Flashed::Uf2 { family: 0xe48b_ff56, board_id: "RPI-RP2", chip: "RP2040" };
const RP2350: Flashed = Flashed::Uf2 { family: 0xe48b_ff59, board_id: "RP2350", chip: "RP235x" };

/// Every board.
pub const BOARDS: &[Board] = &[
    Board {
        name: "w5500-evb-pico",
        what: "RP2040, Ethernet by W5500",
        package: "rp",
        feature: "w5500-evb-pico",
        target: "thumbv6m-none-eabi",
        flash: 2 * MIB,
        ram: 264 * KIB,
        flash_at: &[(0x1000_0000, 0x1400_0000)],
        flashed: RP2040,
        needs: &[],
    },
    Board {
        name: "w5500-evb-pico2",
        what: "RP2350, Ethernet by W5500",
        package: "rp",
        feature: "w5500-evb-pico2",
        target: "thumbv8m.main-none-eabihf",
        flash: 2 * MIB,
        ram: 520 * KIB,
        flash_at: &[(0x1000_0000, 0x1400_0000)],
        flashed: RP2350,
        needs: &[],
    },
    Board {
        name: "pico-w",
        what: "RP2040, Wi-Fi by CYW43439",
        package: "rp",
        feature: "pico-w",
        target: "thumbv6m-none-eabi",
        flash: 2 * MIB,
        ram: 264 * KIB,
        flash_at: &[(0x1000_0000, 0x1400_0000)],
        flashed: RP2040,
        needs: &[WIFI, NVRAM],
    },
    Board {
        name: "pico-2-w",
        what: "RP2350, Wi-Fi by CYW43439",
        package: "rp",
        feature: "pico-2-w",
        target: "thumbv8m.main-none-eabihf",
        flash: 4 * MIB,
        ram: 520 * KIB,
        flash_at: &[(0x1000_0000, 0x1400_0000)],
        flashed: RP2350,
        needs: &[WIFI, NVRAM],
    },
    Board {
        name: "esp32-c3",
        what: "ESP32-C3, Wi-Fi",
        package: "esp32",
        feature: "esp32c3",
        target: "riscv32imc-unknown-none-elf",
        flash: 4 * MIB,
        ram: 400 * KIB,
        flash_at: &[(0x3c00_0000, 0x3c80_0000), (0x4200_0000, 0x4280_0000)],
        flashed: Flashed::Espflash { chip: "esp32c3" },
        needs: &[WIFI],
    },
    Board {
        name: "esp32-c6",
        what: "ESP32-C6, Wi-Fi",
        package: "esp32",
        feature: "esp32c6",
        target: "riscv32imac-unknown-none-elf",
        flash: 4 * MIB,
        ram: 512 * KIB,
        flash_at: &[(0x4200_0000, 0x4300_0000)],
        flashed: Flashed::Espflash { chip: "esp32c6" },
        needs: &[WIFI],
    },
    Board {
        name: "nucleo-f429zi",
        what: "STM32F429, Ethernet",
        package: "stm32",
        feature: "nucleo-f429zi",
        target: "thumbv7em-none-eabihf",
        flash: 2 * MIB,
        ram: 192 * KIB,
        flash_at: &[(0x0800_0000, 0x0820_0000)],
        flashed: Flashed::ProbeRs { chip: "STM32F429ZITx" },
        needs: &[],
    },
    Board {
        name: "nucleo-h563zi",
        what: "STM32H563, Ethernet",
        package: "stm32",
        feature: "nucleo-h563zi",
        target: "thumbv8m.main-none-eabihf",
        flash: 2 * MIB,
        ram: 640 * KIB,
        flash_at: &[(0x0800_0000, 0x0820_0000)],
        flashed: Flashed::ProbeRs { chip: "STM32H563ZITx" },
        needs: &[],
    },
];

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Board {
    /// The board of this name.
    ///
    /// # Errors
    /// There is none; the error names those that are there.
    pub fn named(name: &str) -> Result<&'static Board> {
        let names = || BOARDS.iter().map(|board| board.name).collect::<Vec<_>>().join(", ");
        BOARDS.iter().find(|board| board.name == name).with_context(|| format!("the boards are {}", names()))
    }

    /// Builds a program of `examples/apps` for it, and says where the ELF is: nothing that is built later changes that
    /// file.
    ///
    /// # Errors
    /// It does not build; what the compiler said is on standard error.
    pub fn build(&self, app: &str) -> Result<PathBuf> {
        self.build_with(app, &[])
    }

    /// [`build`](Self::build) in an environment that has these `NAME=VALUE` as well: an image with others takes its
    /// place.
    ///
    /// # Errors
    /// As `build`'s.
    pub fn build_with(&self, app: &str, words: &[String]) -> Result<PathBuf> {
        let features = if app == "uplink" { &format!("{},uplink", self.feature) } else { self.feature };
        image::build(&format!("{}-{app}", self.name), self.package, app, self.target, features, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_found_by_its_name() {
        for board in BOARDS {
            assert_eq!(Board::named(board.name).expect("it is in the table").name, board.name);
        }
        let error = Board::named("arduino").expect_err("it is not in the table");
        assert!(error.to_string().contains("pico-2-w"), "{error}");
    }
}
