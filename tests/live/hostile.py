"""Clients that behave badly: raw connections, a byte at a time or not at all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.live.processes import END_S


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        [error] = json.loads(self.body)["errors"]
        return error

    @property
    def code(self) -> str:
        return str(self.error["extensions"]["code"])


@dataclass
class Raw:
    """A connection of which the test writes every byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *pieces: bytes | str) -> None:
        for piece in pieces:
            self.writer.write(piece.encode() if isinstance(piece, str) else piece)

    async def response(self) -> Response:
        """The next response, whose length its head says."""
        async with asyncio.timeout(END_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Response(int(first.split(" ")[1]), headers, body)

    async def rest(self) -> bytes:
        """Whatever comes until the other side closes, or breaks, the connection."""
        read = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(END_S):
                while piece := await self.reader.read(65536):
                    read += piece
        return read


@asynccontextmanager
async def raw(url: str, *, limit: int = 2**16) -> AsyncIterator[Raw]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=limit)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def post(body: bytes, *headers: str, length: int | None = None, path: str = "/graphql") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: facade",
        "Authorization: Bearer demo",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def query(text: str) -> bytes:
    return json.dumps({"query": text}).encode()


class Clock:
    """How long something took."""

    def __init__(self) -> None:
        self._from = time.monotonic()

    @property
    def s(self) -> float:
        return time.monotonic() - self._from
