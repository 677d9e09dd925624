//! What is built for: the one table of targets. The machines that QEMU runs are in `sockeye_qemu::MACHINES`.

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

/// The aim for the core was 7 KiB, and for core and wrapper together too. What holds is what is here: the core is 102
/// bytes over it since it unmasks and validates four and two words a round; for the wrapper see ARCHITECTURE.md.
const CORTEX_M3: Budget = Budget { core: 7_300, wrapper: 17_000 };
/// RISC-V's code is about a fifth larger than thumbv7m's, in `sha1_smol` as in the core.
const RISCV: Budget = Budget { core: 8_800, wrapper: 20_000 };

/// The libraries build for all of them. The first two have no compare-and-swap: the libraries need none, but a program
/// there gives portable-atomic its feature `critical-section`, which embassy and static_cell use.
pub(crate) const BARE_METAL: &[Target] = &[
    of("thumbv6m-none-eabi", "Cortex-M0+ (RP2040)"),
    of("riscv32imc-unknown-none-elf", "RISC-V without atomics (ESP32-C3)"),
    Target { probe_budget: Some(CORTEX_M3), ..of("thumbv7m-none-eabi", "Cortex-M3 (LM3S6965)") },
    of("thumbv7em-none-eabi", "Cortex-M4 without FPU"),
    of("thumbv7em-none-eabihf", "Cortex-M4F, M7 (STM32F429)"),
    of("thumbv8m.main-none-eabihf", "Cortex-M33 (RP2350, STM32H563)"),
    Target { probe_budget: Some(RISCV), ..of("riscv32imac-unknown-none-elf", "RISC-V with atomics (ESP32-C6)") },
];

const fn of(triple: &'static str, stands_for: &'static str) -> Target {
    Target { triple, stands_for, probe_budget: None }
}

/// The libraries compile here too.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";
