//! The cases that both servers here are tested with, the program and the firmware, as data.

mod frames;
mod requests;

pub use frames::*;
pub use requests::*;
