// The page of a device: what it measures, and a switch for its LED, over one WebSocket.
//
// The device sends a reading as JSON every 250 ms and takes `led on` and `led off`. What comes in is checked before it
// is used, and reaches the page as text only.

const FIRST_RETRY = 2_000; // ms; the first retry comes after a random 0 to 2 s
const LONGEST_RETRY = 30_000;
const CONNECT_LIMIT = 10_000; // a browser may wait minutes for a connection
const READING_LIMIT = 5_000; // a device whose plug was pulled says no goodbye
const STEADY_AFTER = 5_000; // live for so long, the next loss starts from the first retry again
const LED_LIMIT = 3_000;

const SHOWN = 60_000; // ms of readings in the chart
const GAP = 1_000; // the line is not drawn across more than this
const MARGIN = { top: 8, right: 20, bottom: 26, left: 72 };
const SVG = "http://www.w3.org/2000/svg";

const LIVE = "Straight from the chip, four times a second. This page lies in its flash.";
const UNREACHED = "It is off, out of reach, or all its four places are taken: a browser is not told which.";

/** What the chart can show. `least` is the smallest span of its axis. */
const TEMPERATURE = { name: "Temperature", key: "temperature", least: 1, from: (low) => low, unit: () => [1, "°C"] };
const DELAY = { name: "Sampling delay", key: "late", least: 20, from: () => 0, unit: unitOfTime };

const at = (id) => document.getElementById(id);

/** loading, connecting, live, or waiting (for the next attempt). */
let state = "loading";
let socket = null;
let timer = 0;
let failures = 0;
let liveSince = 0;
let retryAt = 0;

/** `{ uptime, temperature, late, led, clients, lost }` of the last minute, oldest first; times in ms, late in µs. */
let readings = [];
/** What the LED was asked to be, until the device says that it is. */
let wanted = null;
let ledTimer = 0;

const chart = { width: 0, right: 0, bottom: 0, frame: 0, pointer: null, axes: "" };

start();

function start() {
  at("address").textContent = location.host;
  document.title = `${location.host} · sockeye`;
  at("about").textContent = LIVE;
  at("led").addEventListener("click", switchLed);
  at("retry").addEventListener("click", retryNow);
  addEventListener("online", retryNow);
  document.addEventListener("visibilitychange", () => document.hidden || retryNow());
  // A page in the browser's memory of past pages must not keep one of the four places.
  addEventListener("pagehide", forget);
  addEventListener("pageshow", (event) => event.persisted && connect());
  setInterval(tick, 500);
  makeChart();
  connect();
}

// The connection. It reconnects with jittered, truncated exponential backoff (RFC 6455, 7.2.3).

function connect() {
  forget();
  if (state === "loading") become("connecting", "Connecting");
  else become("connecting");
  socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
  timer = setTimeout(lose, CONNECT_LIMIT);
  socket.onmessage = (event) => onText(event.data);
  socket.onclose = lose;
}

function retryNow() {
  if (state === "waiting") connect();
}

function lose() {
  const wasLive = state === "live";
  forget();
  if (wasLive && performance.now() - liveSince >= STEADY_AFTER) failures = 0;
  const delay = Math.random() * Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** failures);
  failures = Math.min(failures + 1, 8);
  retryAt = performance.now() + delay;
  timer = setTimeout(connect, delay);
  become("waiting", wasLive ? "Connection lost, retrying" : "No answer, retrying");
  if (!wasLive) at("about").textContent = UNREACHED;
  letLedBe("");
}

/** No event of the old connection is heard after this. */
function forget() {
  clearTimeout(timer);
  if (!socket) return;
  socket.onmessage = socket.onclose = null;
  socket.close();
  socket = null;
}

/** Without a text the old one stays: a screen reader hears of a loss once, not of each attempt. */
function become(next, text) {
  state = next;
  const status = at("status");
  status.dataset.state = state;
  if (text && status.firstChild?.textContent !== text) {
    const ticking = document.createElement("span");
    ticking.setAttribute("aria-hidden", "true");
    status.replaceChildren(text, ticking);
  }
  document.querySelector("main").classList.toggle("stale", state !== "live");
  at("retry").hidden = state !== "waiting";
  tick();
}

function tick() {
  const seconds = Math.max(1, Math.ceil((retryAt - performance.now()) / 1000));
  const isRetry = state === "connecting" && failures > 0;
  at("status").lastChild.textContent = state === "waiting" ? ` in\u00a0${seconds}\u00a0s` : isRetry ? " now" : "";
}

