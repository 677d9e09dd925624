//! What the machine has beside its network, which is nothing.

/// The machine's parts. It has no sensor, and no LED: whether that would shine is only remembered.
#[derive(Debug)]
pub struct Board {
    led: bool,
}

impl Board {
    pub(crate) fn new() -> Self {
        Board { led: false }
    }

    /// Whether the LED was last switched on.
    pub fn led(&self) -> bool {
        self.led
    }
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        self.led = on;
    }

    fn temperature(&mut self) -> Option<i32> {
        None
    }

    /// The machine has none: this is the host's clock.
    fn entropy(&mut self, bytes: &mut [u8]) {
        drivers::host::entropy(bytes);
    }
}
