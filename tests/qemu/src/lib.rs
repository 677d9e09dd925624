//! Device images in QEMU: built, booted on a free port, their log decoded, ended with their owner.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use sockeye_qemu::{Device, Image, Machine};
//!
//! let machine = Machine::named("lm3s6965")?;
//! let device = Device::boot(machine, &Image::new(machine, "echo").build()?)?;
//! let stream = std::net::TcpStream::connect(device.address())?;
//! drop(stream);
//! device.wait_for("ended")?;
//! # Ok(()) }
//! ```
//!
//! QEMU's user network has its traps: a connection from the host is made whether or not the guest listens, and of
//! two that are made at the same instant one waits a second: make them 20 ms apart. One guest at a time.

mod board;
mod device;
mod guest;
mod image;
mod log;
mod machine;
mod qmp;
mod stack;
mod wire;

use std::time::Duration;

pub use board::{BOARDS, Board, Flashed};
pub use device::Device;
pub use image::Image;
pub use log::Line;
pub use machine::{MACHINES, Machine, W5500_EVB_PICO};

/// No wait takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);
