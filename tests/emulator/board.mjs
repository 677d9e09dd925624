// The board: an RP2040 with its image in flash, and a W5500 at its SPI.

import { BasePeripheral, GPIOPinState, RP2040 } from "rp2040js";

import { W5500 } from "./w5500.mjs";

const CYCLE = 8; // ns
const SPI_BYTE = 240; // ns, at 33 MHz
const FLASH = 0x10000000;
const BOOT2 = 0x100; // bytes before the vector table
const PINS = { select: 17, reset: 20, interrupt: 21 };
const ROSC = 0x40060;
const RANDOMBIT = 0x1c;
const XIP_CTRL = 0x14000;
const THERMOMETER = 4; // its channel of the ADC
const ROOM_TEMPERATURE = 876; // 0.706 V

export class Board {
  #chip;
  /** Is told why the firmware cannot go on. */
  onFault = () => {};
  ethernet = new W5500();

  constructor({ segments }) {
    const chip = (this.#chip = new RP2040());
    chip.logger = { debug() {}, info() {}, warn() {}, error: (name, text) => console.error(`${name}: ${text}`) };
    chip.loadBootrom(bootrom());
    for (const { address, bytes } of segments) chip.flash.set(bytes, address - FLASH);
    chip.peripherals[ROSC] = new RingOscillator(chip, "ROSC_BASE");
    chip.peripherals[XIP_CTRL] = new Cache(chip, "XIP_CTRL_BASE");
    chip.adc.channelValues[THERMOMETER] = ROOM_TEMPERATURE;
    chip.onBreak = () => this.onFault("a panic, or an instruction that there is not");
    this.#wire();

    const table = new DataView(chip.flash.buffer, BOOT2);
    chip.core.VTOR = FLASH + BOOT2;
    chip.core.SP = table.getUint32(0, true);
    chip.core.PC = table.getUint32(4, true) & ~1;
  }

  get sram() {
    return this.#chip.sram;
  }

  get nanos() {
    return this.#chip.clock.nanos;
  }

  /** When something happens by itself, in ns. */
  get nextAlarm() {
    return this.nanos + (this.#chip.clock.nextAlarm ? this.#chip.clock.nanosToNextAlarm : Infinity);
  }

  /** Runs until its clock says `end`, in ns, or for so many cycles. Whether it has nothing to do then. */
  run(end, cycles) {
    const { core, clock } = this.#chip;
    while (clock.nanos < end && cycles > 0) {
      if (core.waiting) {
        clock.tick(Math.min(this.nextAlarm, end) - clock.nanos);
        continue;
      }
      const taken = core.executeInstruction();
      cycles -= taken;
      clock.tick(taken * CYCLE);
    }
    return core.waiting;
  }

  #wire() {
    const { gpio, spi, clock } = this.#chip;
    const { ethernet } = this;
    let answer = 0;
    // A byte takes its time: answered at once, a long DMA would never let the processor go on.
    const taken = clock.createAlarm(() => spi[0].completeTransmit(answer));
    spi[0].onTransmit = (byte) => {
      answer = ethernet.exchange(byte);
      taken.schedule(SPI_BYTE);
    };
    gpio[PINS.select].addListener((state) => ethernet.select(state === GPIOPinState.Low));
    gpio[PINS.reset].addListener((state) => {
      if (state === GPIOPinState.Low) ethernet.reset();
    });
    ethernet.onInterrupt = (raised) => gpio[PINS.interrupt].setInputValue(!raised);
    ethernet.reset();
  }
}

/**
 * Its functions, by their codes (RP2040 datasheet, section 2.8.3): memcpy44, and one that returns, for all that are about
 * the flash, with which nothing is to be done here.
 */
function bootrom() {
  const rom = new Uint16Array(8 * 1024);
  const put = (at, ...words) => rom.set(words, at / 2);
  put(0x18, 0x21); // where the function is that looks others up
  put(0x20, 0x4a02); // ldr r2, 0x2c
  put(0x22, 0x2041); // movs r0, #0x41
  put(0x24, 0x4291); // cmp r1, r2
  put(0x26, 0xd000); // beq 0x2a
  put(0x28, 0x2031); // movs r0, #0x31
  put(0x2a, 0x4770); // bx lr
  put(0x2c, 0x3443, 0); // "C4"
  put(0x30, 0x4770); // bx lr
  put(0x40, 0x3a04); // subs r2, #4
  put(0x42, 0xdb02); // blt 0x4a
  put(0x44, 0x588b); // ldr r3, [r1, r2]
  put(0x46, 0x5083); // str r3, [r0, r2]
  put(0x48, 0xe7fa); // b 0x40
  put(0x4a, 0x4770); // bx lr
  return new Uint32Array(rom.buffer);
}

class RingOscillator extends BasePeripheral {
  readUint32(offset) {
    return offset === RANDOMBIT ? Number(Math.random() < 0.5) : super.readUint32(offset);
  }
}

/** Of the flash: it streams nothing, so nothing of it is left to come. */
class Cache extends BasePeripheral {
  readUint32() {
    return 0;
  }
}
