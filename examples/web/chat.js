// The chat page: a member of `/rooms/NAME` that speaks `sockeye.rooms.v1`.
//
// Whatever comes from the server is checked before it is used, and reaches the page as text only.

import { Socket, StatusLine, hueOf, lengthOf, lostText, rememberName, rememberedName } from "./socket.js";

const SUBPROTOCOL = "sockeye.rooms.v1";
const ROOM_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const LONGEST_NAME = 64;
const LONGEST_TEXT = 4096;
const WELCOME_LIMIT = 10_000; // ms from our join to the welcome
const KEPT = 500; // lines on the screen
/** Closes after which a retry makes sense, even when the server sent an error before: it left, or is busy. */
const PASSING = new Set([1001, 1006, 1012, 1013]);

const at = (id) => document.getElementById(id);
const main = at("chat");
const log = at("log");
const messages = at("messages");
const status = new StatusLine(at("status"));

const room = new URLSearchParams(location.search).get("room") ?? "lobby";
let name = "";
let socket = null;
let joined = false;
let welcomeTimer = 0;
let lastError = "";
/** By id, in the order in which they came. */
const members = new Map();
/** Our ids in this epoch: each connection has had one of its own. */
const ownIds = new Set();
/** Texts we sent that have not come back yet, oldest first. */
let unconfirmed = [];
/** The newest message on the screen: `{ epoch, number }`. */
let newest = null;
let lastAuthor = null;

start();

function start() {
  if (!ROOM_NAME.test(room)) {
    at("room").textContent = "No such room";
    at("room").classList.add("unknown");
    at("join-form").hidden = true;
    at("elsewhere").hidden = false;
    status.show("refused", "A room name is 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    return;
  }
  at("room").textContent = room;
  document.title = `${room} · sockeye chat`;
  at("name").value = rememberedName();
  at("join-form").addEventListener("submit", join);
  at("composer").addEventListener("submit", say);
  at("text").addEventListener("keydown", sendOnEnter);
  at("rename").addEventListener("click", leave);
  at("retry").addEventListener("click", () => socket.retryNow());
  at("newer").addEventListener("click", scrollDown);
  log.addEventListener("scroll", () => {
    if (isAtEnd()) at("newer").hidden = true;
  });
  new ResizeObserver(keepAtEnd()).observe(log);
  at("name").focus();
}

// From the person to the server.

function join(event) {
  event.preventDefault();
  const wanted = at("name").value.trim();
  const length = lengthOf(wanted);
  if (length < 1 || length > LONGEST_NAME) {
    const tooLong = `A name has at most ${LONGEST_NAME} characters; this one has ${length}.`;
    note("join-note", length ? tooLong : "Please enter a name.");
    at("name").focus();
    return;
  }
  name = wanted;
  rememberName(name);
  note("join-note", "");
  socket ??= new Socket(path, [SUBPROTOCOL], { state: onState, message: onText, refuses: isRefusal });
  socket.open();
}

function leave() {
  socket.close();
  becomeAway();
  members.clear();
  showMembers();
  askName("");
  at("name").select();
  status.show("", "");
}

function say(event) {
  event.preventDefault();
  const text = at("text").value.trim();
  const length = lengthOf(text);
  if (length === 0) return;
  if (length > LONGEST_TEXT) {
    note("text-note", `A message has at most ${LONGEST_TEXT} characters; this one has ${length}.`);
    return;
  }
  if (!joined || !socket.send(JSON.stringify({ kind: "message", text }))) return;
  unconfirmed.push(text);
  at("text").value = "";
  note("text-note", "");
  scrollDown();
  at("text").focus();
}

function sendOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at("composer").requestSubmit();
}

// The connection.

