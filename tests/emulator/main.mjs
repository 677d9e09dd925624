// Runs an image for the W5500-EVB-Pico as a board would: `node main.mjs SOCKET IMAGE`.
//
// SOCKET is a Unix socket that has the network, as QEMU's `-netdev stream` makes one. What the image logs (RTT channel 0)
// goes to standard output as it is.

import { readFileSync } from "node:fs";

import { Board } from "./board.mjs";
import { parseElf } from "./elf.mjs";
import { openNetwork } from "./network.mjs";
import { Rtt } from "./rtt.mjs";

const SLICE = 20_000; // cycles between two looks at the outside
const MOST_BEHIND = 50e6; // ns that the board may catch up at once
const LONGEST_NAP = 5e6; // ns

const [socket, file] = process.argv.slice(2);
const image = parseElf(readFileSync(file));
const board = new Board(image);
const rtt = new Rtt(board.sram, image.symbols.get("_SEGGER_RTT"));
board.onFault = (what) => {
  rtt.drain();
  console.error(`the firmware stopped: ${what}`);
  process.exitCode = 101;
  process.exit();
};
const network = await openNetwork(socket, (frame) => board.ethernet.receive(frame));
board.ethernet.onSend = (frame) => network.send(frame);

// The board's time is ours: where the emulation is faster it waits, and where it is slower time goes slower there.
let origin = process.hrtime.bigint();
let nap = null;
function run() {
  nap = null;
  let now = Number(process.hrtime.bigint() - origin);
  const behind = now - board.nanos - MOST_BEHIND;
  if (behind > 0) {
    origin += BigInt(Math.round(behind));
    now -= behind;
  }
  const waits = board.run(now, SLICE);
  rtt.drain();
  const rest = Math.min(board.nextAlarm - now, LONGEST_NAP) / 1e6;
  if (waits && rest >= 1) nap = setTimeout(run, rest);
  else setImmediate(run);
}
network.onFrame = () => {
  if (nap === null) return;
  clearTimeout(nap);
  nap = null;
  setImmediate(run);
};
run();
