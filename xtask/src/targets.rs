//! The machines the core is built for: the one table.

/// A target and what it stands for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    pub(crate) stands_for: &'static str,
    /// Of a target that the size and panic probe is linked for.
    pub(crate) probe_budget: Option<Budget>,
}

/// How many bytes own code and its constants may take.
pub(crate) struct Budget {
    /// Of the core alone.
    pub(crate) core: u64,
    /// Of the core and the wrapper for microcontrollers.
    pub(crate) wrapper: u64,
}

/// The aim for the core was 7 KiB, which it keeps here; for core and wrapper together too, which they miss. The other
/// figures hold them where they are; see ARCHITECTURE.md.
const CORTEX_M3: Budget = Budget { core: 7 * 1024, wrapper: 15_500 };
/// RISC-V's code is about a fifth larger than thumbv7m's, in `sha1_smol` as in the core.
const RISCV: Budget = Budget { core: 8_800, wrapper: 18_700 };

pub(crate) const BARE_METAL: &[Target] = &[
    Target { triple: "thumbv6m-none-eabi", stands_for: "Cortex-M0+ (RP2040)", probe_budget: None },
    Target { triple: "thumbv7m-none-eabi", stands_for: "Cortex-M3 (LM3S6965)", probe_budget: Some(CORTEX_M3) },
    Target {
        triple: "riscv32imc-unknown-none-elf",
        stands_for: "RISC-V without atomics (ESP32-C3)",
        probe_budget: None,
    },
    Target {
        triple: "riscv32imac-unknown-none-elf",
        stands_for: "RISC-V with atomics (ESP32-C6)",
        probe_budget: Some(RISCV),
    },
];

/// The libraries compile here too.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
