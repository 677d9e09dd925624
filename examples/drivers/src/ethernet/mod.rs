//! Ethernet: one file a controller, each an `embassy_net_driver::Driver`.

#[cfg(target_arch = "arm")]
mod fifo;
#[cfg(all(target_arch = "arm", feature = "mps2"))]
pub mod lan9118;
#[cfg(all(target_arch = "arm", feature = "lm3s6965"))]
pub mod stellaris;
#[cfg(target_arch = "riscv32")]
pub mod virtio;

/// The longest frame that goes over the wire here: header and 1500 bytes of payload, without the checksum.
pub const MAX_FRAME: usize = 14 + 1500;
