//! The DevKits' LED, a WS2812 at pin 8: a bit is a long pulse or a short one.

use esp_hal::Blocking;
use esp_hal::gpio::Level;
use esp_hal::peripherals::{GPIO8, RMT};
use esp_hal::rmt::{Channel, PulseCode, Rmt, Tx, TxChannelConfig, TxChannelCreator as _};
use esp_hal::time::Rate;

/// Not as bright as it can be, which hurts.
const ON: [u8; 3] = [16, 16, 16];
const OFF: [u8; 3] = [0; 3];

/// A tick is 25 ns.
const CLOCK: Rate = Rate::from_mhz(80);
const DIVIDER: u8 = 2;

pub(crate) struct Led {
    channel: Option<Channel<'static, Blocking, Tx>>,
}

impl Led {
    pub(crate) fn new(rmt: RMT<'static>, pin: GPIO8<'static>) -> Self {
        let rmt = Rmt::new(rmt, CLOCK).expect("the RMT has this clock");
        let config = TxChannelConfig::default().with_clk_divider(DIVIDER);
        let channel = rmt.channel0.configure_tx(&config).expect("the channel is free").with_pin(pin);
        let mut led = Led { channel: Some(channel) };
        led.set(false);
        led
    }

    pub(crate) fn set(&mut self, on: bool) {
        // 0.4 and 0.85 us for 0, 0.8 and 0.45 us for 1; then, low for 50 us or more, it takes them over.
        let bit = |is: bool| {
            if is {
                PulseCode::new(Level::High, 32, Level::Low, 18)
            } else {
                PulseCode::new(Level::High, 16, Level::Low, 34)
            }
        };
        let mut codes = [PulseCode::end_marker(); 25];
        let bits =
            (if on { ON } else { OFF }).into_iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1));
        codes.iter_mut().zip(bits).for_each(|(code, is)| *code = bit(is));
        // 30 us are too short to wait for otherwise; an LED that cannot be set stays as it is.
        let Some(channel) = self.channel.take() else { return };
        self.channel = match channel.transmit(&codes) {
            Ok(sending) => Some(sending.wait().unwrap_or_else(|(_, channel)| channel)),
            Err((_, channel)) => Some(channel),
        };
    }
}
