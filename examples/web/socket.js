// What the pages share: a WebSocket that comes back, the line that says how it is, and the colour of a person.

const FIRST_RETRY = 2_000; // ms; the first retry comes after a random 0 to 2 s
const LONGEST_RETRY = 30_000;
const CONNECT_LIMIT = 10_000; // a browser may wait minutes for a connection
const STEADY_AFTER = 5_000; // open for so long, the next loss starts from the first retry again

const TOKEN_KEY = "sockeye.token";
const BEARER = "sockeye.bearer.";
const RAW = "sockeye.raw.v1";

/** The token of this tab, if it has one. */
const token = tokenOfTab();
// Another one was pasted into the address bar.
addEventListener("hashchange", () => {
  if (tokenInHash() !== null) location.reload();
});

/** As it is: a token may have characters that mean something else in a query. */
function tokenInHash() {
  const name = "#token=";
  return location.hash.startsWith(name) ? location.hash.slice(name.length) : null;
}

/**
 * The token of a page that was opened as `/chat#token=TOKEN`, for all pages of this tab: a fragment goes to no server, and
 * it leaves the address bar at once.
 */
function tokenOfTab() {
  const given = tokenInHash();
  if (given !== null) history.replaceState(null, "", location.pathname + location.search);
  try {
    if (given !== null) sessionStorage.setItem(TOKEN_KEY, given);
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return given;
  }
}

/**
 * A WebSocket that reconnects with jittered, truncated exponential backoff (RFC 6455, 7.2.3).
 *
 * `on.state` is called with `{ state, retryAt, wasOpen, code, reason }` at each change; `state` is one of
 * connecting, open, lost and refused. After `refused` it waits for `open()`.
 */
export class Socket {
  #path;
  #protocols;
  #on;
  #socket = null;
  #failures = 0;
  #wasOpen = false;
  #openedAt = 0;
  #timer = 0;
  state = "closed";

  /**
   * `path` may be a function that says it anew for each connection. `on`: `state(change)`, `message(text)`, and
   * `refuses(code, reason)`, true for a close that no retry can mend.
   */
  constructor(path, protocols, on) {
    this.#path = path;
    // One that is no secret has to be there to be answered.
    this.#protocols = token ? [...(protocols.length ? protocols : [RAW]), BEARER + token] : protocols;
    this.#on = { refuses: (code) => code === 1008, ...on };
    addEventListener("online", () => this.retryNow());
  }

  open() {
    this.#forget();
    this.#failures = 0;
    this.#wasOpen = false;
    this.#connect();
  }

  /** Does nothing unless a retry is being waited for. */
  retryNow() {
    if (this.state !== "lost") return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** False when there is no connection to send on. */
  send(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  close() {
    this.#forget();
    this.state = "closed";
  }

  /** Gives up this connection as if it had been lost, and retries. */
  drop(reason) {
    this.#forget();
    this.#lost({ code: 1006, reason });
  }

  #connect() {
    this.#become("connecting");
    let socket;
    try {
      const url = new URL(typeof this.#path === "function" ? this.#path() : this.#path, location.href);
      url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      socket = new WebSocket(url, this.#protocols);
    } catch (error) {
      this.#become("refused", { code: 1006, reason: error.message });
      return;
    }
    this.#socket = socket;
    this.#timer = setTimeout(() => this.drop("no answer"), CONNECT_LIMIT);
    socket.onopen = () => {
      clearTimeout(this.#timer);
      this.#openedAt = performance.now();
      this.#wasOpen = true;
      this.#become("open");
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.#on.message(event.data);
    };
    socket.onclose = (event) => {
      this.#forget();
      if (this.#on.refuses(event.code, event.reason)) this.#become("refused", event);
      else this.#lost(event);
    };
  }

  #lost({ code, reason }) {
    if (this.#openedAt && performance.now() - this.#openedAt >= STEADY_AFTER) this.#failures = 0;
    this.#openedAt = 0;
    const delay = Math.random() * Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 8);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#become("lost", { code, reason, retryAt: performance.now() + delay });
  }

  #become(state, { code = 0, reason = "", retryAt = 0 } = {}) {
    this.state = state;
    this.#on.state({ state, code, reason, retryAt, wasOpen: this.#wasOpen });
  }

  /** No event of the old connection is heard after this. */
  #forget() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/**
 * Shows a state in `element` (a live region). The seconds tick in a part that is hidden from screen readers,
 * so that a reader hears the sentence once.
 */
export class StatusLine {
  #element;
  #said = document.createElement("span");
  #ticking = document.createElement("span");
  #timer = 0;

  constructor(element) {
    this.#element = element;
    this.#ticking.setAttribute("aria-hidden", "true");
    element.replaceChildren(this.#said, this.#ticking);
  }

  show(state, text, retryAt = 0) {
    clearInterval(this.#timer);
    if (state) this.#element.dataset.state = state;
    else delete this.#element.dataset.state;
    this.#said.textContent = text;
    this.#ticking.textContent = "";
    if (!retryAt) return;
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
      this.#ticking.textContent = ` in ${seconds} s`;
    };
    tick();
    this.#timer = setInterval(tick, 500);
  }
}

/** What to say while there is no connection; the seconds follow it. */
export function lostText({ wasOpen }) {
  return wasOpen ? "Connection lost, retrying" : "Cannot connect, retrying";
}

/** A hue in degrees that is always the same for the same text: FNV-1a, its bits then mixed. */
export function hueOf(text) {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % 360;
}

/** How many characters (Unicode scalar values) `text` has, as the server counts them. */
export function lengthOf(text) {
  return [...text].length;
}

const NAME_KEY = "sockeye.name";

/** The name used last in this browser, or an empty one. Storage may be switched off. */
export function rememberedName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

export function rememberName(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // It will be asked for again.
  }
}
