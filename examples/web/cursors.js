// The cursors page: a member of the raw room `/rooms/cursors`.
//
// Each tab sends `{"id","name","x","y"}` with x and y from 0 to 1, and `{"id","gone":true}` when it goes.
// What comes in was written by strangers: it is checked here, and reaches the page as text only.

import { Socket, StatusLine, hueOf, lengthOf, lostText, rememberName, rememberedName } from "./socket.js";

const SEND_EVERY = 1000 / 30; // ms, at most
const REPEAT_EVERY = 4_000; // so that newcomers see who does not move
const SILENT_LIMIT = 10_000;
const MOST_CURSORS = 200;
const LONGEST_NAME = 64;
const LONGEST_MESSAGE = 1_024;
const SMOOTHING = 55; // ms to cover 63 % of the way
const KEY_STEP = 0.02;
const SVG = "http://www.w3.org/2000/svg";

const nameInput = document.getElementById("name");
const stage = document.getElementById("stage");
const count = document.getElementById("count");
const invite = document.getElementById("invite");
const retry = document.getElementById("retry");
const status = new StatusLine(document.getElementById("status"));
const still = matchMedia("(prefers-reduced-motion: reduce)");

const id = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const me = { name: "", x: 0.5, y: 0.5, isPlaced: false, element: null };
/** id -> { element, label, name, x, y (drawn), toX, toY (wanted), heardAt } */
const others = new Map();
let size = { width: 1, height: 1 };
let sendTimer = 0;
let sentAt = -Infinity;
let lastSent = "";
let frame = 0;
let drawnAt = 0;

const socket = new Socket("/rooms/cursors", [], { state: onState, message: onText });

start();

function start() {
  me.element = makeCursor("me", id);
  me.element.hidden = true;
  stage.append(me.element);
  document.getElementById("swatch").style.setProperty("--hue", hueOf(id));
  nameInput.value = rememberedName().slice(0, nameInput.maxLength);
  takeName();
  nameInput.addEventListener("input", takeName);

  new ResizeObserver(measure).observe(stage);
  stage.addEventListener("pointerdown", onPointer);
  stage.addEventListener("pointermove", onPointer);
  stage.addEventListener("keydown", onKey);
  retry.addEventListener("click", () => socket.retryNow());
  setInterval(repeat, REPEAT_EVERY);
  setInterval(dropSilent, 1_000);
  document.addEventListener("visibilitychange", repeat);
  addEventListener("pagehide", () => {
    socket.send(JSON.stringify({ id, gone: true }));
    socket.close();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) socket.open();
  });
  measure();
  showCount();
  socket.open();
}

// From the person to the room.

function takeName() {
  const typed = nameInput.value.trim();
  me.name = typed || `guest ${id.slice(0, 3)}`;
  nameInput.placeholder = me.name;
  if (typed) rememberName(typed);
  me.element.label.textContent = me.name;
  sendSoon();
}

function onPointer(event) {
  const box = stage.getBoundingClientRect();
  place((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event.pointerType !== "mouse");
}

function onKey(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step) return;
  event.preventDefault();
  place(me.x + step[0] * KEY_STEP, me.y + step[1] * KEY_STEP, true);
}

/** `isDrawn`: a finger and the arrow keys have no pointer on the screen, so we draw one. */
function place(x, y, isDrawn) {
  me.x = clamp(x);
  me.y = clamp(y);
  me.isPlaced = true;
  invite.classList.add("done");
  me.element.hidden = !isDrawn;
  if (isDrawn) moveTo(me.element, me.x, me.y);
  sendSoon();
}

function sendSoon() {
  if (sendTimer || !me.isPlaced) return;
  const wait = sentAt + SEND_EVERY - performance.now();
  if (wait <= 0) sendNow();
  else sendTimer = setTimeout(sendNow, wait);
}

function sendNow() {
  clearTimeout(sendTimer);
  sendTimer = 0;
  const message = JSON.stringify({ id, name: me.name, x: round(me.x), y: round(me.y) });
  if (message === lastSent || !socket.send(message)) return;
  lastSent = message;
  sentAt = performance.now();
}

function repeat() {
  if (document.hidden || !me.isPlaced) return;
  lastSent = "";
  sendSoon();
}

// From the room to the page.

