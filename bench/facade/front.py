"""
What stands between the facade and what it depends on, and does what HTTP servers will not do.

`GatewayFront` passes requests on to a gateway, whole, and is slow, wrong or gone when told to. `RedisFront`
passes commands on to a Redis. Both stop at points where a test may want the facade dead.
"""

import asyncio
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

Reached = Callable[[], Awaitable[None]]

_LENGTH = re.compile(rb"^content-length: *(\d+)\r$", re.IGNORECASE | re.MULTILINE)
_BAD_STATUSES = (500, 502, 503, 504)
_REPLY = b'HTTP/1.1 %d Bad\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"detail":"no"}'


class Cut(Exception):
    """The connection is ended here, on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    What happens to a share of the requests.

    Attributes:
        latency_s: before the request is passed on.
        kind: `status` (a 5xx at once), `drop` (read, then closed), `reset` (read, then reset), `hang` (never
            answered), `drip` (answered a byte at a time); "" is nothing.
        drip_s: between two bytes.
    """

    kind: str = ""
    share: float = 1.0
    latency_s: float = 0.0
    drip_s: float = 0.02


CALM = Fault()


class _Front:
    """A server on a free port of this machine, which may be away for a while."""

    def __init__(self) -> None:
        self.port = 0
        self.at: dict[str, Reached] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def listen(self) -> None:
        """Be there, on the same port as before."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Be gone: connections are refused, and those that are open are reset."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            reset(writer)
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not awaited here: asyncio writes a traceback for each handler that is cancelled at the end.
        task = asyncio.ensure_future(self._served(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._known(writer), suppress(Cut, OSError, EOFError):
            await self._serve(reader, writer)

    @contextmanager
    def _known(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Close it at the end; reset it, if the front leaves before."""
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _reached(self, point: str) -> None:
        """Do what is to be done at this point, once; then the connection ends, as nobody is there any more."""
        if act := self.at.pop(point, None):
            await act()
            raise Cut


@dataclass(eq=False)
class GatewayFront(_Front):
    """
    Stands before a gateway.

    Attributes:
        without_keys: takes `Idempotency-Key` away: the gateway behind then makes two jobs of two requests.
        fault: what happens at present.
        at: what to do, once, when a POST is at `asked` (read, not passed on) or `done` (answered by the gateway,
            not yet told).
        passed: how many requests were passed on, by method.
    """

    upstream: str
    without_keys: bool = False
    fault: Fault = CALM
    passed: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        super().__init__()
        self._address = urlsplit(self.upstream)

    @property
    def connections(self) -> int:
        """How many the facade has open."""
        return len(self._serving)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        with ExitStack() as stack:
            while True:
                head, body = await _message(reader)
                if head.startswith(b"POST"):
                    await self._reached("asked")
                fault = self.fault if self.chance.random() < self.fault.share else CALM
                await asyncio.sleep(fault.latency_s)
                if fault.kind == "status":
                    writer.write(_REPLY % self.chance.choice(_BAD_STATUSES))
                    continue
                await _cut_by(fault, reader, writer)
                if self.without_keys:
                    head = re.sub(rb"\r\nidempotency-key:[^\r]*", b"", head, flags=re.IGNORECASE)
                if behind is None:
                    behind = await asyncio.open_connection(self._address.hostname, self._address.port)
                    stack.enter_context(self._known(behind[1]))
                self.passed[head.split(b" ", 1)[0].decode()] += 1
                behind[1].write(head + body)
                answer = b"".join(await _message(behind[0]))
                if head.startswith(b"POST"):
                    await self._reached("done")
                await _told(answer, fault, writer)


async def _cut_by(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if fault.kind == "drop":
        raise Cut
    if fault.kind == "reset":
        reset(writer)
        raise Cut
    if fault.kind == "hang":
        await reader.read()  # until the other side gives up
        raise Cut


async def _told(answer: bytes, fault: Fault, writer: asyncio.StreamWriter) -> None:
    if fault.kind != "drip":
        writer.write(answer)
        await writer.drain()
        return
    for byte in answer:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(fault.drip_s)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side sees it reset, not closed."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A request or a reply: its head, and its body by `Content-Length`."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)


@dataclass(eq=False)
class RedisFront(_Front):
    """
    Stands before a Redis that listens on a Unix socket.

    Attributes:
        at: what to do, once, at `claim` (a key is to be kept, and is not yet), `claimed` (it is, and the facade
            does not know yet), `settle` and `settled` (the same of what became of it).
    """

    path: str

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def url(self) -> str:
        """What the facade is told."""
        return f"redis://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_redis = await asyncio.open_unix_connection(self.path)
        with self._known(to_redis):
            # The client sends a command and waits for its reply: what is read at once is one of them.
            while command := await reader.read(65536):
                about_key = b"SET" in command and b"once:" in command
                before, after = ("claim", "claimed") if b"NX" in command else ("settle", "settled")
                if about_key:
                    await self._reached(before)
                to_redis.write(command)
                reply = await behind.read(65536)
                if about_key:
                    await self._reached(after)
                writer.write(reply)


@asynccontextmanager
async def redis_server(program: str, folder: str) -> AsyncIterator[str]:
    """A Redis in memory alone; the path of its socket."""
    path = f"{folder}/redis.sock"
    arguments = ("--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no")
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(path)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break
        yield path
    finally:
        process.terminate()
        await process.wait()
