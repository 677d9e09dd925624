//! What a board has beside its network.

/// The parts that a program may use. A board without one of them says so.
pub trait Board {
    /// Switches the LED.
    fn set_led(&mut self, on: bool);

    /// The chip's temperature in thousandths of a degree Celsius, where there is a sensor.
    fn temperature(&mut self) -> Option<i32>;

    /// Fills this with what nobody can foretell, from the chip's own generator.
    fn entropy(&mut self, bytes: &mut [u8]);

    /// Called about every second while the program is well, and never so for longer than 5 s: for a watchdog. A board
    /// without one does nothing.
    fn feed_watchdog(&mut self) {}
}
