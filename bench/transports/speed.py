"""
What one call costs by each adapter: microseconds of CPU in the caller's process, the server's excluded.

The adapters take turns, round after round, because the machine is shared; the best round of each counts, and the
median is shown beside it. The server is another process that answers with the same bytes always.

    python -m bench.transports.speed
"""

import argparse
import asyncio
import os
import signal
import socket
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing import get_context

import httpx
import uvloop

from ocpplab_graphql.gateway.transport import (
    AiohttpTransport,
    AsgiTransport,
    Http1Transport,
    HttpxTransport,
    Transport,
)

HEADERS = {"Accept": "application/json", "Authorization": "Bearer demo", "X-Organization-Id": "org"}
BODIES = {"0.8 KB": b"x" * 800, "43 KB": b"x" * 43_000}
AT_ONCE = 8
MAX_BYTES = 2**24


def answer(body: bytes) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\ndate: Sat, 01 Jan 2028 00:00:00 GMT\r\nserver: gateway\r\n"
        f"content-type: application/json\r\nx-request-id: 1\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Fixed(asyncio.Protocol):
    """Says what the target asks for: /0 the first body, /1 the second."""

    answers = tuple(answer(body) for body in BODIES.values())

    def connection_made(self, transport):
        self.transport = transport
        self.read = b""

    def data_received(self, data):
        self.read += data
        while b"\r\n\r\n" in self.read:
            request, _, self.read = self.read.partition(b"\r\n\r\n")
            self.transport.write(self.answers[request.startswith(b"GET /1")])


def serve(listening: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def forever():
        server = await asyncio.get_running_loop().create_server(Fixed, sock=listening)
        await server.serve_forever()

    uvloop.run(forever())


async def fixed(scope, receive, send) -> None:
    """The same answers as an application in this process."""
    await receive()
    body = BODIES["43 KB" if scope["path"] == "/1" else "0.8 KB"]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


REMOTE: dict[str, Callable[[], Transport]] = {
    "http1": lambda: Http1Transport(connections=64, max_body_bytes=MAX_BYTES),
    "aiohttp": lambda: AiohttpTransport(connections=64, max_body_bytes=MAX_BYTES),
    "httpx": lambda: HttpxTransport.remote(connections=64, max_body_bytes=MAX_BYTES),
}
IN_PROCESS: dict[str, Callable[[], Transport]] = {
    "asgi": lambda: AsgiTransport(fixed, max_body_bytes=MAX_BYTES),
    "httpx": lambda: HttpxTransport.in_process(httpx.ASGITransport(app=fixed), max_body_bytes=MAX_BYTES),
}


async def spent(send: Callable[[], Awaitable[object]], calls: int) -> float:
    """Microseconds of CPU for one call, eight at a time."""

    async def some() -> None:
        for _ in range(calls // AT_ONCE):
            await send()

    begun = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return (time.process_time() - begun) / (calls // AT_ONCE * AT_ONCE) * 1e6


async def compare(
    title: str, kinds: dict[str, Callable[[], Transport]], base: str, rounds: int, calls: int
) -> None:
    transports = {name: make() for name, make in kinds.items()}
    print(f"\n{title}, µs of CPU for one GET, {AT_ONCE} at a time: best (median)")
    for number, size in enumerate(BODIES):
        found: dict[str, list[float]] = {name: [] for name in transports}
        for _ in range(rounds):
            for name, transport in transports.items():

                async def send(transport: Transport = transport, url: str = f"{base}/{number}") -> None:
                    reply = await transport.send("GET", url, HEADERS, None)
                    assert len(reply.body) == len(BODIES[size])  # noqa: B023

                found[name].append(await spent(send, calls))
        row = "   ".join(
            f"{name} {min(took):6.1f} ({statistics.median(took):6.1f})" for name, took in found.items()
        )
        print(f"  {size:>7}   {row}")
    for transport in transports.values():
        await transport.aclose()


async def main(rounds: int, calls: int) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    server = get_context("fork").Process(target=serve, args=(listening,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        await compare("Over a socket", REMOTE, url, rounds, calls)
    finally:
        os.kill(server.pid or 0, signal.SIGTERM)
        server.join()
    await compare("In the process", IN_PROCESS, "http://sandbox", rounds, calls)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=800)
    chosen = parser.parse_args()
    uvloop.run(main(chosen.rounds, chosen.calls))
