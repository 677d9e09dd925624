//! The MPS2's Ethernet controller, SMSC's LAN9118. QEMU sends at once, so there is always room for a frame.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;

use super::{MAX_FRAME, fifo};
use crate::cortex_m::interrupt::{self, Vector};

/// A frame and its checksum, in whole words.
type Buffer = [u8; (MAX_FRAME + 4).next_multiple_of(4)];

/// The controller's place in the vector table.
pub const INTERRUPT: u16 = 13;

/// What belongs there.
pub const ON_INTERRUPT: Vector = on_interrupt;

static WAKER: AtomicWaker = AtomicWaker::new();

/// Room for a frame each way.
pub struct Buffers {
    received: Buffer,
    sent: Buffer,
}

impl Buffers {
    /// Empty ones.
    pub const fn new() -> Self {
        Buffers { received: [0; _], sent: [0; _] }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers::new()
    }
}

/// The controller.
pub struct Lan9118 {
    buffers: &'static mut Buffers,
    address: [u8; 6],
}

impl Lan9118 {
    /// Resets and starts the controller, with the address that its EEPROM has.
    pub fn new(buffers: &'static mut Buffers) -> Self {
        use registers::{ADDRH, ADDRL, TX_CFG, TX_CFG_TX_ON, TX_CFG_TXSAO};
        use registers::{FIFO_INT, FIFO_INT_INIT, INT_EN, MAC_CR, MAC_CR_FDPX, MAC_CR_RXEN, MAC_CR_TXEN};
        use registers::{HW_CFG, HW_CFG_MBO, HW_CFG_SRST, HW_CFG_TX_FIF_SZ_5K, INT_STS, IRQ_CFG, IRQ_CFG_INIT};
        HW_CFG.write(HW_CFG_SRST);
        while HW_CFG.read() & HW_CFG_SRST != 0 {}
        HW_CFG.write(HW_CFG_MBO | HW_CFG_TX_FIF_SZ_5K);
        INT_EN.write(0);
        INT_STS.write(u32::MAX);
        IRQ_CFG.write(IRQ_CFG_INIT);
        FIFO_INT.write(FIFO_INT_INIT);
        let ([a, b, c, d], [e, f, ..]) = (mac_read(ADDRL).to_le_bytes(), mac_read(ADDRH).to_le_bytes());
        TX_CFG.write(TX_CFG_TX_ON | TX_CFG_TXSAO);
        mac_write(MAC_CR, MAC_CR_FDPX | MAC_CR_TXEN | MAC_CR_RXEN);
        interrupt::enable(INTERRUPT);
        Lan9118 { buffers, address: [a, b, c, d, e, f] }
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        while is_received(cx) {
            if let Some(len) = read(&mut self.buffers.received) {
                let frame = self.buffers.received.get_mut(..len).unwrap_or_default();
                return Some((RxToken(frame), TxToken(&mut self.buffers.sent)));
            }
        }
        None
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.buffers.sent))
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        // What has no room in the FIFO is lost, and there is room for six frames of all sockets together.
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that was received.
pub struct RxToken<'a>(&'a mut [u8]);

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame to send.
pub struct TxToken<'a>(&'a mut Buffer);

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        use registers::{TX_CMD_A_FIRST, TX_CMD_A_LAST, TX_DATA};
        let result = f(self.0.get_mut(..len).unwrap_or_default());
        // Command A, command B, the frame.
        TX_DATA.write(TX_CMD_A_FIRST | TX_CMD_A_LAST | len as u32);
        TX_DATA.write(len as u32);
        fifo::write(TX_DATA, len.div_ceil(4), self.0);
        turn_main_loop();
        result
    }
}

/// Whether there is a frame. If not, the next one wakes.
fn is_received(cx: &Context<'_>) -> bool {
    use registers::{INT_EN, INT_STS, RSFL};
    if has_status() {
        return true;
    }
    WAKER.register(cx.waker());
    // The interrupt is of an arrival, so one that came before it was cleared has to be looked for.
    INT_STS.write(RSFL);
    if has_status() {
        return true;
    }
    INT_EN.write(RSFL);
    false
}

/// Whether the receive status FIFO has an entry, and so the data FIFO a frame.
fn has_status() -> bool {
    registers::RX_FIFO_INF.read() & registers::RX_FIFO_INF_RXSUSED != 0
}

/// Sets a timer that ends soon and does nothing. When QEMU's user network makes a connection, it sees what the host sends
/// there only after the main loop has turned, which can be half a second later if nothing else turns it.
fn turn_main_loop() {
    use registers::{GPT_CFG, GPT_CFG_TIMER_EN};
    GPT_CFG.write(0);
    GPT_CFG.write(GPT_CFG_TIMER_EN | 1);
}

