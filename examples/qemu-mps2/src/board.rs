//! What the board has beside its network.

use drivers::register::Register;

/// LED0 of the FPGA's system control, a bit an LED.
const FPGAIO_LED0: Register = {
    // SAFETY: the FPGA's system control, which has no access to memory.
    #[expect(unsafe_code, reason = "the address is the application note's")]
    unsafe {
        Register::new(0x4002_8000)
    }
};

/// The board's parts.
pub struct Board(());

impl Board {
    pub(crate) fn new() -> Self {
        Board(())
    }
}

impl apps::Board for Board {
    fn set_led(&mut self, on: bool) {
        FPGAIO_LED0.write(on.into());
    }

    /// There is no sensor.
    fn temperature(&mut self) -> Option<i32> {
        None
    }

    /// The machine has none: this is the host's clock.
    fn entropy(&mut self, bytes: &mut [u8]) {
        drivers::host::entropy(bytes);
    }
}
