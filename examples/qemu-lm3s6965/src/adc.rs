//! The temperature sensor, through the ADC's sample sequencer 3. Timer 1 triggers it: QEMU's cannot be told to sample.

use embassy_time::{Duration, Instant};

pub(crate) fn init() {
    use registers::{ACTSS, CFG, CFG_32_BIT, EMUX, EMUX_EM3_TIMER, RCGC0, RCGC0_ADC, RCGC1, RCGC1_TIMER1};
    use registers::{ACTSS_ASEN3, SSCTL3, SSCTL3_END0, SSCTL3_IE0, SSCTL3_TS0, TAILR, TAMR, TAMR_ONE_SHOT};
    RCGC0.write(RCGC0.read() | RCGC0_ADC);
    RCGC1.write(RCGC1.read() | RCGC1_TIMER1);
    // They have their clock three cycles later: as long as it takes to read back.
    RCGC1.read();
    ACTSS.write(0);
    EMUX.write(EMUX_EM3_TIMER);
    SSCTL3.write(SSCTL3_TS0 | SSCTL3_IE0 | SSCTL3_END0);
    ACTSS.write(ACTSS_ASEN3);
    CFG.write(CFG_32_BIT);
    TAMR.write(TAMR_ONE_SHOT);
    TAILR.write(1);
}

/// Ten bits. It takes microseconds, and `None` is a broken ADC.
pub(crate) fn sample() -> Option<u16> {
    use registers::{CTL, CTL_TAEN, CTL_TAOTE};
    const TIMEOUT: Duration = Duration::from_millis(100);
    // One that came too late for the last call.
    read();
    CTL.write(CTL_TAEN | CTL_TAOTE);
    let start = Instant::now();
    loop {
        let sample = read();
        if sample.is_some() || start.elapsed() > TIMEOUT {
            return sample;
        }
    }
}

fn read() -> Option<u16> {
    use registers::{ISC, RIS, SS3, SSFIFO3};
    (RIS.read() & SS3 != 0).then(|| {
        ISC.write(SS3);
        SSFIFO3.read() as u16
    })
}

mod registers {
    use drivers::register::Register;

    pub(super) const RCGC0: Register = at(0x400F_E100);
    pub(super) const RCGC0_ADC: u32 = 1 << 16;
    pub(super) const RCGC1: Register = at(0x400F_E104);
    pub(super) const RCGC1_TIMER1: u32 = 1 << 17;

    pub(super) const CFG: Register = at(0x4003_1000);
    pub(super) const CFG_32_BIT: u32 = 0;
    pub(super) const TAMR: Register = at(0x4003_1004);
    pub(super) const TAMR_ONE_SHOT: u32 = 1;
    pub(super) const CTL: Register = at(0x4003_100C);
    pub(super) const CTL_TAEN: u32 = 1 << 0;
    /// Its end triggers the ADC.
    pub(super) const CTL_TAOTE: u32 = 1 << 5;
    pub(super) const TAILR: Register = at(0x4003_1028);

    pub(super) const ACTSS: Register = at(0x4003_8000);
    pub(super) const ACTSS_ASEN3: u32 = 1 << 3;
    pub(super) const RIS: Register = at(0x4003_8004);
    pub(super) const ISC: Register = at(0x4003_800C);
    /// Sequencer 3, in RIS and ISC.
    pub(super) const SS3: u32 = 1 << 3;
    pub(super) const EMUX: Register = at(0x4003_8014);
    pub(super) const EMUX_EM3_TIMER: u32 = 5 << 12;
    pub(super) const SSCTL3: Register = at(0x4003_80A4);
    /// The last sample of the sequence, which sets RIS, of the temperature sensor.
    pub(super) const SSCTL3_END0: u32 = 1 << 1;
    pub(super) const SSCTL3_IE0: u32 = 1 << 2;
    pub(super) const SSCTL3_TS0: u32 = 1 << 3;
    pub(super) const SSFIFO3: Register = at(0x4003_80A8);

    const fn at(address: usize) -> Register {
        // SAFETY: the system control's, the timer's or the ADC's, which have no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the datasheet's")]
        unsafe {
            Register::new(address)
        }
    }
}
