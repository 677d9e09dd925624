//! The clocks, from the 8 MHz that the board's debugger gives.

use embassy_stm32::Config;
use embassy_stm32::rcc::{AHBPrescaler, APBPrescaler, Hse, HseMode, Pll, PllMul, PllPreDiv, Sysclk};
use embassy_stm32::time::Hertz;

const HSE: Hertz = Hertz(8_000_000);

/// 168 MHz, and 48 for the RNG.
#[cfg(feature = "nucleo-f429zi")]
pub(crate) fn config() -> Config {
    use embassy_stm32::rcc::{PllPDiv, PllQDiv, PllSource};
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.hse = Some(Hse { freq: HSE, mode: HseMode::Bypass });
    rcc.pll_src = PllSource::HSE;
    rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL168,
        divp: Some(PllPDiv::DIV2),
        divq: Some(PllQDiv::DIV7),
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.ahb_pre = AHBPrescaler::DIV1;
    rcc.apb1_pre = APBPrescaler::DIV4;
    rcc.apb2_pre = APBPrescaler::DIV2;
    config
}

/// 250 MHz; the RNG has an oscillator of its own.
#[cfg(feature = "nucleo-h563zi")]
pub(crate) fn config() -> Config {
    use embassy_stm32::rcc::{Hsi48Config, PllDiv, PllSource, VoltageScale};
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.hsi = None;
    rcc.hsi48 = Some(Hsi48Config::default());
    rcc.hse = Some(Hse { freq: HSE, mode: HseMode::BypassDigital });
    rcc.pll1 = Some(Pll {
        source: PllSource::HSE,
        prediv: PllPreDiv::DIV2,
        mul: PllMul::MUL125,
        divp: Some(PllDiv::DIV2),
        divq: Some(PllDiv::DIV2),
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.ahb_pre = AHBPrescaler::DIV1;
    rcc.apb1_pre = APBPrescaler::DIV1;
    rcc.apb2_pre = APBPrescaler::DIV1;
    rcc.apb3_pre = APBPrescaler::DIV1;
    rcc.voltage_scale = VoltageScale::Scale0;
    config
}
