// Chromium against a running server: node browser.mjs [https://]HOST:PORT [FOLDER FOR SCREENSHOTS]; TOKEN in the
// environment is one that the server wants.
//
// Waits are for conditions, each at most 10 s (the browser's own start and a whole check: 60 s). Rooms have random
// names, so a server may be tested again at once.

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const WAIT = 10_000;
const LONGEST = 60_000;
const MARKUP = "<img src=x onerror=window.pwned=1>";
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const DIRECTIVES = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
  "form-action 'none'", "frame-ancestors 'none'",
];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const { TOKEN } = process.env;
const [where, pictures] = process.argv.slice(2);
if (process.argv.length < 3 || process.argv.length > 4 || !/^(https:\/\/)?[^/\s]+:[0-9]+$/.test(where)) {
  console.error(`usage: node ${process.argv[1]} [https://]HOST:PORT [FOLDER]`);
  process.exit(1);
}
const base = where.includes("://") ? where : `http://${where}`;

class Failed extends Error {}

/** What a page must not do: write an error to the console, throw, or break the Content-Security-Policy. */
const complaints = [];
let browser;

const CHECKS = { pages, chat, markup, reconnect, bad_room: badRoom, cursors };

const profile = mkdtempSync(join(tmpdir(), "sockeye-browser-"));
const failure = await main().catch((error) => error);
await browser?.close().catch(() => {});
rmSync(profile, { recursive: true, force: true });
if (failure) {
  const what = failure instanceof Failed ? failure.message : `${failure.name}: ${failure.message}`;
  console.log(`FAILED ${failure.check ?? "browser"}: ${what}`);
}
process.exit(failure ? 1 : 0);

async function main() {
  // A persistent context is how a browser is started on a profile of our choice: an empty one.
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ARGUMENTS,
    viewport: DESKTOP,
    colorScheme: "light",
    timeout: LONGEST,
  });
  browser.setDefaultTimeout(WAIT);
  const checks = { ...CHECKS, ...(pictures ? { screenshots } : {}) };
  for (const [name, check] of Object.entries(checks)) {
    try {
      await within(check());
      if (complaints.length) throw new Failed(`the browser complains: ${complaints.join("; ")}`);
    } catch (error) {
      error.check = name;
      throw error;
    }
    for (const page of browser.pages()) await page.close();
    console.log(`ok ${name}`);
  }
}

async function within(check) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`not done within ${LONGEST / 1000} s`)), LONGEST);
  });
  await Promise.race([check, limit]).finally(() => clearTimeout(timer));
}

// The checks.

async function pages() {
  for (const path of ["/", "/chat", "/cursors"]) {
    const { page, response } = await open(path);
    expect(response.status(), 200, `the status of ${path}`);
    const policy = response.headers()["content-security-policy"] ?? "";
    for (const directive of DIRECTIVES) {
      if (!policy.split(/;\s*/).includes(directive)) throw new Failed(`${path}: the policy "${policy}" lacks ${directive}`);
    }
    await fitsWidth(page, path);
  }
  const { page } = await open("/");
  await stateIs(page, "open");
  await page.fill("#echo-text", MARKUP);
  await page.click("#echo-send");
  await page.locator("#echo-log .echo-text").getByText(MARKUP, { exact: true }).waitFor();
}

async function chat() {
  // The lobby first: what is said there may be found by a test that ran a moment ago.
  const first = await enter("/chat", "Ann");
  const second = await enter("/chat", "Bo");
  const words = `hello ${hex()}`;
  await say(first, words);
  await seen(second, "Ann", words);
  await seen(first, "Ann", words);
  expect(await isOwn(first, words), true, "a message of one's own is marked so");
  expect(await isOwn(second, words), false, "a message of somebody else is marked as one's own");
  await member(first, "Bo");
  await member(second, "Ann");

  const answer = `answer ${hex()}`;
  await say(second, answer);
  await seen(first, "Bo", answer);

  const newcomer = await enter("/chat", "Cy");
  await seen(newcomer, "Ann", words);
  await seen(newcomer, "Bo", answer);
  await newcomer.close();
  await first.locator(".notice", { hasText: "Cy" }).filter({ hasText: "left" }).last().waitFor();
}

async function markup() {
  const path = newRoom();
  const evil = await enter(path, MARKUP);
  const victim = await enter(path, "Ann");
  await say(evil, MARKUP);
  await seen(victim, MARKUP, MARKUP);
  await member(victim, MARKUP);
  const newcomer = await enter(path, "Bo");
  await seen(newcomer, MARKUP, MARKUP);

  for (const page of [evil, victim, newcomer]) {
    expect(await page.evaluate(() => typeof window.pwned), "undefined", "window.pwned");
    expect(await page.locator("main img").count(), 0, "the number of img elements");
  }
}

