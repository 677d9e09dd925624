//! Boards with an RP2040 or RP2350: their pins, their network, their entropy.
#![no_std]

#[cfg(not(any(feature = "w5500", feature = "radio")))]
compile_error!("a feature names the board: w5500-evb-pico, w5500-evb-pico2, pico-w or pico-2-w");

mod chip;
#[cfg(feature = "radio")]
mod radio;
#[cfg(feature = "w5500")]
mod w5500;

use defmt_rtt as _;
use panic_probe as _;
// thumbv6m has no compare-and-swap: static_cell's is a critical section.
use portable_atomic as _;

#[cfg(feature = "radio")]
pub use radio::{Board, start};
#[cfg(feature = "w5500")]
pub use w5500::{Board, start};