function onState(change) {
  retry.hidden = change.state !== "lost";
  const text = {
    connecting: "Connecting",
    open: "Connected",
    lost: lostText(change),
    refused: `Refused by the server (${change.reason || change.code})`,
  }[change.state];
  status.show(change.state, text, change.retryAt);
  if (change.state === "open") repeat();
}

function onText(data) {
  const said = parse(data);
  if (!said || said.id === id) return;
  if (said.gone) {
    drop(said.id);
    return;
  }
  let other = others.get(said.id);
  if (!other) {
    if (others.size >= MOST_CURSORS) return;
    const element = makeCursor("cursor", said.id);
    other = { element, name: null, x: said.x, y: said.y };
    others.set(said.id, other);
    stage.append(element);
    moveTo(element, said.x, said.y);
    showCount();
  }
  if (other.name !== said.name) {
    other.name = said.name;
    other.element.label.textContent = said.name;
  }
  other.toX = said.x;
  other.toY = said.y;
  other.heardAt = performance.now();
  animate();
}

/** `{ id, gone }` or `{ id, name, x, y }`, or null for anything else. */
function parse(data) {
  if (data.length > LONGEST_MESSAGE) return null;
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (!value || typeof value !== "object" || typeof value.id !== "string" || !/^[0-9a-f]{8,32}$/.test(value.id)) return null;
  if (value.gone === true) return { id: value.id, gone: true };
  const { name, x, y } = value;
  if (typeof name !== "string" || name.trim() === "" || lengthOf(name) > LONGEST_NAME) return null;
  if (!isShare(x) || !isShare(y)) return null;
  return { id: value.id, gone: false, name, x, y };
}

function isShare(value) {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function drop(otherId) {
  others.get(otherId)?.element.remove();
  if (others.delete(otherId)) showCount();
}

function dropSilent() {
  const oldest = performance.now() - SILENT_LIMIT;
  for (const [otherId, other] of others) if (other.heardAt < oldest) drop(otherId);
}

// Drawing.

function animate() {
  if (frame) return;
  drawnAt = performance.now();
  frame = requestAnimationFrame(draw);
}

function draw(now) {
  const part = still.matches ? 1 : 1 - Math.exp(-Math.max(0, now - drawnAt) / SMOOTHING);
  drawnAt = now;
  let isMoving = false;
  for (const other of others.values()) {
    const farX = other.toX - other.x;
    const farY = other.toY - other.y;
    if (farX === 0 && farY === 0) continue;
    const isThere = Math.abs(farX) * size.width < 0.3 && Math.abs(farY) * size.height < 0.3;
    other.x = isThere ? other.toX : other.x + farX * part;
    other.y = isThere ? other.toY : other.y + farY * part;
    moveTo(other.element, other.x, other.y);
    isMoving ||= !isThere;
  }
  frame = isMoving ? requestAnimationFrame(draw) : 0;
}

function moveTo(element, x, y) {
  element.style.transform = `translate(${(x * size.width).toFixed(1)}px, ${(y * size.height).toFixed(1)}px)`;
  element.classList.toggle("flip-x", x > 0.75);
  element.classList.toggle("flip-y", y > 0.9);
}

function measure() {
  size = { width: stage.clientWidth, height: stage.clientHeight };
  for (const other of others.values()) moveTo(other.element, other.x, other.y);
  moveTo(me.element, me.x, me.y);
}

function makeCursor(className, colourFrom) {
  const element = document.createElement("div");
  element.className = className;
  element.style.setProperty("--hue", hueOf(colourFrom));
  const arrow = document.createElementNS(SVG, "svg");
  arrow.setAttribute("viewBox", "0 0 20 22");
  arrow.setAttribute("width", "25");
  arrow.setAttribute("height", "27.5");
  arrow.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", "M2 2l5.2 16.5 3.6-6.9 7.2-2.7Z");
  arrow.append(shape);
  const label = document.createElement("bdi");
  label.className = "label";
  element.append(arrow, label);
  element.label = label;
  return element;
}

function showCount() {
  const number = others.size;
  count.textContent = number === 0 ? "Nobody else here" : number === 1 ? "1 other here" : `${number} others here`;
}

function clamp(value) {
  return Math.min(1, Math.max(0, value));
}

function round(value) {
  return Math.round(value * 10_000) / 10_000;
}
