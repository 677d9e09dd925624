//! What the chip has whatever the board: a thermometer, a number of its own, entropy.

use embassy_rp::Peri;
use embassy_rp::adc::{Adc, Blocking, Channel, Config};
use embassy_rp::peripherals::{ADC, ADC_TEMP_SENSOR};

/// The chip's own temperature sensor.
pub(crate) struct Thermometer {
    adc: Adc<'static, Blocking>,
    sensor: Channel<'static>,
}

impl Thermometer {
    pub(crate) fn new(adc: Peri<'static, ADC>, sensor: Peri<'static, ADC_TEMP_SENSOR>) -> Self {
        Self { adc: Adc::new_blocking(adc, Config::default()), sensor: Channel::new_temp_sensor(sensor) }
    }

    /// In thousandths of a degree Celsius: 0.706 V at 27 degrees, and 1.721 mV less for each more (RP2040 datasheet,
    /// section 4.9.5; RP2350 datasheet, section 12.4.6).
    pub(crate) fn read(&mut self) -> Option<i32> {
        const REFERENCE_MICROVOLTS: i32 = 3_300_000;
        let sample = i32::from(self.adc.blocking_read(&mut self.sensor).ok()?);
        let microvolts = sample * (REFERENCE_MICROVOLTS / 4_096);
        Some(27_000 - (microvolts - 706_000) * 1_000 / 1_721)
    }
}

/// Eight bytes that no other board has: the RP2040 has none, its flash has.
#[cfg(all(feature = "rp2040", feature = "w5500"))]
pub(crate) fn number(flash: Peri<'static, embassy_rp::peripherals::FLASH>) -> [u8; 8] {
    use embassy_rp::flash::Flash;
    let mut number = [0; 8];
    Flash::<_, _, { 2 * 1024 * 1024 }>::new_blocking(flash)
        .blocking_unique_id(&mut number)
        .expect("the flash this runs from answers");
    number
}

/// Eight bytes that no other chip has.
#[cfg(all(feature = "rp2350", feature = "w5500"))]
pub(crate) fn number() -> [u8; 8] {
    embassy_rp::otp::get_chipid().expect("the chip's number can be read").to_be_bytes()
}

/// The ring oscillator: its bits are not all even, and who needs even ones hashes many.
#[cfg(feature = "rp2040")]
pub(crate) struct Random(embassy_rp::clocks::RoscRng);

#[cfg(feature = "rp2040")]
macro_rules! random {
    ($peripherals:ident) => {
        crate::chip::Random::new()
    };
}

#[cfg(feature = "rp2040")]
impl Random {
    pub(crate) fn new() -> Self {
        Random(embassy_rp::clocks::RoscRng)
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// The generator of random numbers.
#[cfg(feature = "rp2350")]
pub(crate) struct Random(embassy_rp::trng::Trng<'static, embassy_rp::peripherals::TRNG>);

#[cfg(feature = "rp2350")]
macro_rules! random {
    ($peripherals:ident) => {
        crate::chip::Random::new($peripherals.TRNG)
    };
}

#[cfg(feature = "rp2350")]
impl Random {
    pub(crate) fn new(trng: Peri<'static, embassy_rp::peripherals::TRNG>) -> Self {
        embassy_rp::bind_interrupts!(struct Interrupts {
            TRNG_IRQ => embassy_rp::trng::InterruptHandler<embassy_rp::peripherals::TRNG>;
        });
        Random(embassy_rp::trng::Trng::new(trng, Interrupts, embassy_rp::trng::Config::default()))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.blocking_next_u64()
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.blocking_fill_bytes(bytes);
    }
}

pub(crate) use random;
