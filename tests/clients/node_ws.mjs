// The `ws` client against a running server: node node_ws.mjs HOST:PORT

import WebSocket from "ws";
import {
  FOREIGN_ORIGIN, MIB, MULTIBYTE, Failed, Inbox,
  checkClose, checkEcho, checkEnvelope, checkPipelined, checkRoomRaw, expect, pattern, run, within,
} from "./checks.mjs";

/** A connection; `ws` offers permessage-deflate unless `options` say otherwise. */
async function open(base, path, { subprotocols = [], ...options } = {}) {
  const socket = new WebSocket(`ws://${base}${path}`, subprotocols, options);
  const messages = new Inbox();
  const pongs = new Inbox();
  const closed = new Promise((resolve) => {
    socket.on("close", (code, reason) => {
      messages.put(new Failed(`closed with ${code} ${reason}`));
      resolve({ code, reason: reason.toString() });
    });
  });
  socket.on("message", (data, isBinary) => messages.put(isBinary ? data : data.toString()));
  socket.on("pong", (payload) => pongs.put(payload));
  await within(
    new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (request, response) => {
        request.destroy();
        reject(new Refused(path, response.statusCode));
      });
      socket.on("error", reject);
    }),
    `a connection to ${path}`,
  );
  return {
    subprotocol: socket.protocol,
    send: (message) => socket.send(message),
    sendFragment: (fragment, isLast) => socket.send(fragment, { fin: isLast }),
    async receive(what) {
      const message = await messages.take(what);
      if (message instanceof Failed) throw new Failed(`${what}: ${message.message}`);
      return message;
    },
    async ping(payload) {
      socket.ping(payload);
      return pongs.take("the pong");
    },
    close(code, reason) {
      socket.close(code, reason);
      return within(closed, "the close");
    },
  };
}

class Refused extends Error {
  constructor(path, status) {
    super(`${path} was refused with ${status}`);
    this.status = status;
  }
}

async function checkRefused(base, path, status, options) {
  const client = await open(base, path, options).catch((error) => error);
  if (client instanceof Refused) expect(client.status, status, `the status of the refused ${path}`);
  else if (client instanceof Error) throw client;
  else throw new Failed(`${path} was accepted, not refused with ${status}`);
}

const through = (base) => (path, options) => open(base, path, options);

await run([
  ["text", (base) => checkEcho(through(base), ["hello"])],
  ["binary", (base) => checkEcho(through(base), [pattern(256)])],
  ["empty", (base) => checkEcho(through(base), ["", Buffer.alloc(0)])],
  ["multibyte", (base) => checkEcho(through(base), [MULTIBYTE])],
  ["one_mib", (base) => checkEcho(through(base), [pattern(MIB)])],
  ["without_deflate", (base) => checkEcho((path) => open(base, path, { perMessageDeflate: false }), ["plain"])],
  ["at_the_root", (base) => checkEcho(through(base), ["root"], "/")],
  ["fragmented", async (base) => {
    const client = await open(base, "/echo");
    const bytes = Buffer.from("one, two, żółw");
    // The cut is inside the two bytes of a character.
    const cut = bytes.indexOf(Buffer.from("ż")) + 1;
    client.sendFragment(bytes.subarray(0, 5).toString(), false);
    client.sendFragment(bytes.subarray(5, cut), false);
    client.sendFragment("", false);
    client.sendFragment(bytes.subarray(cut), true);
    expect(await client.receive("the echo"), bytes.toString(), "the echo of a fragmented text");
    client.sendFragment(pattern(70_000), false);
    client.sendFragment(pattern(3), true);
    expect(await client.receive("the echo"), Buffer.concat([pattern(70_000), pattern(3)]), "the echo of fragments");
    await checkClose(client, 1000, "");
  }],
  ["ping_between_fragments", async (base) => {
    const client = await open(base, "/echo");
    client.sendFragment("before ", false);
    expect(await client.ping("inside"), Buffer.from("inside"), "the pong inside a message");
    client.sendFragment("after", true);
    expect(await client.receive("the echo"), "before after", "the echo");
    await checkClose(client, 1000, "");
  }],
  ["ping", async (base) => {
    const client = await open(base, "/echo");
    for (const payload of [Buffer.alloc(0), Buffer.from("are you there"), Buffer.alloc(125, 7)]) {
      expect(await client.ping(payload), payload, "the pong");
    }
    await checkClose(client, 1000, "");
  }],
  ["pipelined", (base) => checkPipelined(through(base))],
  ["close_1000", async (base) => checkClose(await open(base, "/echo"), 1000, "done, bye żółw")],
  ["close_4001", async (base) => checkClose(await open(base, "/echo"), 4001, "our own reason")],
  ["room_raw", (base) => checkRoomRaw(through(base))],
  ["envelope", (base) => checkEnvelope(through(base))],
  ["unknown_path_404", (base) => checkRefused(base, "/no/such/path", 404)],
  ["foreign_origin_403", (base) => checkRefused(base, "/echo", 403, { origin: FOREIGN_ORIGIN })],
  ["wrong_host_421", (base) => checkRefused(base, "/echo", 421, { headers: { Host: "rebound.example" } })],
]);