function onState(change) {
  at("retry").hidden = change.state !== "lost";
  switch (change.state) {
    case "connecting":
      status.show("connecting", "Connecting");
      break;
    case "open":
      // Shown as open only once the room has welcomed us: until then nothing can be said.
      lastError = "";
      socket.send(JSON.stringify({ kind: "join", name }));
      welcomeTimer = setTimeout(() => socket.drop("no welcome"), WELCOME_LIMIT);
      break;
    case "lost":
      if (joined) addNotice(change.code === 1001 ? "The server went away" : "Connection lost");
      becomeAway();
      status.show("lost", lostText(change), change.retryAt);
      break;
    case "refused": {
      becomeAway();
      const why = lastError || change.reason || `close code ${change.code}`;
      status.show("refused", "Not connected");
      askName(`The server refused: ${why}`);
      break;
    }
  }
}

/** Who comes back asks for what was missed. */
function path() {
  return newest ? `/rooms/${room}?after=${newest.epoch}:${newest.number}` : `/rooms/${room}`;
}

function isRefusal(code) {
  return code === 1008 || (lastError !== "" && !PASSING.has(code));
}

function becomeAway() {
  clearTimeout(welcomeTimer);
  joined = false;
  at("send").disabled = true;
  at("people").classList.add("stale");
}

function askName(message) {
  at("people").hidden = true;
  at("join-form").hidden = false;
  at("composer").hidden = true;
  note("join-note", message);
}

// From the server to the page.

function onText(data) {
  const envelope = parse(data);
  if (!envelope) return;
  switch (envelope.kind) {
    case "welcome":
      onWelcome(envelope);
      break;
    case "message":
      if (joined) onMessage(envelope, true);
      break;
    case "join":
      if (joined && isMember(envelope) && !members.has(envelope.id)) {
        members.set(envelope.id, envelope.name);
        showMembers();
        addNotice(`${isolate(envelope.name)} joined`);
      }
      break;
    case "leave":
      if (joined && isMember(envelope) && members.delete(envelope.id)) {
        showMembers();
        addNotice(`${isolate(envelope.name)} left`);
      }
      break;
    case "gap":
      if (joined && Number.isSafeInteger(envelope.count)) {
        addDivider(`${envelope.count} missing here: this page did not keep up.`);
      }
      break;
    case "error":
      if (typeof envelope.text === "string") lastError = envelope.text.slice(0, 300) || "no reason given";
      if (joined) addNotice(`The server says: ${isolate(lastError)}`);
      break;
  }
}

function onWelcome(welcome) {
  const position = parsePosition(welcome.seq);
  if (!position || !Number.isSafeInteger(welcome.id) || !Array.isArray(welcome.members) || !Array.isArray(welcome.history)) {
    socket.drop("bad welcome");
    return;
  }
  clearTimeout(welcomeTimer);
  const isBack = newest !== null || messages.children.length > 0;
  const isAfresh = newest !== null && newest.epoch !== position.epoch;
  if (isAfresh) {
    addDivider("The room began anew. What is above is only on this screen.");
    ownIds.clear();
    newest = null;
  }
  ownIds.add(welcome.id);

  const history = welcome.history.filter(isMessage);
  if (newest && welcome.resumed === false) addDivider("Some messages are missing here.");
  for (const message of history) onMessage(message, false);
  giveBackUnconfirmed();

  members.clear();
  for (const member of welcome.members) if (isMember(member)) members.set(member.id, member.name);
  joined = true;
  showMembers();
  main.classList.remove("fresh");
  at("people").hidden = false;
  at("people").classList.remove("stale");
  at("join-form").hidden = true;
  at("composer").hidden = false;
  at("send").disabled = false;
  addNotice(isBack ? "You are back" : `You joined as ${isolate(name)}`);
  status.show("open", "Connected");
  scrollDown();
  // The history is not read out; what comes from now on is.
  requestAnimationFrame(() => log.setAttribute("aria-live", "polite"));
  if (!isBack || document.activeElement === document.body) at("text").focus();
}

function onMessage(message, isLive) {
  if (!isMessage(message)) return;
  const position = parsePosition(message.seq);
  if (!isNewer(position)) return; // on the screen already
  newest = position;
  const isOwn = ownIds.has(message.id);
  if (isOwn && unconfirmed[0] === message.text) unconfirmed.shift();
  addMessage(message, isOwn, isLive);
}

