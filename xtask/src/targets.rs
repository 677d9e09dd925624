//! The machines the core is built for: the one table.

/// A target and what it stands for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    pub(crate) stands_for: &'static str,
    /// Whether the size and panic probe is linked for it.
    pub(crate) probed: bool,
}

pub(crate) const BARE_METAL: &[Target] = &[
    Target { triple: "thumbv6m-none-eabi", stands_for: "Cortex-M0+ (RP2040)", probed: false },
    Target { triple: "thumbv7m-none-eabi", stands_for: "Cortex-M3 (LM3S6965)", probed: true },
    Target { triple: "riscv32imc-unknown-none-elf", stands_for: "RISC-V without atomics (ESP32-C3)", probed: false },
    Target { triple: "riscv32imac-unknown-none-elf", stands_for: "RISC-V with atomics (ESP32-C6)", probed: true },
];

/// The libraries compile here too.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
