// Chromium against a device that runs the program `sensor`: node device.mjs http://HOST:PORT/ [--shots FOLDER]
//
// Says `led on` and `led off` after the device reported it, so that the caller can look for it in the firmware's log.
// Waits are for conditions, each at most 10 s (the browser's own start, half a minute of readings, and a whole check:
// 60 s; the screenshots, which show a minute of readings, twice that).

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const WAIT = 10_000;
const LONGEST = 60_000;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
/** The style and the script that lie in the page, and nothing else. */
const DIRECTIVES = [
  "default-src 'none'", "connect-src 'self'", "script-src HASH", "style-src HASH", "img-src data:", "base-uri 'none'",
  "form-action 'none'", "frame-ancestors 'none'",
];
const HASH = /'sha256-[A-Za-z0-9+/]{43}='/g;
const PLACES = 4;
const FULL = "All places are taken. Try again in a few seconds.\n";
/** What the browser writes to the console when there is no place; a reset is for one who comes in mid 503. */
const NO_PLACE = /^(WebSocket connection to|Failed to load resource:) .*(\b503( \(.*\))?|net::ERR_CONNECTION_RESET)$/;
const MEMBERS = ["uptime_ms", "temperature_mc", "late_us", "led", "clients", "lost"];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const NARROW = { width: 320, height: 640 };

const { base, pictures } = parseArguments(process.argv.slice(2));

class Failed extends Error {}

/** What a page must not do: write an error to the console, throw, or break the Content-Security-Policy. */
const complaints = [];
let browser;

const CHECKS = { load, live, led, reload, full, refused, reconnect, narrow };

const failure = await main().catch((error) => error);
await browser?.close().catch(() => {});
if (failure) {
  const what = failure instanceof Failed ? failure.message : `${failure.name}: ${failure.message}`;
  console.log(`FAILED ${failure.check ?? "browser"}: ${what}`);
}
process.exit(failure ? 1 : 0);

async function main() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, headless: true, args: ARGUMENTS, timeout: LONGEST });
  const checks = { ...CHECKS, ...(pictures ? { screenshots } : {}) };
  for (const [name, check] of Object.entries(checks)) {
    try {
      await within(check(), check === screenshots ? 2 * LONGEST : LONGEST);
      if (complaints.length) throw new Failed(`the browser complains: ${complaints.join("; ")}`);
    } catch (error) {
      error.check = name;
      throw error;
    }
    for (const context of browser.contexts()) await context.close();
    console.log(`ok ${name}`);
  }
}

function parseArguments([base, flag, pictures, ...more]) {
  const isGood = /^http:\/\/[^/\s]+\/$/.test(base ?? "") && more.length === 0;
  if (!isGood || (flag !== undefined && (flag !== "--shots" || pictures === undefined))) {
    console.error(`usage: node ${process.argv[1]} http://HOST:PORT/ [--shots FOLDER]`);
    process.exit(1);
  }
  return { base: new URL(base), pictures };
}

async function within(check, limit) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`not done within ${limit / 1000} s`)), limit);
  });
  await Promise.race([check, late]).finally(() => clearTimeout(timer));
}

// The checks.

/** The page is one response, compressed, and one WebSocket. */
async function load() {
  const page = await newPage();
  const { responses, sockets } = await open(page);
  expect(responses.map((response) => response.url()), [base.href], "what the page loads");
  expect(responses[0].status(), 200, "the status");
  const headers = responses[0].headers();
  expect(headers["content-encoding"], "gzip", "the Content-Encoding");
  expect(/^"[^"]+"$/.test(headers.etag), true, `${headers.etag} is an ETag`);
  const policy = (headers["content-security-policy"] ?? "").replace(HASH, "HASH").split(/;\s*/);
  expect(policy.sort(), [...DIRECTIVES].sort(), "the Content-Security-Policy");
  expect(sockets.map((socket) => socket.url()), [`ws://${base.host}/ws`], "the page's WebSockets");
  expect(await page.locator("h1").innerText(), `Device at ${base.host}`, "the heading");
  expect(await page.title(), `${base.host} · sockeye`, "the title");
}

/** Readings are what they should be, and the page shows them. */
async function live() {
  const page = await newPage();
  const { sockets } = await open(page);
  await says(page, "clients", "1"); // who was here before is gone
  const readings = await take(sockets[0], 8);
  for (const [i, reading] of readings.entries()) {
    expect(Object.keys(reading), MEMBERS, "the members of a reading");
    const { uptime_ms: uptime, temperature_mc: temperature, late_us: late, clients, lost } = reading;
    const isWhole = [uptime, late, clients, lost, temperature ?? 0].every(Number.isSafeInteger);
    expect(isWhole, true, `all numbers of ${JSON.stringify(reading)} are whole`);
    expect([clients, lost], [1, 0], "the clients, and the lost readings of the only one");
    const before = readings[i - 1]?.uptime_ms ?? -1;
    expect(uptime > before, true, `an uptime of ${uptime} ms is more than ${before} ms`);
  }

  await moves(page);
  await page.waitForFunction(() => pointsOf("line") >= 8);
  expect(await page.locator("#lost").innerText(), "0", "the lost readings on the page");
  const isWarm = readings.at(-1).temperature_mc !== null;
  expect(await page.locator("#series").innerText(), isWarm ? "Temperature" : "Sampling delay", "what the chart shows");
  const value = await page.locator("#value").innerText();
  expect((isWarm ? /^-?\d+\.\d °C$/ : /^\d+(\.\d)? (µs|ms|s)$/).test(value), true, `"${value}" is such a value`);
  expect(await page.locator("#grid text").count() >= 6, true, "the axes have labels");
}

