//! What a board has beside its network.

/// The parts that a program may use. A board without one of them says so.
pub trait Board {
    /// Switches the LED.
    fn set_led(&mut self, on: bool);

    /// The chip's temperature in thousandths of a degree Celsius, where there is a sensor.
    fn temperature(&mut self) -> Option<i32>;
}