/// Takes a frame from the FIFO, whole. `None` if it is damaged or too long.
fn read(buffer: &mut Buffer) -> Option<usize> {
    let status = registers::RX_STATUS.read();
    let len = (status >> 16 & 0x3FFF) as usize;
    fifo::read(registers::RX_DATA, len.div_ceil(4), buffer);
    (status & registers::RX_STATUS_ES == 0 && len <= buffer.len()).then(|| len.saturating_sub(4))
}

/// Reads a register of the MAC, which are behind two others.
fn mac_read(index: u32) -> u32 {
    use registers::{MAC_CSR_CMD, MAC_CSR_CMD_BUSY, MAC_CSR_CMD_READ, MAC_CSR_DATA};
    MAC_CSR_CMD.write(MAC_CSR_CMD_BUSY | MAC_CSR_CMD_READ | index);
    wait_for_mac();
    MAC_CSR_DATA.read()
}

fn mac_write(index: u32, value: u32) {
    use registers::{MAC_CSR_CMD, MAC_CSR_CMD_BUSY, MAC_CSR_DATA};
    MAC_CSR_DATA.write(value);
    MAC_CSR_CMD.write(MAC_CSR_CMD_BUSY | index);
    wait_for_mac();
}

fn wait_for_mac() {
    while registers::MAC_CSR_CMD.read() & registers::MAC_CSR_CMD_BUSY != 0 {}
}

extern "C" fn on_interrupt() {
    registers::INT_EN.write(0);
    WAKER.wake();
}

mod registers {
    use crate::register::Register;

    pub(super) const RX_DATA: Register = at(0x00);
    pub(super) const TX_DATA: Register = at(0x20);
    pub(super) const TX_CMD_A_LAST: u32 = 1 << 12;
    pub(super) const TX_CMD_A_FIRST: u32 = 1 << 13;
    pub(super) const RX_STATUS: Register = at(0x40);
    /// The frame is damaged.
    pub(super) const RX_STATUS_ES: u32 = 1 << 15;

    pub(super) const IRQ_CFG: Register = at(0x54);
    /// On, active high, push-pull: without it the line is active low, and stays so.
    pub(super) const IRQ_CFG_INIT: u32 = 1 << 8 | 1 << 4 | 1 << 0;
    pub(super) const INT_STS: Register = at(0x58);
    pub(super) const INT_EN: Register = at(0x5C);
    /// The receive status FIFO is above its level, in INT_STS and INT_EN.
    pub(super) const RSFL: u32 = 1 << 3;
    pub(super) const FIFO_INT: Register = at(0x68);
    /// The level of the receive status FIFO is 0; those of the transmitter's are not reached.
    pub(super) const FIFO_INT_INIT: u32 = 0xFFFF_0000;

    pub(super) const TX_CFG: Register = at(0x70);
    pub(super) const TX_CFG_TX_ON: u32 = 1 << 1;
    /// Nobody reads the transmitter's status FIFO: it may overflow.
    pub(super) const TX_CFG_TXSAO: u32 = 1 << 2;
    pub(super) const HW_CFG: Register = at(0x74);
    pub(super) const HW_CFG_SRST: u32 = 1 << 0;
    pub(super) const HW_CFG_TX_FIF_SZ_5K: u32 = 5 << 16;
    pub(super) const HW_CFG_MBO: u32 = 1 << 20;
    pub(super) const RX_FIFO_INF: Register = at(0x7C);
    pub(super) const RX_FIFO_INF_RXSUSED: u32 = 0xFF << 16;

    /// In units of 100 microseconds.
    pub(super) const GPT_CFG: Register = at(0x8C);
    pub(super) const GPT_CFG_TIMER_EN: u32 = 1 << 29;

    pub(super) const MAC_CSR_CMD: Register = at(0xA4);
    pub(super) const MAC_CSR_CMD_READ: u32 = 1 << 30;
    pub(super) const MAC_CSR_CMD_BUSY: u32 = 1 << 31;
    pub(super) const MAC_CSR_DATA: Register = at(0xA8);

    // By index, behind MAC_CSR_CMD.
    pub(super) const MAC_CR: u32 = 1;
    pub(super) const MAC_CR_RXEN: u32 = 1 << 2;
    pub(super) const MAC_CR_TXEN: u32 = 1 << 3;
    pub(super) const MAC_CR_FDPX: u32 = 1 << 20;
    pub(super) const ADDRH: u32 = 2;
    pub(super) const ADDRL: u32 = 3;

    const fn at(offset: usize) -> Register {
        // SAFETY: the controller's, which has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the board's and the datasheet's")]
        unsafe {
            Register::new(0x4020_0000 + offset)
        }
    }
}