/** The connection is cut between the page and the server; Playwright stands there and passes everything on. */
async function reconnect() {
  const path = newRoom();
  const other = await enter(path, "Bo");
  const page = await newPage();
  let line;
  await page.routeWebSocket(/\/rooms\//, (route) => {
    line = { page: route, server: route.connectToServer() };
  });
  await goto(page, path);
  await joinAs(page, "Ann");
  await say(page, "before");
  await seen(other, "Ann", "before");
  await seen(page, "Ann", "before");

  const cut = line;
  await cut.server.close({ code: 1000 });
  await cut.page.close({ code: 1001, reason: "cut by the test" });
  await page.locator(".notice", { hasText: "The server went away" }).waitFor();
  await say(other, "meanwhile");
  await stateIs(page, "open");
  await seen(page, "Bo", "meanwhile");
  await say(page, "after");
  await seen(page, "Ann", "after");
  await seen(other, "Ann", "after");
  const texts = await page.locator(".message .text").allTextContents();
  expect(texts, ["before", "meanwhile", "after"], "the messages after a reconnect");
}

async function badRoom() {
  const { page } = await open("/chat?room=no%20such%2Froom");
  await stateIs(page, "refused");
  expect(await page.locator("#join").isVisible(), false, "one can join a room with a bad name");
}

async function cursors() {
  const label = `Ann ${hex()}`;
  const { page: first } = await open("/cursors");
  const { page: second } = await open("/cursors");
  await stateIs(first, "open");
  await stateIs(second, "open");
  await first.fill("#name", label);
  await pointAt(first, 0.25, 0.5);

  const cursor = second.locator(".cursor", { has: second.locator(".label", { hasText: label }) });
  await cursor.waitFor({ state: "attached" });
  await arrivesAt(cursor, 0.25, 0.5);
  await pointAt(first, 0.75, 0.25);
  await arrivesAt(cursor, 0.75, 0.25);

  // What is no cursor is not shown: markup stays text, and wrong values are dropped.
  await first.fill("#name", MARKUP.slice(0, 32));
  await second.locator(".cursor .label", { hasText: MARKUP.slice(0, 32) }).waitFor({ state: "attached" });
  expect(await second.locator("#stage img").count(), 0, "the number of img elements");
  const shown = await second.locator(".cursor").count();
  await first.evaluate((token) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`/rooms/cursors`, token ? ["sockeye.raw.v1", `sockeye.bearer.${token}`] : []);
    socket.onerror = () => reject(new Error("no connection"));
    socket.onopen = () => {
      const id = "0123456789abcdef";
      const bad = [
        "no JSON", "null", "[]", { id }, { id, name: "x", x: 2, y: 0 }, { id, name: "x", x: "0", y: 0 },
        { id, name: "x".repeat(65), x: 0, y: 0 }, { id: "<b>", name: "x", x: 0, y: 0 }, { id, name: 7, x: 0, y: 0 },
      ];
      for (const one of bad) socket.send(typeof one === "string" ? one : JSON.stringify(one));
      socket.send(JSON.stringify({ id: "fedcba9876543210", name: "the last one", x: 1, y: 1 }));
      resolve();
    };
  }), TOKEN);
  await second.locator(".cursor .label", { hasText: "the last one" }).waitFor({ state: "attached" });
  expect(await second.locator(".cursor").count(), shown + 1, "the number of cursors after nine bad messages and a good one");

  await first.close();
  await cursor.waitFor({ state: "detached" });
}

