"""
Clients that mean no good: slow senders, bad documents, and those who hang up in the middle.

Run as a program in a process of its own, so that what attackers cost is not counted as the service's.

    python -m bench.facade.flood http://127.0.0.1:8000 --seconds 10 --slow-senders 300 --bad-documents 2
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.facade.front import reset
from bench.facade.load import CREATE, FOLLOW, PAGE

_HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: facade\r\nAuthorization: Bearer demo\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
_PATIENCE_S = 30.0

BAD_DOCUMENTS = {
    "deep": "{ cpos " + "{ nodes { locations " * 60 + "{ totalCount }" + " } }" * 60 + " }",
    "wide": "{ " + " ".join(f"a{n}: cpos {{ totalCount }}" for n in range(2000)) + " }",
    "cyclic": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "repeated": "{ " + "cpos { totalCount } " * 3000 + "}",
    "no document": "{ cpos { nodes { id " * 40,
    "huge": "{ cpos { totalCount } } #" + "x" * 900_000,
}


@dataclass
class Flood:
    """
    Attackers of one service.

    Attributes:
        told: how many attacks came to which end: a status, or `closed`.
    """

    url: str
    told: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._address = urlsplit(self.url)
        self._is_over = False

    @asynccontextmanager
    async def running(self, **attackers: int) -> AsyncIterator["Flood"]:
        """Run so many of each kind, until the end."""
        tasks = [
            asyncio.create_task(self._again_and_again(getattr(self, kind)))
            for kind, count in attackers.items()
            for _ in range(count)
        ]
        try:
            yield self
        finally:
            self._is_over = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def slow_senders(self) -> None:
        """A whole head, then a byte of the body a second; each sends until it is cut off."""
        reader, writer = await self._connected()
        try:
            writer.write(_HEAD % 1000)
            ending = asyncio.ensure_future(reader.read(65536))
            while not ending.done():
                writer.write(b"x")
                await asyncio.wait([ending], timeout=1)
            self._note("slow sender", await ending)
        finally:
            writer.close()

    async def bad_documents(self) -> None:
        """A document that is to be refused."""
        kind = self.chance.choice([*BAD_DOCUMENTS])
        reader, writer = await self._connected()
        try:
            # Each is new: what was refused before would be known.
            writer.write(_request(f"# {self.chance.random()}\n{BAD_DOCUMENTS[kind]}"))
            async with asyncio.timeout(_PATIENCE_S):
                self._note("bad document", await reader.read(65536))
        finally:
            writer.close()
        await asyncio.sleep(0.2)

    async def aborters(self) -> None:
        """Somebody who sends a whole operation and hangs up before the answer, in one way or the other."""
        document, variables, accept = self.chance.choice(
            [
                (PAGE, {}, "application/json"),
                (CREATE, {"name": "aborted"}, "application/json"),
                (FOLLOW, {"id": "none"}, "text/event-stream"),
            ]
        )
        _reader, writer = await self._connected()
        try:
            writer.write(_request(document, variables, accept))
            await asyncio.sleep(self.chance.uniform(0, 0.03))
            if self.chance.random() < 0.5:
                reset(writer)
        finally:
            writer.close()
        self.told["hung up"] += 1

    async def _again_and_again(self, once: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self._is_over:
            with suppress(OSError, TimeoutError):
                await once()
            await asyncio.sleep(0.01)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._address.hostname, self._address.port)

    def _note(self, kind: str, answer: bytes) -> None:
        status = answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"
        self.told[f"{kind}: {status}"] += 1


def _request(
    document: str, variables: dict[str, Any] | None = None, accept: str = "application/json"
) -> bytes:
    body = json.dumps({"query": document, "variables": variables or {}}).encode()
    head = _HEAD % len(body)
    return head.replace(b"\r\n\r\n", b"\r\nAccept: " + accept.encode() + b"\r\n\r\n") + body


async def _attack(url: str, seconds: float, **attackers: int) -> Counter[str]:
    async with Flood(url).running(**attackers) as flood:
        await asyncio.sleep(seconds)
    return flood.told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=10)
    for kind in ("slow-senders", "bad-documents", "aborters"):
        parser.add_argument(f"--{kind}", type=int, default=0)
    chosen = vars(parser.parse_args())
    print(json.dumps(asyncio.run(_attack(chosen.pop("url"), chosen.pop("seconds"), **chosen))))


if __name__ == "__main__":
    main()
