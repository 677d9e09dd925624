//! The LM3S6965's Ethernet controller. QEMU sends at once, so there is always room for a frame.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;

use super::{MAX_FRAME, fifo};
use crate::cortex_m::interrupt::{self, Vector};

/// What stands in the FIFO: two bytes of length, the frame, its checksum.
type Buffer = [u8; 2 + MAX_FRAME + 4];

/// The controller's place in the vector table.
pub const INTERRUPT: u16 = 42;

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
pub struct Stellaris {
    buffers: &'static mut Buffers,
    address: [u8; 6],
}

impl Stellaris {
    /// Starts the controller, with the address that it has.
    pub fn new(buffers: &'static mut Buffers) -> Self {
        use registers::{IA0, IA1, IACK, IM, RCGC2, RCGC2_EMAC0, RCGC2_EPHY0, RCTL, RCTL_BADCRC, RCTL_RSTFIFO};
        use registers::{RCTL_RXEN, TCTL, TCTL_CRC, TCTL_DUPLEX, TCTL_PADEN, TCTL_TXEN};
        RCGC2.write(RCGC2.read() | RCGC2_EMAC0 | RCGC2_EPHY0);
        // The controller has its clock three cycles later: as long as it takes to read back.
        RCGC2.read();
        // Reset leaves all interrupts on.
        IM.write(0);
        RCTL.write(RCTL_RSTFIFO);
        IACK.write(u32::MAX);
        let ([a, b, c, d], [e, f, ..]) = (IA0.read().to_le_bytes(), IA1.read().to_le_bytes());
        TCTL.write(TCTL_TXEN | TCTL_PADEN | TCTL_CRC | TCTL_DUPLEX);
        RCTL.write(RCTL_RXEN | RCTL_BADCRC);
        interrupt::enable(INTERRUPT);
        Stellaris { buffers, address: [a, b, c, d, e, f] }
    }
}

impl Driver for Stellaris {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        while is_received(cx) {
            if let Some(len) = read(&mut self.buffers.received) {
                let [_, _, frame @ ..] = &mut self.buffers.received;
                let frame = frame.get_mut(..len).unwrap_or_default();
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
        // The real FIFO has 2 KiB.
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
        let [low, high, frame @ ..] = self.0;
        // The length is the payload's, though the header goes with it.
        [*low, *high] = (len.saturating_sub(14) as u16).to_le_bytes();
        let result = f(frame.get_mut(..len).unwrap_or_default());
        fifo::write(registers::DATA, (2 + len).div_ceil(4), self.0);
        registers::TR.write(registers::TR_NEWTX);
        result
    }
}

/// Whether there is a frame. If not, the next one wakes.
fn is_received(cx: &Context<'_>) -> bool {
    use registers::{IACK, IM, NP, RXINT};
    if NP.read() != 0 {
        return true;
    }
    WAKER.register(cx.waker());
    // The interrupt is of an arrival, so one that came before it was cleared has to be looked for.
    IACK.write(RXINT);
    if NP.read() != 0 {
        return true;
    }
    IM.write(RXINT);
    false
}

/// Takes a frame from the FIFO: the first word has its length, and all of it has to be read. `None` if it is too long.
fn read(buffer: &mut Buffer) -> Option<usize> {
    let first = registers::DATA.read();
    let len = usize::from(first as u16);
    let words = len.div_ceil(4).saturating_sub(1);
    let (head, rest) = buffer.split_first_chunk_mut()?;
    *head = first.to_le_bytes();
    fifo::read(registers::DATA, words, rest);
    (len <= buffer.len()).then(|| len.saturating_sub(2 + 4))
}

extern "C" fn on_interrupt() {
    registers::IM.write(0);
    WAKER.wake();
}

mod registers {
    use crate::register::Register;

    pub(super) const RCGC2: Register = at(0x400F_E108);
    pub(super) const RCGC2_EMAC0: u32 = 1 << 28;
    pub(super) const RCGC2_EPHY0: u32 = 1 << 30;

    /// Written to, it clears interrupts.
    pub(super) const IACK: Register = at(0x4004_8000);
    pub(super) const IM: Register = at(0x4004_8004);
    /// A frame arrived, in IACK and IM.
    pub(super) const RXINT: u32 = 1 << 0;

    pub(super) const RCTL: Register = at(0x4004_8008);
    pub(super) const RCTL_RXEN: u32 = 1 << 0;
    pub(super) const RCTL_BADCRC: u32 = 1 << 3;
    pub(super) const RCTL_RSTFIFO: u32 = 1 << 4;

    pub(super) const TCTL: Register = at(0x4004_800C);
    pub(super) const TCTL_TXEN: u32 = 1 << 0;
    pub(super) const TCTL_PADEN: u32 = 1 << 1;
    pub(super) const TCTL_CRC: u32 = 1 << 2;
    pub(super) const TCTL_DUPLEX: u32 = 1 << 4;

    pub(super) const DATA: Register = at(0x4004_8010);
    pub(super) const IA0: Register = at(0x4004_8014);
    pub(super) const IA1: Register = at(0x4004_8018);
    /// The frames that wait in the FIFO.
    pub(super) const NP: Register = at(0x4004_8034);
    pub(super) const TR: Register = at(0x4004_8038);
    pub(super) const TR_NEWTX: u32 = 1 << 0;

    const fn at(address: usize) -> Register {
        // SAFETY: the system control's or the controller's, which has no access to memory.
        #[expect(unsafe_code, reason = "the addresses are the datasheet's")]
        unsafe {
            Register::new(address)
        }
    }
}