// What the device says.

function onText(text) {
  const reading = parse(text);
  if (!reading) return;
  clearTimeout(timer);
  timer = setTimeout(lose, READING_LIMIT);
  if (state !== "live") {
    liveSince = performance.now();
    become("live", "Live");
    at("about").textContent = LIVE;
  }
  const last = readings.at(-1);
  if (last && reading.uptime < last.uptime) readings = []; // it was started anew
  readings.push(reading);
  readings = readings.filter(({ uptime }) => reading.uptime - uptime <= SHOWN);

  say("uptime", duration(reading.uptime));
  say("delay", inUnit(reading.late, unitOfTime(reading.late)));
  say("clients", String(reading.clients));
  say("lost", String(reading.lost));
  if (wanted === reading.led) letLedBe("");
  else showLed();
  drawSoon();
}

function parse(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { uptime_ms: uptime, temperature_mc: thousandths, late_us: late, led, clients, lost } = value ?? {};
  const temperature = Number.isFinite(thousandths) ? thousandths / 1000 : null;
  const isGood = [uptime, late, clients, lost].every((number) => Number.isFinite(number) && number >= 0);
  return isGood && typeof led === "boolean" ? { uptime, temperature, late, led, clients, lost } : null;
}

// The LED: the switch shows what the device reports, not what was clicked.

function switchLed() {
  if (state !== "live" || wanted !== null) return;
  wanted = !readings.at(-1).led;
  socket.send(wanted ? "led on" : "led off");
  ledTimer = setTimeout(() => letLedBe("The device did not do it."), LED_LIMIT);
  say("led-note", "");
  showLed();
}

/** Nothing is waited for any more. */
function letLedBe(note) {
  clearTimeout(ledTimer);
  wanted = null;
  say("led-note", note);
  showLed();
}

function showLed() {
  const reading = readings.at(-1);
  at("led").setAttribute("aria-checked", String(reading?.led ?? false));
  at("led").setAttribute("aria-busy", String(wanted !== null));
  at("led").setAttribute("aria-disabled", String(state !== "live"));
  if (reading) say("led-state", reading.led ? "on" : "off");
}

// The chart: the last minute by the device's clock, newest at the right.

function makeChart() {
  const svg = at("chart");
  const parts = { grid: "g", area: "path", line: "path", ruler: "path", dot: "circle", reading: "text" };
  for (const [id, name] of Object.entries(parts)) svg.append(element(name, { id }));
  set("dot", { r: 4 });
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", () => point(null));
  new ResizeObserver(() => {
    chart.width = svg.clientWidth;
    chart.right = svg.clientWidth - MARGIN.right;
    chart.bottom = svg.clientHeight - MARGIN.bottom;
    drawSoon();
  }).observe(svg);
}

function point(event) {
  chart.pointer = event && event.clientX - at("chart").getBoundingClientRect().left;
  drawSoon();
}

function drawSoon() {
  chart.frame ||= requestAnimationFrame(draw);
}

function draw() {
  chart.frame = 0;
  const newest = readings.at(-1);
  const series = newest?.temperature === null ? DELAY : TEMPERATURE;
  const points = readings
    .map((reading) => ({ time: reading.uptime, value: reading[series.key] }))
    .filter(({ value }) => value !== null);
  if (points.length === 0) return drawAxes([], null);

  const values = points.map(({ value }) => value);
  const [low, high, last] = [Math.min(...values), Math.max(...values), points.at(-1)];
  const ticks = ticksOf(series.from(low), high, series.least);
  const unit = series.unit(ticks.at(-1));
  const x = (time) => chart.right - ((newest.uptime - time) / SHOWN) * (chart.right - MARGIN.left);
  const y = (value) => heightOf((value - ticks[0]) / (ticks.at(-1) - ticks[0]));
  drawAxes(ticks, unit);
  say("series", series.name);
  say("value", inUnit(last.value, series.unit(last.value)));
  say("range", `Last minute: ${inUnit(low, unit, false)} to ${inUnit(high, unit)}`);

  const runs = runsOf(points);
  const lines = runs.map((run) => `M${run.map(({ time, value }) => `${round(x(time))} ${round(y(value))}`).join("L")}`);
  set("line", { d: lines.join("") });
  set("area", { d: lines.map((line, i) => `${line}V${chart.bottom}H${round(x(runs[i][0].time))}Z`).join("") });

  // The newest reading, or the one that is pointed at.
  const distance = ({ time }) => Math.abs(x(time) - chart.pointer);
  const isPointed = chart.pointer !== null;
  const nearest = (best, one) => (distance(one) < distance(best) ? one : best);
  const { time, value } = isPointed ? points.reduce(nearest) : last;
  const isLeft = x(time) < chart.width / 2;
  set("dot", { cx: round(x(time)), cy: round(y(value)) });
  set("ruler", { d: isPointed ? `M${round(x(time))} ${MARGIN.top}V${chart.bottom}` : "" });
  set("reading", { x: x(time) + (isLeft ? 8 : -8), y: MARGIN.top + 16, "text-anchor": isLeft ? "start" : "end" });
  say("reading", isPointed ? `${ago(newest.uptime - time)}: ${inUnit(value, series.unit(value))}` : "");
}

