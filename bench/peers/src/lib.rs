//! What the peers' servers share.

use std::process::exit;

use sockeye_bench::Mode;

/// Ends the program: its server does not have this mode.
pub fn lacks(mode: Mode) -> ! {
    eprintln!("error: this server has no mode {}", format!("{mode:?}").to_lowercase());
    exit(2)
}
