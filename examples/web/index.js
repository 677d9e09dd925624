// The echo box of the front page, and the real host in the list of endpoints.

import { Socket, StatusLine, lostText } from "./socket.js";

const KEPT = 5;

const form = document.getElementById("echo-form");
const input = document.getElementById("echo-text");
const send = document.getElementById("echo-send");
const log = document.getElementById("echo-log");
const status = new StatusLine(document.getElementById("status"));

/** When each message went out that has no echo yet, oldest first. */
let sent = [];

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
for (const origin of document.querySelectorAll(".origin")) origin.textContent = `${scheme}//${location.host}`;

const socket = new Socket("/echo", [], {
  state(change) {
    send.disabled = change.state !== "open";
    if (change.state !== "open") sent = [];
    const text = {
      connecting: "Connecting",
      open: "Connected",
      lost: lostText(change),
      refused: `Refused by the server (${change.code})`,
    }[change.state];
    status.show(change.state, text, change.retryAt);
  },
  message(text) {
    const at = sent.shift();
    if (at !== undefined) show(text, performance.now() - at);
  },
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.send(input.value)) sent.push(performance.now());
  input.select();
});

function show(text, milliseconds) {
  const line = document.createElement("li");
  const what = document.createElement("span");
  what.className = "echo-text";
  what.dir = "auto";
  what.textContent = text === "" ? "(an empty message)" : text;
  const took = document.createElement("span");
  took.className = "echo-time";
  took.textContent = `${milliseconds.toFixed(1)} ms`;
  line.append(what, took);
  log.prepend(line);
  while (log.children.length > KEPT) log.lastElementChild.remove();
}

socket.open();