async function screenshots() {
  mkdirSync(pictures, { recursive: true });
  const shoot = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const path = newRoom("river");
  const ann = await enter(path, "Ann");
  const bo = await enter(path, "Bo");
  await say(ann, "Two tabs, one room. Does this reach you?");
  await seen(bo, "Ann", "Two tabs, one room. Does this reach you?");
  await say(bo, "It does, at once.");
  await say(bo, "And the list shows who else is here.");
  await seen(ann, "Bo", "And the list shows who else is here.");
  const cy = await enter(path, "Cy");
  await say(cy, "I came late and still see what was said.");
  await seen(ann, "Cy", "I came late and still see what was said.");
  await say(ann, "The last 50 messages are kept for newcomers.");
  await seen(bo, "Ann", "The last 50 messages are kept for newcomers.");
  await seen(ann, "Ann", "The last 50 messages are kept for newcomers.");
  await ann.mouse.move(0, 0);
  await shoot(ann, "chat");

  await bo.emulateMedia({ colorScheme: "dark" });
  await bo.setViewportSize(PHONE);
  await fitsWidth(bo, "/chat");
  await bo.locator("#messages .message").last().scrollIntoViewIfNeeded();
  await shoot(bo, "chat-phone");

  const { page: watcher } = await open("/cursors");
  await stateIs(watcher, "open");
  for (const [name, x, y] of [["Bo", 0.3, 0.35], ["Cy", 0.62, 0.6], ["Dee", 0.82, 0.22]]) {
    const { page } = await open("/cursors");
    await stateIs(page, "open");
    await page.fill("#name", name);
    await pointAt(page, x, y);
    await arrivesAt(watcher.locator(".cursor", { has: watcher.locator(".label", { hasText: name }) }), x, y);
  }
  await watcher.fill("#name", "Ann");
  await watcher.bringToFront();
  await watcher.locator("#stage").press("ArrowLeft");
  await watcher.locator("#stage").blur();
  await watcher.waitForFunction(() => getComputedStyle(document.getElementById("invite")).opacity === "0");
  await shoot(watcher, "cursors");

  const { page: index } = await open("/");
  await stateIs(index, "open");
  await index.click("#echo-send");
  await index.locator("#echo-log li").waitFor();
  await index.locator("#echo-text").blur();
  await index.mouse.move(0, 0);
  await shoot(index, "index");
  await index.setViewportSize(PHONE);
  await index.emulateMedia({ colorScheme: "dark" });
  await fitsWidth(index, "/");
  await shoot(index, "index-phone");
}

// The pages, as a person uses them.

async function newPage() {
  const page = await browser.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  await page.exposeFunction("policyBroken", (what) => complaints.push(`${page.url()}: ${what}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      window.policyBroken(`${event.violatedDirective} broken by ${event.blockedURI}`);
    });
  });
  return page;
}

async function goto(page, path) {
  const response = await page.goto(`${base}${path}${TOKEN ? `#token=${TOKEN}` : ""}`, { timeout: WAIT });
  // It is no secret where everybody looks.
  if (TOKEN) await page.waitForFunction(() => !location.href.includes("token"));
  return response;
}

async function open(path) {
  const page = await newPage();
  return { page, response: await goto(page, path) };
}

async function enter(path, name) {
  const { page } = await open(path);
  await joinAs(page, name);
  return page;
}

async function joinAs(page, name) {
  await page.fill("#name", name);
  await page.click("#join");
  await stateIs(page, "open");
}

async function say(page, text) {
  await page.fill("#text", text);
  await page.click("#send");
}

async function stateIs(page, state) {
  await page.locator(`#status[data-state="${state}"]`).waitFor({ state: "attached" });
}

/** Waits until exactly one message on the page has this author and this text. */
async function seen(page, author, text) {
  const isSeen = ({ author, text }) => {
    const is = (message, part, wanted) => message.querySelector(part)?.textContent === wanted;
    const all = [...document.querySelectorAll("#messages .message")];
    return all.filter((message) => is(message, ".author", author) && is(message, ".text", text)).length === 1;
  };
  await page.waitForFunction(isSeen, { author, text }, { timeout: WAIT }).catch(() => {
    throw new Failed(`no single message "${text}" of ${author} in ${page.url()}`);
  });
}

async function isOwn(page, text) {
  const message = page.locator(".message", { has: page.getByText(text, { exact: true }) });
  return message.evaluate((element) => element.classList.contains("own"));
}

async function member(page, name) {
  await page.locator("#members .member").getByText(name, { exact: true }).first().waitFor({ state: "attached" });
}

async function pointAt(page, x, y) {
  const box = await page.locator("#stage").boundingBox();
  await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 5 });
}

/** Waits until the cursor has come to rest within 3 pixels of where it should be. */
async function arrivesAt(cursor, x, y) {
  await cursor.waitFor({ state: "attached" });
  const element = await cursor.elementHandle();
  const isThere = ({ element, x, y }) => {
    const box = document.getElementById("stage").getBoundingClientRect();
    const at = element.getBoundingClientRect();
    return Math.abs(at.left - box.left - x * box.width) < 3 && Math.abs(at.top - box.top - y * box.height) < 3;
  };
  await cursor.page().waitForFunction(isThere, { element, x, y }, { timeout: WAIT }).catch(async () => {
    throw new Failed(`a cursor does not come to ${x}, ${y}: it is at ${await element.getAttribute("style")}`);
  });
}

/** Nothing has to be scrolled sideways, down to the narrowest phone. */
async function fitsWidth(page, path) {
  const before = page.viewportSize();
  for (const width of [360, before.width]) {
    await page.setViewportSize({ width, height: before.height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, 0, `${path} at ${width} pixels sticks out to the side by`);
  }
}

function newRoom(name = "test") {
  return `/chat?room=${name}-${hex()}`;
}

function hex() {
  return randomBytes(3).toString("hex");
}

function expect(actual, wanted, what) {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Failed(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
  }
}
