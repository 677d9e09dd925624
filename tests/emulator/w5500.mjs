// A W5500 as its datasheet has it, of what MACRAW needs: socket 0, and the frames of the whole wire.
// Sections are of the datasheet, version 1.1.0.

const BLOCK = { common: 0, socket: 1, send: 2, receive: 3 };
const BUFFER = 16 * 1024;

// 4.1, common registers
const MR = 0x00;
const SHAR = 0x09;
const SIR = 0x17;
const SIMR = 0x18;
const PHYCFGR = 0x2e;
const VERSIONR = 0x39;
const RESET = 0x80;
const LINK_100_FULL = 0xbf;

// 4.2, those of a socket
const SN_MR = 0x00;
const SN_CR = 0x01;
const SN_IR = 0x02;
const SN_SR = 0x03;
const SN_TX_FSR = 0x20;
const SN_TX_RD = 0x22;
const SN_TX_WR = 0x24;
const SN_RX_RSR = 0x26;
const SN_RX_RD = 0x28;
const SN_RX_WR = 0x2a;
const SN_IMR = 0x2c;
const MACRAW = 0x04;
const MAC_FILTER = 0x80;
const SOCK_MACRAW = 0x42;
const OPEN = 0x01;
const CLOSE = 0x10;
const SEND = 0x20;
const RECV = 0x40;
const SEND_OK = 0x10;
const RECEIVED = 0x04;

export class W5500 {
  #blocks = [new Uint8Array(0x40), new Uint8Array(0x30), new Uint8Array(BUFFER), new Uint8Array(BUFFER)];
  #socket = new DataView(this.#blocks[BLOCK.socket].buffer);
  /** Bytes of the transaction so far; null while the chip is not selected. */
  #taken = null;
  #address = 0;
  #block = 0;
  #writes = false;
  /** A command that the transaction gave. */
  #command = 0;
  /** Where the next frame comes. */
  #head = 0;
  /** Is called with each frame that the board sends. */
  onSend = () => {};
  /** Is called with whether the interrupt is asserted. */
  onInterrupt = () => {};

  reset() {
    for (const block of this.#blocks) block.fill(0);
    this.#common[PHYCFGR] = LINK_100_FULL;
    this.#common[VERSIONR] = 4;
    this.#socket.setUint16(SN_TX_FSR, BUFFER);
    this.#head = 0;
    this.#command = 0;
    this.#signal();
  }

  /** The chip select; what was written takes effect at its end. */
  select(selected) {
    if (selected === (this.#taken !== null)) return;
    this.#taken = selected ? 0 : null;
    if (selected) return;
    const command = this.#command;
    this.#command = 0;
    if (command === RESET) this.reset();
    else if (command !== 0) this.#obey(command);
    this.#signal();
  }

  /** A byte each way: an address, a control byte, data (section 2.2). */
  exchange(byte) {
    if (this.#taken === null) return 0xff;
    const at = this.#taken++;
    if (at === 0) this.#address = byte << 8;
    else if (at === 1) this.#address |= byte;
    else if (at === 2) {
      this.#block = byte >> 3;
      this.#writes = (byte & 4) !== 0;
    } else return this.#data(this.#address++ & 0xffff, byte);
    return 0;
  }

  /** A frame from the wire. One for which there is no room is lost, as on any wire. */
  receive(frame) {
    const length = frame.length + 2;
    const taken = this.#socket.getUint16(SN_RX_RSR);
    if (this.#status !== SOCK_MACRAW || !this.#isForUs(frame) || taken + length > BUFFER) return;
    this.#push(length >> 8);
    this.#push(length & 0xff);
    for (const byte of frame) this.#push(byte);
    this.#socket.setUint16(SN_RX_RSR, taken + length);
    this.#socket.setUint16(SN_RX_WR, this.#head & 0xffff);
    this.#interrupts |= RECEIVED;
    this.#signal();
  }

  #data(address, byte) {
    const block = this.#blocks[this.#block];
    if (block === undefined) return 0;
    const at = block.length === BUFFER ? address % BUFFER : address;
    if (!this.#writes) return block[at] ?? 0;
    if (this.#block === BLOCK.common && at === MR) this.#command = byte & RESET;
    else if (this.#block === BLOCK.socket && at === SN_CR) this.#command = byte;
    else if (this.#block === BLOCK.socket && at === SN_IR) this.#interrupts &= ~byte;
    else if (this.#block === BLOCK.socket && at === SN_SR) return 0;
    else block[at] = byte;
    return 0;
  }

  #obey(command) {
    const socket = this.#blocks[BLOCK.socket];
    if (command === OPEN) socket[SN_SR] = (socket[SN_MR] & 0x0f) === MACRAW ? SOCK_MACRAW : 0;
    else if (command === CLOSE) socket[SN_SR] = 0;
    else if (command === SEND) {
      const [from, to] = [SN_TX_RD, SN_TX_WR].map((register) => this.#socket.getUint16(register));
      const buffer = this.#blocks[BLOCK.send];
      const frame = Uint8Array.from({ length: (to - from) & 0xffff }, (_, at) => buffer[(from + at) % BUFFER]);
      this.#socket.setUint16(SN_TX_RD, to);
      this.#interrupts |= SEND_OK;
      this.onSend(frame);
    } else if (command === RECV) {
      // What is left, and that something is.
      const left = (this.#socket.getUint16(SN_RX_WR) - this.#socket.getUint16(SN_RX_RD)) & 0xffff;
      this.#socket.setUint16(SN_RX_RSR, left);
      if (left > 0) this.#interrupts |= RECEIVED;
    }
  }

  #push(byte) {
    this.#blocks[BLOCK.receive][this.#head % BUFFER] = byte;
    this.#head = (this.#head + 1) & 0xffff;
  }

  /** To us or to a group, where the socket filters. */
  #isForUs(frame) {
    const filters = (this.#blocks[BLOCK.socket][SN_MR] & MAC_FILTER) !== 0;
    return !filters || (frame[0] & 1) === 1 || this.#common.subarray(SHAR, SHAR + 6).every((byte, at) => byte === frame[at]);
  }

  #signal() {
    const raised = (this.#interrupts & this.#blocks[BLOCK.socket][SN_IMR]) !== 0;
    this.#common[SIR] = Number(raised);
    this.onInterrupt(raised && (this.#common[SIMR] & 1) === 1);
  }

  get #common() {
    return this.#blocks[BLOCK.common];
  }

  get #status() {
    return this.#blocks[BLOCK.socket][SN_SR];
  }

  get #interrupts() {
    return this.#blocks[BLOCK.socket][SN_IR];
  }

  set #interrupts(interrupts) {
    this.#blocks[BLOCK.socket][SN_IR] = interrupts;
  }
}
