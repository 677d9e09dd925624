"""The `websockets` client against a running server: python python_websockets.py HOST:PORT"""

from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from checks import (
    FOREIGN_ORIGIN, MIB, MULTIBYTE, SUBPROTOCOL, WAIT, Failed, Seat,
    check_envelope, check_envelope_is_strict, check_envelope_limits, expect, room, run, within,
)


def open_connection(base, path, **options):
    """The client offers permessage-deflate unless told otherwise. No proxy: the server is on this machine."""
    limits = {"open_timeout": WAIT, "close_timeout": WAIT, "max_size": 4 * MIB}
    return within(
        websockets_connect(f"ws://{base}{path}", proxy=None, **limits, **options),
        f"a connection to {path}",
    )


async def echo(base, *messages):
    connection = await open_connection(base, "/echo")
    for message in messages:
        await within(connection.send(message), "sending")
        expect(await within(connection.recv(), "the echo"), message, "the echo")
    await close(connection)


async def close(connection, code=CloseCode.NORMAL_CLOSURE, reason=""):
    await within(connection.close(code, reason), "the close")
    received = connection.protocol.close_rcvd
    if received is None:
        raise Failed("no close frame came back")
    expect((received.code, received.reason), (code, reason), "the close frame that came back")


async def text(base):
    await echo(base, "hello")


async def binary(base):
    await echo(base, bytes(range(256)))


async def empty(base):
    await echo(base, "", b"")


async def multibyte(base):
    await echo(base, MULTIBYTE)


async def one_mib(base):
    await echo(base, bytes(index * 31 & 255 for index in range(256)) * (MIB // 256))


async def without_deflate(base):
    connection = await open_connection(base, "/echo", compression=None)
    await within(connection.send("plain"), "sending")
    expect(await within(connection.recv(), "the echo"), "plain", "the echo")
    await close(connection)


async def at_the_root(base):
    connection = await open_connection(base, "/")
    await within(connection.send("root"), "sending")
    expect(await within(connection.recv(), "the echo"), "root", "the echo")
    await close(connection)


async def fragmented(base):
    connection = await open_connection(base, "/echo")
    await within(connection.send(["one, ", "two, ", "", "żółw"]), "sending fragments")
    expect(await within(connection.recv(), "the echo"), "one, two, żółw", "the echo of a fragmented text")
    await within(connection.send([b"\x00" * 1000, b"\x01" * 70_000, b"\x02"]), "sending fragments")
    expect(await within(connection.recv(), "the echo"), b"\x00" * 1000 + b"\x01" * 70_000 + b"\x02", "the echo of fragments")
    await close(connection)


async def ping(base):
    """The client completes a ping only when a pong with the same payload comes."""
    connection = await open_connection(base, "/echo")
    for payload in (b"", b"are you there", bytes(125)):
        await within(await within(connection.ping(payload), "sending a ping"), f"the pong of {len(payload)} bytes")
    await close(connection)


async def pipelined(base):
    connection = await open_connection(base, "/echo")
    messages = [f"message {number}" for number in range(1000)]
    for message in messages:
        await within(connection.send(message), "sending")
    for message in messages:
        expect(await within(connection.recv(), message), message, "the order of the echoes")
    await close(connection)


async def close_1000(base):
    await close(await open_connection(base, "/echo"), 1000, "done, bye żółw")


async def close_4001(base):
    await close(await open_connection(base, "/echo"), 4001, "our own reason")


async def room_raw(base):
    path = room()
    one, two = await open_connection(base, path), await open_connection(base, path)
    for message in ("to the other", b"\x00\xff", ""):
        await within(one.send(message), "sending")
        expect(await within(two.recv(), "what the other member sent"), message, "what the other member sent")
    # The sender gets nothing back: the first thing it receives is what the other says.
    await within(two.send("answer"), "sending")
    expect(await within(one.recv(), "the answer"), "answer", "the first message at the sender")
    await close(one)
    await close(two)


async def rooms_are_apart(base):
    here, there = room(), room()
    sender, stranger = await open_connection(base, here), await open_connection(base, there)
    listener = await open_connection(base, there)
    await within(sender.send("not for you"), "sending")
    await within(stranger.send("for you"), "sending")
    expect(await within(listener.recv(), "a message"), "for you", "the first message in another room")
    for connection in (sender, stranger, listener):
        await close(connection)


async def raw_sender(base, path):
    connection = await open_connection(base, path)
    return connection.send, lambda: close(connection)


async def take_seat(base, path):
    connection = await open_connection(base, path, subprotocols=[SUBPROTOCOL])
    expect(connection.subprotocol, SUBPROTOCOL, "the subprotocol")

    async def leave():
        try:
            await within(connection.close(), "the close")
        except ConnectionClosed:
            pass

    return Seat(connection.send, connection.recv), leave


async def envelope(base):
    await check_envelope(lambda path: take_seat(base, path), lambda path: raw_sender(base, path))


async def envelope_limits(base):
    await check_envelope_limits(lambda path: take_seat(base, path))


async def envelope_is_strict(base):
    await check_envelope_is_strict(lambda path: take_seat(base, path))


async def refused(base, path, status, **options):
    try:
        connection = await open_connection(base, path, **options)
    except InvalidStatus as error:
        expect(error.response.status_code, status, f"the status of the refused {path}")
        return
    await connection.close()
    raise Failed(f"{path} was accepted, not refused with {status}")


async def unknown_path(base):
    await refused(base, "/no/such/path", 404)


async def bad_room_name(base):
    await refused(base, "/rooms/" + "x" * 65, 404)


async def foreign_origin(base):
    await refused(base, "/echo", 403, origin=FOREIGN_ORIGIN)


async def own_origin(base):
    connection = await open_connection(base, "/echo", origin=f"http://{base}")
    await close(connection)


run([
    ("text", text),
    ("binary", binary),
    ("empty", empty),
    ("multibyte", multibyte),
    ("one_mib", one_mib),
    ("without_deflate", without_deflate),
    ("at_the_root", at_the_root),
    ("fragmented", fragmented),
    ("ping", ping),
    ("pipelined", pipelined),
    ("close_1000", close_1000),
    ("close_4001", close_4001),
    ("room_raw", room_raw),
    ("rooms_are_apart", rooms_are_apart),
    ("envelope", envelope),
    ("envelope_limits", envelope_limits),
    ("envelope_is_strict", envelope_is_strict),
    ("unknown_path_404", unknown_path),
    ("bad_room_name_404", bad_room_name),
    ("foreign_origin_403", foreign_origin),
    ("own_origin", own_origin),
])
