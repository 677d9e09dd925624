//! What the board has beside its network.

use crate::{adc, led};

/// The board's parts.
pub struct Board(());

impl Board {
    pub(crate) fn new() -> Self {
        led::init();
        adc::init();
        Board(())
    }
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        led::set(on);
    }

    /// From the chip's own sensor, whose voltage falls as it gets warm; QEMU's varies a little and means nothing.
    fn temperature(&mut self) -> Option<i32> {
        adc::sample().map(|sample| 147_500 - 225_000 * i32::from(sample) / 1_023)
    }

    /// The machine has none: this is the host's clock.
    fn entropy(&mut self, bytes: &mut [u8]) {
        drivers::host::entropy(bytes);
    }
}