function giveBackUnconfirmed() {
  if (unconfirmed.length === 0) return;
  const last = unconfirmed.at(-1);
  const isBoxFree = at("text").value.trim() === "";
  const what = unconfirmed.length === 1 ? "message" : `${unconfirmed.length} messages`;
  addNotice(`Your last ${what} may not have arrived.`);
  if (isBoxFree) at("text").value = last;
  unconfirmed = [];
}

// What may come from outside.

function parse(data) {
  try {
    const value = JSON.parse(data);
    return value && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

/** `EPOCH:NUMBER`, or null. The number may be larger than a double holds. */
function parsePosition(seq) {
  const match = typeof seq === "string" ? /^([0-9A-Za-z]{1,64}):([0-9]{1,20})$/.exec(seq) : null;
  return match && { epoch: match[1], number: BigInt(match[2]) };
}

function isNewer(position) {
  return newest === null || position.epoch !== newest.epoch || position.number > newest.number;
}

function isMessage(value) {
  return (
    value && typeof value === "object" && parsePosition(value.seq) !== null && Number.isSafeInteger(value.id) &&
    typeof value.name === "string" && typeof value.text === "string"
  );
}

function isMember(value) {
  return value && typeof value === "object" && Number.isSafeInteger(value.id) && typeof value.name === "string";
}

// The page.

function addMessage({ id, name, text }, isOwn, isLive) {
  const line = document.createElement("li");
  line.className = "message";
  line.classList.toggle("own", isOwn);
  line.classList.toggle("follows", lastAuthor === `${id} ${name}`);
  line.style.setProperty("--hue", hueOf(name));

  const author = document.createElement("bdi");
  author.className = "author";
  author.textContent = name || "someone";
  const body = document.createElement("div");
  body.className = "text";
  body.dir = "auto";
  body.textContent = text;
  const head = document.createElement("div");
  head.className = "head";
  head.append(author);
  if (isLive) {
    const now = new Date();
    const time = document.createElement("time");
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    head.append(" ", time);
  }
  line.append(head, body);
  addLine(line);
  lastAuthor = `${id} ${name}`;
}

function addNotice(text) {
  const line = document.createElement("li");
  line.className = "notice";
  line.textContent = text;
  addLine(line);
}

function addDivider(text) {
  const line = document.createElement("li");
  line.className = "divider";
  const said = document.createElement("span");
  said.textContent = text;
  line.append(said);
  addLine(line);
}

function addLine(line) {
  const wasAtEnd = isAtEnd();
  lastAuthor = null;
  messages.append(line);
  while (messages.children.length > KEPT) messages.firstElementChild.remove();
  at("empty").hidden = messages.querySelector(".message") !== null;
  if (wasAtEnd) scrollDown();
  else if (line.classList.contains("message")) at("newer").hidden = false;
}

function showMembers() {
  const lines = [...members].map(([id, name]) => {
    const line = document.createElement("li");
    line.className = "member";
    line.style.setProperty("--hue", hueOf(name));
    const who = document.createElement("bdi");
    who.textContent = name;
    line.append(who);
    if (ownIds.has(id)) {
      const you = document.createElement("span");
      you.className = "you";
      you.textContent = "you";
      line.append(" ", you);
    }
    return line;
  });
  at("members").replaceChildren(...lines);
  at("count").textContent = members.size;
}

function note(id, text) {
  at(id).textContent = text;
}

/** A name may be written from right to left: it must not turn the words around it. */
function isolate(text) {
  return `\u2068${text}\u2069`;
}

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function scrollDown() {
  log.scrollTop = log.scrollHeight;
  at("newer").hidden = true;
}

/** A keyboard on a phone makes the log shorter: whoever was at the end stays there. */
function keepAtEnd() {
  let height = log.clientHeight;
  return () => {
    const shrunkBy = height - log.clientHeight;
    height = log.clientHeight;
    if (shrunkBy > 0 && log.scrollHeight - log.scrollTop - log.clientHeight < 80 + shrunkBy) scrollDown();
  };
}
