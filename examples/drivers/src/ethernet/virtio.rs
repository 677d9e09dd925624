//! The network card that QEMU's machine `virt` takes: virtio behind memory-mapped registers (VIRTIO 1.2, sections
//! 4.2 and 5.1), of the old form, which is QEMU's default, or the new.
#![expect(unsafe_code, reason = "device registers, and memory that the device reads and writes")]

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering, fence};
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use riscv::interrupt::Interrupt;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::ethernet::MAX_FRAME;
use crate::register::Register;
use crate::riscv::plic;

/// The machine's places for devices, of which each interrupts as a source of its own, from 1 on.
const SLOTS: u8 = 8;

/// Frames that may wait in each direction.
const QUEUE: usize = 8;

/// A frame after the longer of the headers that virtio puts before it.
const BUFFER: usize = 12 + MAX_FRAME;

type Net = VirtIONetRaw<Memory, MmioTransport<'static>, QUEUE>;

static WAKER: AtomicWaker = AtomicWaker::new();

/// Room for the frames that wait.
pub struct Buffers {
    received: [[u8; BUFFER]; QUEUE],
    sent: [[u8; BUFFER]; QUEUE],
}

impl Buffers {
    /// Empty ones.
    pub const fn new() -> Self {
        Buffers { received: [[0; _]; _], sent: [[0; _]; _] }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers::new()
    }
}

/// The network card.
pub struct Virtio {
    net: Net,
    received: [Buffer; QUEUE],
    sent: [Buffer; QUEUE],
}

impl Virtio {
    /// Starts the first network card in any slot; `None` if there is none, or one was started before.
    pub fn find(buffers: &'static mut Buffers) -> Option<Self> {
        let (source, net) = (1..=SLOTS).find_map(|source| Some((source, open(source)?)))?;
        plic::enable(source);
        let received = buffers.received.each_mut().map(Buffer::new);
        let sent = buffers.sent.each_mut().map(Buffer::new);
        Some(Virtio { net, received, sent })
    }
}

impl Driver for Virtio {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        WAKER.register(cx.waker());
        offer(&mut self.net, &mut self.received);
        let buffer = free(&mut self.net, &mut self.sent)?;
        let frame = next_frame(&mut self.net, &mut self.received)?;
        Some((RxToken { frame }, TxToken { net: &mut self.net, buffer }))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<TxToken<'_>> {
        WAKER.register(cx.waker());
        let buffer = free(&mut self.net, &mut self.sent)?;
        Some(TxToken { net: &mut self.net, buffer })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities.max_burst_size = Some(QUEUE);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.net.mac_address())
    }
}

/// A frame that was received. Its buffer goes back to the device when the next is asked for.
pub struct RxToken<'a> {
    frame: &'a mut [u8],
}

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Room for a frame to send.
pub struct TxToken<'a> {
    net: &'a mut Net,
    buffer: &'a mut Buffer,
}

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // SAFETY: the buffer is free, so it is ours.
        let memory = unsafe { self.buffer.memory.as_mut() };
        let header = self.net.fill_buffer_header(memory).unwrap_or_default();
        let len = header.saturating_add(len);
        let result = f(memory.get_mut(header..len).unwrap_or_default());
        if let Some(frame) = memory.get(..len) {
            self.buffer.len = len;
            // SAFETY: until the device is done, the token says that the buffer is not ours.
            self.buffer.token = unsafe { self.net.transmit_begin(frame) }.ok();
        }
        result
    }
}

/// Memory for a frame, which is ours or the device's.
struct Buffer {
    memory: NonNull<[u8; BUFFER]>,
    /// How much of it is given to send.
    len: usize,
    /// What the device calls it, while it has it.
    token: Option<u16>,
}

impl Buffer {
    fn new(memory: &'static mut [u8; BUFFER]) -> Self {
        Buffer { memory: NonNull::from(memory), len: 0, token: None }
    }
}

/// Gives the device the buffers that it has not, to fill.
fn offer(net: &mut Net, received: &mut [Buffer; QUEUE]) {
    for buffer in received.iter_mut().filter(|buffer| buffer.token.is_none()) {
        // SAFETY: the buffer is ours now, and until the device is done the token says that it is not.
        buffer.token = unsafe { net.receive_begin(buffer.memory.as_mut()) }.ok();
    }
}