/** Drawn anew only when they changed. Without a reading there is the axis of time alone. */
function drawAxes(ticks, unit) {
  const axes = [chart.right, chart.bottom, unit, ticks].join();
  if (chart.axes === axes) return;
  chart.axes = axes;
  const line = (y) => element("path", { d: `M${MARGIN.left} ${round(y)}H${chart.right}` });
  const parts = [line(chart.bottom)];
  for (const [i, tick] of ticks.entries()) {
    const y = heightOf(i / (ticks.length - 1));
    const decimals = Math.max(0, -Math.floor(Math.log10((ticks[1] - ticks[0]) / unit[0]) + 1e-9));
    const text = `${(tick / unit[0]).toFixed(decimals)} ${unit[1]}`;
    parts.push(line(y), element("text", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, text));
  }
  for (let seconds = 60; seconds >= 0; seconds -= chart.width < 480 ? 30 : 15) {
    const x = round(chart.right - (seconds / 60) * (chart.right - MARGIN.left));
    const text = seconds === 0 ? "now" : `−${seconds} s`;
    parts.push(element("path", { d: `M${x} ${chart.bottom}v5` }));
    parts.push(element("text", { x, y: chart.bottom + 20, "text-anchor": seconds === 0 ? "end" : "middle" }, text));
  }
  at("grid").replaceChildren(...parts);
}

/** Where a part of the height is, from 0 at the bottom to 1 at the top. */
function heightOf(part) {
  return chart.bottom - part * (chart.bottom - MARGIN.top);
}

/** The points, cut where some are missing. */
function runsOf(points) {
  const runs = [];
  points.forEach((one, i) => {
    if (i === 0 || one.time - points[i - 1].time > GAP) runs.push([]);
    runs.at(-1).push(one);
  });
  return runs;
}

/** Three to six round values around `low` to `high`. */
function ticksOf(low, high, least) {
  const spare = Math.max(0, least - (high - low));
  const bottom = low === 0 ? 0 : low - spare / 2;
  const top = high + spare / (low === 0 ? 1 : 2);
  const power = 10 ** Math.floor(Math.log10((top - bottom) / 4));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power * 4 >= (top - bottom) * 0.999);
  const first = Math.floor(bottom / step + 1e-9);
  const last = Math.ceil(top / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

// Words and numbers.

/** How many µs, and what they are called. */
function unitOfTime(microseconds) {
  if (microseconds < 1_000) return [1, "µs"];
  return microseconds < 1_000_000 ? [1_000, "ms"] : [1_000_000, "s"];
}

function inUnit(value, [one, name], isNamed = true) {
  const number = (value / one).toFixed(name === "µs" ? 0 : 1);
  return isNamed ? `${number} ${name}` : number;
}

/** Its three largest units, like 1 h 02 min 03 s. */
function duration(milliseconds) {
  const parts = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  let seconds = Math.floor(milliseconds / 1000);
  const words = parts.map(([length, name]) => {
    const number = Math.floor(seconds / length);
    seconds %= length;
    return [number, name];
  });
  while (words.length > 1 && words[0][0] === 0) words.shift();
  const digits = (number, i) => String(number).padStart(i ? 2 : 1, "0");
  return words.slice(0, 3).map(([number, name], i) => `${digits(number, i)} ${name}`).join(" ");
}

function ago(milliseconds) {
  return milliseconds === 0 ? "now" : `${(milliseconds / 1000).toFixed(1)} s ago`;
}

function say(id, text) {
  const where = at(id);
  if (where.textContent !== text) where.textContent = text;
}

function set(id, attributes) {
  for (const [name, value] of Object.entries(attributes)) at(id).setAttribute(name, value);
}

function element(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function round(pixels) {
  return Math.round(pixels * 10) / 10;
}