/** The switch shows what the device says: by the mouse, by the keyboard, and on somebody else's page. */
async function led() {
  const [first, second] = [await newPage(), await newPage()];
  const { sockets } = await open(first);
  await open(second);
  // A test that was cut short may have left it on.
  if (await first.locator("#led").getAttribute("aria-checked") === "true") await first.click("#led");
  await switchedTo(first, false);
  const reports = reportsOf(sockets[0]);
  await first.click("#led");
  await switchedTo(first, true);
  expect(reports.includes(true), true, "the device reported the LED to be on");
  console.log("led on");
  await switchedTo(second, true);

  await second.locator("#led").press("Space");
  await switchedTo(second, false);
  await switchedTo(first, false);
  expect(reports.at(-1), false, "what the device reported last");
  console.log("led off");
}

/** A browser that has the page asks whether it is new, and is told that it is not. */
async function reload() {
  const page = await newPage();
  await open(page);
  const devtools = await page.context().newCDPSession(page);
  const statuses = [];
  // What the browser's cache answers is a 200; the status on the wire is in the extra information.
  devtools.on("Network.responseReceivedExtraInfo", ({ statusCode }) => statuses.push(statusCode));
  await devtools.send("Network.enable");
  await page.reload();
  await stateIs(page, "live");
  expect(statuses.filter((status) => status !== 101), [304], "the statuses at a reload");
}

/** Four pages at once are all live. A fifth is told that there is no place, and lives when one of them leaves. */
async function full() {
  const pages = await fill();
  const fifth = await newPage(NO_PLACE);
  const response = await fifth.goto(base.href);
  expect(response.status(), 503, "the status for a fifth");
  expect(response.headers()["retry-after"], "5", "the Retry-After for a fifth");
  expect(await fifth.locator("body").innerText(), FULL, "the words for a fifth");
  await allLive(pages);

  await pages.shift().close();
  await says(pages[0], "clients", String(PLACES - 1));
  // The count falls a moment before the place is free; until then it may be a 503 or a reset.
  const until = Date.now() + WAIT;
  const isLoaded = async () => (await fifth.reload().catch(() => null))?.ok() ?? false;
  while (!(await isLoaded()) && Date.now() < until);
  await allLive([...pages, fifth]);
  await leave([...pages, fifth]);
}

/** A page that lost its place says what may be the matter, and lives when another one leaves. */
async function refused() {
  const page = await newPage(NO_PLACE);
  let isKept = true;
  await page.routeWebSocket(/\/ws$/, (route) => (isKept ? route.close({ code: 1001 }) : route.connectToServer()));
  await page.goto(base.href);
  await stateIs(page, "waiting");
  const pages = await fill();
  isKept = false;
  await Promise.all([
    page.waitForEvent("console", (message) => / code: 503$/.test(message.text())),
    // An impatient person: by itself the page may wait for half a minute.
    page.evaluate(() => setInterval(() => document.getElementById("retry").click(), 250)),
  ]);
  await page.locator("#status", { hasText: /^No answer, retrying/ }).waitFor();
  await page.locator("#about", { hasText: "all its four places are taken" }).waitFor();
  await allLive(pages);

  await pages.shift().close();
  await allLive([...pages, page]);
  await leave([...pages, page]);
}

/** The connection is cut between the page and the device; Playwright stands there and passes everything on. */
async function reconnect() {
  const page = await newPage();
  const lines = [];
  await page.routeWebSocket(/\/ws$/, (route) => lines.push({ page: route, device: route.connectToServer() }));
  await page.goto(base.href);
  await stateIs(page, "live");
  await lines[0].device.close({ code: 1000 });
  await lines[0].page.close({ code: 1001, reason: "cut by the test" });
  await page.locator("#status", { hasText: /^Connection lost, retrying/ }).waitFor();
  expect(await page.locator("#led").getAttribute("aria-disabled"), "true", "the switch is disabled");
  await stateIs(page, "live");
  expect(lines.length, 2, "the number of connections");
  await page.click("#led");
  await switchedTo(page, true);
  await page.click("#led");
  await switchedTo(page, false);
}

/** Nothing has to be scrolled sideways, down to the narrowest phone. */
async function narrow() {
  const page = await newPage();
  await open(page);
  for (const size of [NARROW, PHONE, DESKTOP]) {
    await page.setViewportSize(size);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, 0, `at ${size.width} pixels the page sticks out to the side by`);
  }
}

