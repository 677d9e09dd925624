// The `undici` client (the WebSocket of the WHATWG standard) against a running server: node node_undici.mjs HOST:PORT

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { WebSocket } from "undici";
import {
  FOREIGN_ORIGIN, MIB, MULTIBYTE, Failed, Inbox,
  checkClose, checkEcho, checkEnvelope, checkPipelined, checkRoomRaw, expect, pattern, run, within,
} from "./checks.mjs";

// This client always offers permessage-deflate, and can neither send a ping nor a fragmented message.

async function open(base, path, { subprotocols = [], headers = {} } = {}) {
  const socket = new WebSocket(`ws://${base}${path}`, { protocols: subprotocols, headers });
  socket.binaryType = "arraybuffer";
  const messages = new Inbox();
  const closed = new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => {
      messages.put(new Failed(`closed with ${code} ${reason}`));
      resolve({ code, reason });
    });
  });
  socket.addEventListener("message", ({ data }) => messages.put(typeof data === "string" ? data : Buffer.from(data)));
  await within(
    new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", (event) => reject(new NotOpened(path, event.message)));
    }),
    `a connection to ${path}`,
  );
  return {
    subprotocol: socket.protocol,
    send: (message) => socket.send(message),
    async receive(what) {
      const message = await messages.take(what);
      if (message instanceof Failed) throw new Failed(`${what}: ${message.message}`);
      return message;
    },
    close(code, reason) {
      socket.close(code, reason);
      return within(closed, "the close");
    },
  };
}

class NotOpened extends Error {
  constructor(path, message) {
    super(`${path} did not open: ${message}`);
  }
}

/** A WebSocket of the standard does not tell the status; undici's diagnostics channel does. */
async function checkRefused(base, path, status, options) {
  const statuses = [];
  const note = ({ request, response }) => {
    if (request.path === path) statuses.push(response.statusCode);
  };
  subscribe("undici:request:headers", note);
  const client = await open(base, path, options).catch((error) => error);
  unsubscribe("undici:request:headers", note);
  if (!(client instanceof Error)) throw new Failed(`${path} was accepted, not refused with ${status}`);
  if (!(client instanceof NotOpened)) throw client;
  expect(statuses, [status], `the status of the refused ${path}`);
}

const through = (base) => (path, options) => open(base, path, options);

await run([
  ["text", (base) => checkEcho(through(base), ["hello"])],
  ["binary", (base) => checkEcho(through(base), [pattern(256)])],
  ["empty", (base) => checkEcho(through(base), ["", Buffer.alloc(0)])],
  ["multibyte", (base) => checkEcho(through(base), [MULTIBYTE])],
  ["one_mib", (base) => checkEcho(through(base), [pattern(MIB)])],
  ["at_the_root", (base) => checkEcho(through(base), ["root"], "/")],
  ["pipelined", (base) => checkPipelined(through(base))],
  ["close_1000", async (base) => checkClose(await open(base, "/echo"), 1000, "done, bye żółw")],
  ["close_4001", async (base) => checkClose(await open(base, "/echo"), 4001, "our own reason")],
  ["room_raw", (base) => checkRoomRaw(through(base))],
  ["envelope", (base) => checkEnvelope(through(base))],
  ["unknown_path_404", (base) => checkRefused(base, "/no/such/path", 404)],
  ["foreign_origin_403", (base) => checkRefused(base, "/echo", 403, { headers: { Origin: FOREIGN_ORIGIN } })],
]);
