//! Which program runs on which machine.

use std::path::Path;

use sockeye_qemu::{Board, Device, Image, Machine, W5500_EVB_PICO};

/// A program of `examples`, as it is built for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware {
    app: &'static str,
    short: bool,
}

impl Firmware {
    /// With deadlines of seconds: [`short`](super::short).
    pub const fn short(app: &'static str) -> Self {
        Firmware { app, short: true }
    }

    /// With the deadlines that it is shipped with: 20 s and more.
    pub const fn shipped(app: &'static str) -> Self {
        Firmware { app, short: false }
    }

    /// Builds it for the machine that `SOCKEYE_MACHINE` names, lm3s6965 if it is not set, and boots it.
    ///
    /// # Panics
    /// When one of these fails.
    pub fn boot(self) -> Device {
        self.boot_by(Device::boot)
    }

    /// The same with words for a program that dials: a board's image is built with them.
    ///
    /// # Panics
    /// As `boot`.
    pub fn boot_with_words(self, words: &[String]) -> Device {
        if machine().name == W5500_EVB_PICO.name {
            let image = Board::named(W5500_EVB_PICO.name).and_then(|board| board.build_with(self.app, words));
            let device = image.and_then(|path| Device::boot(&W5500_EVB_PICO, &path));
            return device.unwrap_or_else(|error| panic!("{self:?}: {error:#}"));
        }
        self.boot_by(|machine, image| Device::boot_with_words(machine, image, words))
    }

    fn boot_by(self, boot: impl FnOnce(&Machine, &Path) -> anyhow::Result<Device>) -> Device {
        let machine = machine();
        let image = Image { short_deadlines: self.short, ..Image::new(machine, self.app) };
        let device = image.build().and_then(|path| boot(machine, &path));
        device.unwrap_or_else(|error| panic!("{self:?}: {error:#}"))
    }
}

/// The machine that `SOCKEYE_MACHINE` names, lm3s6965 if it is not set. It may be the board that is emulated, for a
/// program that dials.
///
/// # Panics
/// When it is none.
pub fn machine() -> &'static Machine {
    let name = std::env::var("SOCKEYE_MACHINE").unwrap_or_else(|_| "lm3s6965".into());
    if name == W5500_EVB_PICO.name {
        return &W5500_EVB_PICO;
    }
    Machine::named(&name).expect("SOCKEYE_MACHINE is a machine")
}
