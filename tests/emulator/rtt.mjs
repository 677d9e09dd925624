// SEGGER's RTT: a ring in the board's memory that the debugger empties. https://wiki.segger.com/RTT

import { writeSync } from "node:fs";

const UP = 24; // the first channel up, behind an id and two counts
const BLOCK = 2; // the mode in which the image waits until there is room

export class Rtt {
  #view;
  #memory;
  #channel;

  /** `address` is that of the control block in the RAM that begins at 0x20000000. */
  constructor(memory, address) {
    if (address === undefined) throw new Error("the image has no _SEGGER_RTT");
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#channel = address - 0x20000000 + UP;
  }

  /** Passes on what is there. */
  drain() {
    const field = (at) => this.#view.getUint32(this.#channel + at, true);
    const [buffer, size, write, read] = [4, 8, 12, 16].map(field);
    // Before the image has set it up, there is nothing in it.
    if (buffer < 0x20000000 || size === 0) return;
    this.#view.setUint32(this.#channel + 20, BLOCK, true);
    if (write === read) return;
    const bytes = this.#memory.subarray(buffer - 0x20000000, buffer - 0x20000000 + size);
    if (read < write) put(bytes.subarray(read, write));
    else {
      put(bytes.subarray(read));
      put(bytes.subarray(0, write));
    }
    this.#view.setUint32(this.#channel + 16, write, true);
  }
}

function put(bytes) {
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
