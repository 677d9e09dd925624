//! The firmware, booted in QEMU, from the host: what a device promises its clients.

mod client;
mod crash;
mod gone;
mod idle;
mod page;
mod places;
mod sensor;
