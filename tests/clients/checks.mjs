// What the Node clients share: arguments, bounded waits, and one line a check.

import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

/** Milliseconds that any single wait may take. */
export const WAIT = 10_000;
export const SUBPROTOCOL = "sockeye.rooms.v1";
export const MIB = 1 << 20;
export const MULTIBYTE = "żółw 鮭 лосось 🐟 ".repeat(500);
export const FOREIGN_ORIGIN = "http://foreign.example";

export class Failed extends Error {}

export function expect(actual, wanted, what) {
  if (!isDeepStrictEqual(actual, wanted)) throw new Failed(`${what}: expected ${brief(wanted)}, got ${brief(actual)}`);
}

export function brief(value) {
  const text = Buffer.isBuffer(value) ? `bytes ${value.toString("hex", 0, 60)}` : JSON.stringify(value) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 100)}... (${text.length} long)`;
}

export async function within(promise, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`${what}: nothing within ${WAIT / 1000} s`)), WAIT);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** What arrives by events, to be taken one after the other. */
export class Inbox {
  #items = [];
  #takers = [];

  put(item) {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(what) {
    if (this.#items.length) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#takers.push(resolve)), what);
  }
}

/** The path of a room that nobody else uses. */
export function room() {
  return `/rooms/test-${randomBytes(6).toString("hex")}`;
}

export function pattern(length) {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31) & 255));
}

// The checks below take any client through `connect(path, { subprotocols })`, which gives
// `{ subprotocol, send(string or Buffer), receive(what), close(code, reason) -> { code, reason } }`.

export async function checkEcho(connect, messages, path = "/echo") {
  const client = await connect(path);
  for (const message of messages) {
    client.send(message);
    expect(await client.receive("the echo"), message, "the echo");
  }
  await checkClose(client, 1000, "");
}

export async function checkClose(client, code, reason) {
  expect(await client.close(code, reason), { code, reason }, "the close that came back");
}

export async function checkPipelined(connect) {
  const client = await connect("/echo");
  const messages = Array.from({ length: 1000 }, (_, number) => `message ${number}`);
  for (const message of messages) client.send(message);
  for (const message of messages) expect(await client.receive(message), message, "the order of the echoes");
  await checkClose(client, 1000, "");
}

export async function checkRoomRaw(connect) {
  const path = room();
  const one = await connect(path);
  const two = await connect(path);
  for (const message of ["to the other", Buffer.from([0, 255]), ""]) {
    one.send(message);
    expect(await two.receive("what the other member sent"), message, "what the other member sent");
  }
  // The sender gets nothing back: the first thing it receives is what the other says.
  two.send("answer");
  expect(await one.receive("the answer"), "answer", "the first message at the sender");
  await checkClose(one, 1000, "");
  await checkClose(two, 1000, "");
}

/** A member of a room that speaks the envelope. */
class Seat {
  static EVENTS = ["message", "join", "leave"];
  id = null;
  epoch = null;
  number = -1n;

  static async take(connect, path) {
    const seat = new Seat();
    seat.client = await connect(path, { subprotocols: [SUBPROTOCOL] });
    expect(seat.client.subprotocol, SUBPROTOCOL, "the subprotocol");
    return seat;
  }

  say(envelope) {
    this.client.send(JSON.stringify(envelope));
  }

  async join(name) {
    this.say({ kind: "join", name });
    const welcome = await this.receive("welcome");
    this.id = welcome.id;
    this.epoch = position(welcome).epoch;
    for (const past of welcome.history) {
      expect(past.kind, "message", "the kind of a line of history");
      this.follow(past);
    }
    if (!welcome.members.some((member) => member.id === this.id && member.name === name)) {
      throw new Failed(`welcome of ${name}: own id ${this.id} is not among ${brief(welcome.members)}`);
    }
    return welcome;
  }

  /** The next envelope, which must be of `kind`. Kinds unknown to version 1 are skipped, as is our own join. */
  async receive(kind) {
    for (;;) {
      const text = await this.client.receive(`an envelope of kind ${kind}`);
      if (typeof text !== "string") throw new Failed(`an envelope must be a text message, got ${brief(text)}`);
      const envelope = JSON.parse(text);
      if (envelope.kind === "join" && envelope.id === this.id) continue;
      if (![...Seat.EVENTS, "welcome", "error"].includes(envelope.kind)) continue;
      expect(envelope.kind, kind, `the kind of ${text.slice(0, 200)}`);
      if (Seat.EVENTS.includes(kind)) this.follow(envelope);
      return envelope;
    }
  }

  follow(envelope) {
    const { epoch, number } = position(envelope);
    expect(epoch, this.epoch, "the epoch");
    if (number <= this.number) throw new Failed(`seq must grow: ${number} after ${this.number}`);
    this.number = number;
  }
}

function position({ seq }) {
  const match = /^([0-9a-f]+):([0-9]+)$/.exec(seq);
  if (!match) throw new Failed(`seq is not EPOCH:SEQ: ${brief(seq)}`);
  return { epoch: match[1], number: BigInt(match[2]) };
}

export async function checkEnvelope(connect) {
  const path = room();
  const ann = await Seat.take(connect, path);
  let welcome = await ann.join("Ann");
  expect(welcome.history, [], "the history of a new room");
  expect(welcome.members.length, 1, "the number of members of a new room");

  const bo = await Seat.take(connect, path);
  welcome = await bo.join("Bo");
  expect(welcome.members.map((member) => member.name).sort(), ["Ann", "Bo"], "the members Bo is told of");
  const joined = await ann.receive("join");
  expect([joined.id, joined.name], [bo.id, "Bo"], "the join Ann is told of");

  ann.say({ kind: "message", text: "hi" });
  const seen = [await ann.receive("message"), await bo.receive("message")];
  for (const { id, name, text } of seen) expect([id, name, text], [ann.id, "Ann", "hi"], "Ann's message");
  expect(seen[1].seq, seen[0].seq, "the seq of one message at two members");

  const raw = await connect(path);
  raw.send("from outside");
  for (const seat of [ann, bo]) {
    const { id, name, text } = await seat.receive("message");
    expect([id, name, text], [0, "", "from outside"], "a raw sender's message");
  }
  await checkClose(raw, 1000, "");

  const cy = await Seat.take(connect, path);
  welcome = await cy.join("Cy");
  expect(welcome.history.map((past) => past.text), ["hi", "from outside"], "a newcomer's history");
  expect(welcome.history[0].seq, seen[0].seq, "the seq of a message in the history");
  for (const seat of [ann, bo]) expect((await seat.receive("join")).name, "Cy", "the join of a newcomer");

  await bo.client.close(1000, "");
  for (const seat of [ann, cy]) {
    const left = await seat.receive("leave");
    expect([left.id, left.name], [bo.id, "Bo"], "the leave the others are told of");
  }
  await cy.client.close(1000, "");
  await ann.client.close(1000, "");
}

/** Runs `checks`, an array of `[name, async (base) => ...]`, and exits with 0 or 1. */
export async function run(checks) {
  const base = process.argv[2];
  if (process.argv.length !== 3 || !/^[^/\s]+:[0-9]+$/.test(base)) {
    console.error(`usage: node ${process.argv[1]} HOST:PORT`);
    process.exit(1);
  }
  for (const [name, check] of checks) {
    try {
      await check(base);
    } catch (error) {
      console.log(`FAILED ${name}: ${error instanceof Failed ? error.message : `${error.name}: ${error.message}`}`);
      process.exit(1);
    }
    console.log(`ok ${name}`);
  }
  process.exit(0);
}
