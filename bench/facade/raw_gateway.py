"""
A gateway on a raw socket: tells the truth of a world, except where it was told to say other bytes.

HTTP servers refuse to send most of what a broken one sends; this one sends exactly what it is given.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from bench.facade.world import World, as_bytes


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def token(self) -> str:
        """The bearer token; empty if there is none."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


# Bytes, or whatever is to be done with the connection.
Lie = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Say = Callable[[Asked], "Lie | None | Awaitable[Lie | None]"]


class RawGateway:
    """
    Listens on a free port of this machine while it is entered.

    Args:
        world: whose truth is told, by the bearer token of the request.

    Attributes:
        lies: by path, what is said in place of the truth; the connection is closed after it.
        say: what is said to any request, before `lies`; None is the truth.
        asked: how often each method and path were asked for.
    """

    def __init__(self, world: Callable[[str], World] = lambda _token: World()) -> None:
        self._world = world
        self.lies: dict[str, Lie] = {}
        self.say: Say | None = None
        self.before_reading: bytes | None = None
        self.asked: Counter[str] = Counter()
        self.requests: list[Asked] = []
        self.connections = 0
        self._said: dict[tuple[str, str, str], bytes] = {}
        self.keeps_requests = True
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0, limit=2**20)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.before_reading is not None:
                writer.write(self.before_reading)
                await writer.drain()
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection is kept."""
        asked = await read_request(reader)
        self.asked[f"{asked.method} {asked.path}"] += 1
        if self.keeps_requests:
            self.requests.append(asked)
        said = self.say(asked) if self.say else None
        lie = await said if isinstance(said, Awaitable) else said
        lie = lie if lie is not None else self.lies.get(asked.path)
        if callable(lie):
            await lie(reader, writer)
            return False
        writer.write(lie if lie is not None else self.truth(asked))
        await writer.drain()
        return lie is None

    def truth(self, asked: Asked) -> bytes:
        """What the world says."""
        key = (asked.token, asked.method, asked.target)
        if key not in self._said:
            status, body = self._world(asked.token).reply(asked.method, asked.target, asked.body)
            self._said[key] = http(as_bytes(body), status=f"{status} Said")
        return self._said[key]


async def read_request(reader: asyncio.StreamReader) -> Asked:
    """The next request of a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, target, _ = first.split(" ", 2)
    return Asked(method, target, headers, body)


def http(
    body: bytes,
    *,
    status: str = "200 OK",
    headers: str = "Content-Type: application/json\r\n",
    length: int | None = None,
) -> bytes:
    """A reply; `length` is what it says of its body's length."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {size}\r\n\r\n".encode() + body