async function screenshots() {
  mkdirSync(pictures, { recursive: true });
  const shoot = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const page = await newPage();
  let isCut = false;
  await page.routeWebSocket(/\/ws$/, (route) => {
    if (isCut) return route.close({ code: 1001 });
    const device = route.connectToServer();
    page.cut = async () => {
      isCut = true;
      await device.close({ code: 1000 });
      await route.close({ code: 1001 });
    };
  });
  await page.goto(base.href);
  await stateIs(page, "live");
  await page.click("#led");
  await switchedTo(page, true);
  await page.mouse.move(0, 0);
  for (const part of [0.5, 0.995]) {
    const isFilled = (part) => {
      const [line, axis] = ["#line", "#grid path"].map((one) => document.querySelector(one).getBBox().width);
      return line >= part * axis;
    };
    await page.waitForFunction(isFilled, part, { timeout: LONGEST });
  }
  await shoot(page, "device");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "device-dark");
  await page.setViewportSize(PHONE);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await shoot(page, "device-phone-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.click("#led");
  await switchedTo(page, false);
  await page.mouse.move(0, 0);
  await shoot(page, "device-phone");
  await page.cut();
  await stateIs(page, "waiting");
  await page.locator("#status", { hasText: /^No answer/ }).waitFor();
  await shoot(page, "device-phone-lost");
}

// The page, as a person uses it.

/** A page as in a browser of its own, with an empty cache. It may write what is `expected` to the console. */
async function newPage(expected) {
  const page = await browser.newPage({ viewport: DESKTOP, colorScheme: "light" });
  page.setDefaultTimeout(WAIT);
  page.on("console", (message) => {
    const isBad = ["error", "warning"].includes(message.type()) && !expected?.test(message.text());
    if (isBad) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.exposeFunction("policyBroken", (what) => complaints.push(what));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      window.policyBroken(`${event.violatedDirective} broken by ${event.blockedURI}`);
    });
    window.pointsOf = (id) => document.getElementById(id).getAttribute("d")?.match(/[ML]/g)?.length ?? 0;
  });
  return page;
}

/** Opens the page, and waits until it is live. `responses` are those from a network; an icon of data is none. */
async function open(page) {
  const [responses, sockets] = [[], []];
  page.on("response", (response) => response.url().startsWith("data:") || responses.push(response));
  page.on("websocket", (socket) => sockets.push(socket));
  await page.goto(base.href);
  await stateIs(page, "live");
  return { responses, sockets };
}

/** A live page on each of the device's places. */
async function fill() {
  const pages = [];
  while (pages.length < PLACES) {
    // When its WebSocket asks, the place that the page came from may not be free yet; it asks again.
    const page = await newPage(NO_PLACE);
    await open(page);
    pages.push(page);
  }
  await allLive(pages);
  return pages;
}

/** All places are taken, and readings come to each of these pages. */
async function allLive(pages) {
  await Promise.all(pages.map(async (page) => {
    await stateIs(page, "live");
    await says(page, "clients", String(PLACES));
    await moves(page);
  }));
}

/** Who goes gives the place back. */
async function leave(pages) {
  for (const page of pages.slice(1)) await page.close();
  await says(pages[0], "clients", "1");
}

async function moves(page) {
  const shown = await page.locator("#uptime").innerText();
  await page.waitForFunction((shown) => document.getElementById("uptime").textContent !== shown, shown);
}

async function stateIs(page, state) {
  await page.locator(`#status[data-state="${state}"]`).waitFor({ state: "attached" });
}

async function says(page, id, text) {
  const isSaid = ({ id, text }) => document.getElementById(id).textContent === text;
  await page.waitForFunction(isSaid, { id, text }).catch(async () => {
    throw new Failed(`#${id}: expected "${text}", got "${await page.locator(`#${id}`).innerText()}"`);
  });
}

async function switchedTo(page, isOn) {
  const settled = page.locator(`#led[aria-checked="${isOn}"][aria-busy="false"][aria-disabled="false"]`);
  await settled.waitFor().catch(() => {
    throw new Failed(`the switch does not come to be ${isOn ? "on" : "off"}`);
  });
  await says(page, "led-state", isOn ? "on" : "off");
}

/** The next readings from a WebSocket. */
function take(socket, count) {
  return new Promise((resolve, reject) => {
    const readings = [];
    const timer = setTimeout(() => reject(new Failed(`only ${readings.length} of ${count} readings came`)), WAIT);
    socket.on("framereceived", ({ payload }) => {
      readings.push(parse(payload));
      if (readings.length !== count) return;
      clearTimeout(timer);
      resolve(readings);
    });
  });
}

/** What the device says from now on of its LED. */
function reportsOf(socket) {
  const reports = [];
  socket.on("framereceived", ({ payload }) => reports.push(parse(payload)?.led));
  return reports;
}

/** Null for what is no JSON, which a check then finds to have no members. */
function parse(payload) {
  try {
    return JSON.parse(payload);
  } catch {
    return {};
  }
}

function expect(actual, wanted, what) {
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
    throw new Failed(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
  }
}
