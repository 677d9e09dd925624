//! The same echo through sockeye and its peers, and what counts its instructions.
//!
//! Each library's echo is written once, over any transport: an image has it over memory ([`board`]), a program for the
//! host over TCP ([`host`]). Only one library is in a build.
#![cfg_attr(not(feature = "host"), no_std)]

#[cfg(feature = "board")]
pub mod board;
pub mod echo;
#[cfg(feature = "host")]
pub mod host;
