// The wire: frames with their length before them, in 4 bytes, big-endian, over a Unix socket, as QEMU's `stream` has them.

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";

const TOO_LONG = 64 * 1024;
const ATTEMPTS = 500;
const PAUSE = 20; // ms

/** The network at a socket; `receive` is called with each frame that comes. Where the other end ends, so do we. */
export async function openNetwork(path, receive) {
  const socket = await dial(path);
  const network = { onFrame: () => {}, send: (frame) => socket.write(framed(frame)) };
  let rest = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0);
      if (length > TOO_LONG) throw new Error(`a frame of ${length} bytes`);
      if (rest.length < 4 + length) break;
      receive(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    network.onFrame();
  });
  socket.on("error", (error) => console.error(`the network: ${error.message}`));
  socket.on("close", () => process.exit());
  return network;
}

function framed(frame) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** The other end may be about to listen. */
async function dial(path) {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(path);
    const error = await new Promise((resolve) => {
      socket.once("connect", () => resolve(null)).once("error", resolve);
    });
    if (error === null) return socket;
    if (attempt === ATTEMPTS || !["ENOENT", "ECONNREFUSED"].includes(error.code)) throw error;
    await setTimeout(PAUSE);
  }
}