/// The next frame that the device has filled in, or else it will interrupt.
fn next_frame<'a>(net: &mut Net, received: &'a mut [Buffer; QUEUE]) -> Option<&'a mut [u8]> {
    interrupt_before_look();
    let token = net.poll_receive()?;
    let buffer = received.iter_mut().find(|buffer| buffer.token == Some(token))?;
    // SAFETY: the device is done with it.
    let memory = unsafe { buffer.memory.as_mut() };
    // SAFETY: it is the buffer that was given under this token.
    let (header, len) = unsafe { net.receive_complete(token, memory) }.ok()?;
    buffer.token = None;
    Some(memory.get_mut(header..header.saturating_add(len)).unwrap_or_default())
}

/// A buffer to send from, or else the device will interrupt.
///
/// What was sent is taken back only when all buffers are out, since the device interrupts once after each time.
fn free<'a>(net: &mut Net, sent: &'a mut [Buffer; QUEUE]) -> Option<&'a mut Buffer> {
    if sent.iter().all(|buffer| buffer.token.is_some()) {
        while take_back(net, sent).is_some() {}
    }
    sent.iter_mut().find(|buffer| buffer.token.is_none())
}

/// Takes back one buffer that was sent.
fn take_back(net: &mut Net, sent: &mut [Buffer; QUEUE]) -> Option<()> {
    interrupt_before_look();
    let token = net.poll_transmit()?;
    let buffer = sent.iter_mut().find(|buffer| buffer.token == Some(token))?;
    // SAFETY: the device is done with it.
    let frame = unsafe { buffer.memory.as_ref() }.get(..buffer.len)?;
    // SAFETY: it is what was given under this token.
    unsafe { net.transmit_complete(token, frame) }.ok()?;
    buffer.token = None;
    Some(())
}

/// To take from a queue also asks the device for an interrupt at the next. That must reach it before we look: what comes
/// later interrupts then, and what came earlier is seen (section 2.7.7.2).
fn interrupt_before_look() {
    fence(Ordering::SeqCst);
}

/// The network card in the slot of this source, if there is one.
fn open(source: u8) -> Option<Net> {
    let header = NonNull::new(slot(source) as *mut VirtIOHeader)?;
    // SAFETY: the registers are there with a device or without, and the two that the interrupt uses are left to it.
    let transport = unsafe { MmioTransport::new(header, 0x200) }.ok()?;
    if transport.device_type() != DeviceType::Network {
        return None;
    }
    VirtIONetRaw::new(transport).ok()
}

#[riscv_rt::core_interrupt(Interrupt::MachineExternal)]
fn interrupt() {
    while let Some(source) = plic::claim() {
        acknowledge(source);
        WAKER.wake();
        plic::complete(source);
    }
}

/// Answers the device's interrupt, so that it can make another.
fn acknowledge(source: u8) {
    const INTERRUPT_STATUS: usize = 0x060;
    const INTERRUPT_ACK: usize = 0x064;

    // SAFETY: no source was enabled that is not a slot's. Neither register touches memory.
    let register = |offset| unsafe { Register::new(slot(source) + offset) };
    register(INTERRUPT_ACK).write(register(INTERRUPT_STATUS).read());
}

/// Where the registers of a source's slot are.
fn slot(source: u8) -> usize {
    0x1000_0000 + usize::from(source) * 0x1000
}

/// The memory that the queues lie in. An address is the same for the device.
struct Memory;

/// Two queues of two pages: one that the device reads, one that it writes.
const PAGES: usize = 4;

#[repr(C, align(4096))]
struct Pages(UnsafeCell<[[u8; PAGE_SIZE]; PAGES]>);

// SAFETY: `Memory` hands out each page once.
unsafe impl Sync for Pages {}

// SAFETY: pages are aligned, zero, and handed out once. There is neither an address translation nor a cache.
unsafe impl Hal for Memory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        static POOL: Pages = Pages(UnsafeCell::new([[0; PAGE_SIZE]; PAGES]));
        static TAKEN: AtomicUsize = AtomicUsize::new(0);

        let first = TAKEN.fetch_add(pages, Ordering::Relaxed);
        if first + pages > PAGES {
            // That is how an allocation fails.
            return (0, NonNull::dangling());
        }
        // SAFETY: all of the pages asked for are in the pool.
        let memory = unsafe { NonNull::from(&POOL.0).cast::<u8>().byte_add(first * PAGE_SIZE) };
        (memory.as_ptr().expose_provenance() as PhysAddr, memory)
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        // It is not used again: a card is started once.
        0
    }

    unsafe fn mmio_phys_to_virt(paddr: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(paddr as *mut u8).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().as_ptr().expose_provenance() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
