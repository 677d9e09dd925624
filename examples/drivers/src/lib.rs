//! What a machine that QEMU has needs below embassy: a clock, its Ethernet, and how it starts, sleeps and ends.
#![no_std]

#[cfg(target_arch = "arm")]
pub mod cortex_m;
pub mod ethernet;
pub mod exit;
pub mod host;
pub mod register;
#[cfg(target_arch = "riscv32")]
pub mod riscv;
