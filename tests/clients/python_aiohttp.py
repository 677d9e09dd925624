"""The `aiohttp` client against a running server: python python_aiohttp.py HOST:PORT"""

import struct

from aiohttp import ClientSession, ClientTimeout, WSMsgType, WSServerHandshakeError

from checks import (
    FOREIGN_ORIGIN, MIB, MULTIBYTE, SUBPROTOCOL, WAIT, Failed, Seat,
    check_envelope, check_envelope_is_strict, check_envelope_limits, expect, room, run, within,
)

# This client cannot send a fragmented message.


class Client:
    """A session and its connections; leaving the block ends them all."""

    def __init__(self, base):
        self.base = base

    async def __aenter__(self):
        self.session = ClientSession(timeout=ClientTimeout(total=WAIT))
        return self

    async def __aexit__(self, *_):
        await within(self.session.close(), "the end of the session")

    async def connect(self, path, **options):
        return await within(
            self.session.ws_connect(f"http://{self.base}{path}", autoping=False, autoclose=False, **options),
            f"a connection to {path}",
        )


async def receive(connection):
    """The next message, as `str` or `bytes`."""
    message = await within(connection.receive(), "a message")
    if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise Failed(f"expected a message, got {message.type.name} {message.data!r} {message.extra!r}")
    return message.data


async def send(connection, message):
    sending = connection.send_str(message) if isinstance(message, str) else connection.send_bytes(message)
    await within(sending, "sending")


async def close(connection, code=1000, reason=""):
    """Sends the close frame itself, since `close()` does not show the reason that came back."""
    await within(connection.send_frame(struct.pack("!H", code) + reason.encode(), WSMsgType.CLOSE), "sending the close")
    message = await within(connection.receive(), "the close")
    expect((message.type, message.data, message.extra or ""), (WSMsgType.CLOSE, code, reason), "the close that came back")


async def echo(base, *messages, path="/echo", **options):
    async with Client(base) as client:
        connection = await client.connect(path, **options)
        for message in messages:
            await send(connection, message)
            expect(await receive(connection), message, "the echo")
        await close(connection)


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


async def offering_deflate(base):
    await echo(base, "compressible " * 100, b"\x00" * 1000, compress=15)


async def at_the_root(base):
    await echo(base, "root", path="/")


async def ping(base):
    async with Client(base) as client:
        connection = await client.connect("/echo")
        for payload in (b"", b"are you there", bytes(125)):
            await within(connection.ping(payload), "sending a ping")
            message = await within(connection.receive(), "the pong")
            expect((message.type, bytes(message.data)), (WSMsgType.PONG, payload), "the pong")
        await close(connection)


async def pipelined(base):
    async with Client(base) as client:
        connection = await client.connect("/echo")
        messages = [f"message {number}" for number in range(1000)]
        for message in messages:
            await send(connection, message)
        for message in messages:
            expect(await receive(connection), message, "the order of the echoes")
        await close(connection)


async def close_1000(base):
    async with Client(base) as client:
        await close(await client.connect("/echo"), 1000, "done, bye żółw")


async def close_4001(base):
    async with Client(base) as client:
        await close(await client.connect("/echo"), 4001, "our own reason")


async def close_by_the_client(base):
    async with Client(base) as client:
        connection = await client.connect("/echo")
        await within(connection.close(code=4001, message=b"as users do it"), "the close")
        expect(connection.close_code, 4001, "the code that came back")


async def room_raw(base):
    path = room()
    async with Client(base) as client:
        one, two = await client.connect(path), await client.connect(path)
        for message in ("to the other", b"\x00\xff", ""):
            await send(one, message)
            expect(await receive(two), message, "what the other member sent")
        # The sender gets nothing back: the first thing it receives is what the other says.
        await send(two, "answer")
        expect(await receive(one), "answer", "the first message at the sender")
        await close(one)
        await close(two)


async def with_seats(base, check):
    async with Client(base) as client:

        async def take_seat(path):
            connection = await client.connect(path, protocols=[SUBPROTOCOL])
            expect(connection.protocol, SUBPROTOCOL, "the subprotocol")
            return Seat(connection.send_str, lambda: receive(connection)), connection.close

        await check(client, take_seat)


async def envelope(base):
    async def check(client, take_seat):
        async def raw_sender(path):
            connection = await client.connect(path)
            return connection.send_str, lambda: close(connection)

        await check_envelope(take_seat, raw_sender)

    await with_seats(base, check)


async def envelope_limits(base):
    await with_seats(base, lambda _, take_seat: check_envelope_limits(take_seat))


async def envelope_is_strict(base):
    await with_seats(base, lambda _, take_seat: check_envelope_is_strict(take_seat))


async def refused(base, path, status, **options):
    async with Client(base) as client:
        try:
            await client.connect(path, **options)
        except WSServerHandshakeError as error:
            expect(error.status, status, f"the status of the refused {path}")
            return
        raise Failed(f"{path} was accepted, not refused with {status}")


async def unknown_path(base):
    await refused(base, "/no/such/path", 404)


async def foreign_origin(base):
    await refused(base, "/echo", 403, origin=FOREIGN_ORIGIN)


async def wrong_host(base):
    await refused(base, "/echo", 421, headers={"Host": "rebound.example"})


async def without_upgrade(base):
    async with Client(base) as client:
        async with client.session.get(f"http://{base}/echo") as response:
            expect(response.status, 426, "the status of a plain GET of /echo")


run([
    ("text", text),
    ("binary", binary),
    ("empty", empty),
    ("multibyte", multibyte),
    ("one_mib", one_mib),
    ("offering_deflate", offering_deflate),
    ("at_the_root", at_the_root),
    ("ping", ping),
    ("pipelined", pipelined),
    ("close_1000", close_1000),
    ("close_4001", close_4001),
    ("close_by_the_client", close_by_the_client),
    ("room_raw", room_raw),
    ("envelope", envelope),
    ("envelope_limits", envelope_limits),
    ("envelope_is_strict", envelope_is_strict),
    ("unknown_path_404", unknown_path),
    ("foreign_origin_403", foreign_origin),
    ("wrong_host_421", wrong_host),
    ("without_upgrade_426", without_upgrade),
])
