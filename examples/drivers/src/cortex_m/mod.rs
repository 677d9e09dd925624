//! Cortex-M: the clock, the executor, interrupts and faults.

pub mod clock;
pub mod executor;
mod fault;
pub mod interrupt;

#[cfg(feature = "mps2")]
mod cmsdk_timer;
#[cfg(feature = "lm3s6965")]
mod gptm;

#[cfg(feature = "mps2")]
use cmsdk_timer as alarm;
#[cfg(feature = "lm3s6965")]
use gptm as alarm;

#[cfg(any(all(feature = "lm3s6965", feature = "mps2"), not(any(feature = "lm3s6965", feature = "mps2"))))]
compile_error!("choose one machine: `lm3s6965` or `mps2`");
