"""What the Python clients share: arguments, bounded waits, and one line a check."""

import asyncio
import json
import re
import secrets
import sys

WAIT = 10.0
"""Seconds that any single wait may take."""

SUBPROTOCOL = "sockeye.rooms.v1"
MIB = 1 << 20
MULTIBYTE = "żółw 鮭 лосось 🐟 " * 500
FOREIGN_ORIGIN = "http://foreign.example"


class Failed(Exception):
    """A check found something else than it expects."""


def expect(actual, wanted, what):
    if actual != wanted:
        raise Failed(f"{what}: expected {brief(wanted)}, got {brief(actual)}")


def brief(value):
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(value)} long)"


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, WAIT)
    except asyncio.TimeoutError as error:
        raise Failed(f"{what}: nothing within {WAIT:.0f} s") from error


def room():
    """The path of a room that nobody else uses."""
    return f"/rooms/test-{secrets.token_hex(6)}"


class Seat:
    """A member of a room that speaks the envelope, over any client's `send` and `receive` of a text."""

    EVENTS = ("message", "join", "leave")

    def __init__(self, send, receive):
        self.send_text, self.receive_text = send, receive
        self.id = self.epoch = None
        self.number = -1

    async def send(self, **envelope):
        await self.send_text(json.dumps(envelope))

    async def join(self, name):
        await self.send(kind="join", name=name)
        welcome = await self.receive("welcome")
        self.id = welcome["id"]
        self.epoch, _ = position(welcome)
        for past in welcome["history"]:
            expect(past["kind"], "message", "the kind of a line of history")
            self.follow(past)
        if {"id": self.id, "name": name} not in welcome["members"]:
            raise Failed(f"welcome of {name}: own id {self.id} is not among {brief(welcome['members'])}")
        return welcome

    async def receive(self, kind):
        """The next envelope, which must be of `kind`. Kinds unknown to version 1 are skipped, as is our own join."""
        while True:
            text = await within(self.receive_text(), f"an envelope of kind {kind}")
            if not isinstance(text, str):
                raise Failed(f"an envelope must be a text message, got {brief(text)}")
            envelope = json.loads(text)
            if envelope["kind"] == "join" and envelope["id"] == self.id:
                continue
            if envelope["kind"] in (*self.EVENTS, "welcome", "error"):
                break
        expect(envelope["kind"], kind, f"the kind of {brief(envelope)}")
        if kind in self.EVENTS:
            self.follow(envelope)
        return envelope

    def follow(self, envelope):
        epoch, number = position(envelope)
        expect(epoch, self.epoch, "the epoch")
        if number <= self.number:
            raise Failed(f"seq must grow: {number} after {self.number}")
        self.number = number


def position(envelope):
    match = re.fullmatch(r"([0-9a-f]+):([0-9]+)", envelope["seq"])
    if not match:
        raise Failed(f"seq is not EPOCH:SEQ: {envelope['seq']!r}")
    return match[1], int(match[2])


async def check_envelope(take_seat, raw_sender):
    """Two members, a newcomer and a sender without the subprotocol.

    `take_seat(path)` connects with the subprotocol and gives `(Seat, close)`; `raw_sender(path)` connects without
    and gives `(send, close)`.
    """
    path = room()
    ann, close_ann = await take_seat(path)
    welcome = await ann.join("Ann")
    expect(welcome["history"], [], "the history of a new room")
    expect(len(welcome["members"]), 1, "the members of a new room")

    bo, close_bo = await take_seat(path)
    welcome = await bo.join("Bo")
    expect(sorted(member["name"] for member in welcome["members"]), ["Ann", "Bo"], "the members Bo is told of")
    joined = await ann.receive("join")
    expect((joined["id"], joined["name"]), (bo.id, "Bo"), "the join Ann is told of")

    await ann.send(kind="message", text="hi")
    seen = [await seat.receive("message") for seat in (ann, bo)]
    for message in seen:
        expect((message["id"], message["name"], message["text"]), (ann.id, "Ann", "hi"), "Ann's message")
    expect(seen[1]["seq"], seen[0]["seq"], "the seq of one message at two members")

    markup = '"<b>\\ żółw 🐟 \u2028'
    await bo.send(kind="message", text=markup)
    for seat in (ann, bo):
        expect((await seat.receive("message"))["text"], markup, "a text with quotes and other scripts")

    send_raw, close_raw = await raw_sender(path)
    await send_raw("from outside")
    for seat in (ann, bo):
        message = await seat.receive("message")
        expect((message["id"], message["name"], message["text"]), (0, "", "from outside"), "a raw sender's message")
    await close_raw()

    cy, close_cy = await take_seat(path)
    welcome = await cy.join("Cy")
    expect([past["text"] for past in welcome["history"]], ["hi", markup, "from outside"], "a newcomer's history")
    expect(welcome["history"][0]["seq"], seen[0]["seq"], "the seq of a message in the history")
    for seat in (ann, bo):
        expect((await seat.receive("join"))["name"], "Cy", "the join of a newcomer")

    await close_bo()
    for seat in (ann, cy):
        left = await seat.receive("leave")
        expect((left["id"], left["name"]), (bo.id, "Bo"), "the leave the others are told of")
    await close_cy()
    await close_ann()


async def check_envelope_is_strict(take_seat):
    """What breaks the envelope's rules is answered by an error."""
    for what, before, sent in [
        ("a message before the join", None, {"kind": "message", "text": "hi"}),
        ("an empty name", None, {"kind": "join", "name": ""}),
        ("a name of 65 characters", None, {"kind": "join", "name": "n" * 65}),
        ("an empty text", "Ann", {"kind": "message", "text": ""}),
        ("a text of 4097 characters", "Ann", {"kind": "message", "text": "t" * 4097}),
    ]:
        seat, close = await take_seat(room())
        if before:
            await seat.join(before)
        await seat.send(**sent)
        error = await seat.receive("error")
        if not isinstance(error.get("text"), str) or not error["text"]:
            raise Failed(f"{what}: the error says nothing: {brief(error)}")
        await close()


async def check_envelope_limits(take_seat):
    """The longest name and the longest text pass, counted in characters and not in bytes."""
    seat, close = await take_seat(room())
    await seat.join("鮭" * 64)
    await seat.send(kind="message", text="🐟" * 4096)
    expect((await seat.receive("message"))["text"], "🐟" * 4096, "the longest text")
    await close()


def run(checks):
    """Runs `checks`, a list of `(name, async function of the base address)`, and exits with 0 or 1."""
    if len(sys.argv) != 2 or not re.fullmatch(r"[^/\s]+:[0-9]+", sys.argv[1]):
        sys.exit(f"usage: {sys.argv[0]} HOST:PORT")
    sys.exit(asyncio.run(run_all(checks, sys.argv[1])))


async def run_all(checks, base):
    for name, check in checks:
        try:
            await check(base)
        except Exception as error:
            text = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            print(f"FAILED {name}: {text}", flush=True)
            return 1
        print(f"ok {name}", flush=True)
    return 0
