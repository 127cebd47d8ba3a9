"""
Callers who hang up, by the thousand: what they leave behind in the facade. The answer has to be: nothing.

A facade on a real port before a gateway of raw sockets that takes its time. Every caller opens a connection,
asks a nested question and hangs up at a moment of chance: before the question is whole, while the gateway is
asked, or when the answer comes. Then tasks, slots, connections and memory are what they were before.

    python -m bench.facade.aborts --operations 10000
"""

import argparse
import asyncio
import gc
import json
import random
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from ocpplab_graphql.app import create_app
from ocpplab_graphql.settings import Settings

QUERY = "{ cpos(first: 3) { nodes { cpoId locations(first: 5) { totalCount } } } }"
CPOS = [{"cpo_id": str(n), "name_prefix": "x"} for n in (1, 2, 3)]
SLOTS = 16
LONGEST_CALL_S = 0.03
WARMING = 500
GROWTH_MAX_MIB = 16


def request(connection: str) -> bytes:
    body = json.dumps({"query": QUERY}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: facade\r\nContent-Type: application/json\r\nAuthorization: Bearer demo\r\n"
        f"Connection: {connection}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Gateway:
    """Answers every read with a page, after a while of chance."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked = 0
        self.arrived = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                self.arrived.set()
                self.arrived = asyncio.Event()
                await asyncio.sleep(random.random() * LONGEST_CALL_S)
                rows = CPOS if head.startswith(b"GET /ocpi/cpos?") else []
                limit = int(head.split(b"limit=", 1)[1].split()[0])
                page = json.dumps({"data": rows, "total": len(rows), "page": 1, "limit": limit}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.close()


@dataclass(frozen=True)
class Left:
    """What there is at a quiet moment."""

    tasks: int
    in_flight: int
    waiting: int
    facade_connections: int
    gateway_connections: int
    files: int
    objects: int
    rss_mib: float


class Bench:
    def __init__(self, app: FastAPI, server: uvicorn.Server, gateway: Gateway, port: int) -> None:
        self.app, self.server, self.gateway, self.port = app, server, gateway, port
        self.answered = 0

    async def abort(self) -> None:
        """Ask, and hang up some time later, most once the gateway is asked something, some in the middle of asking."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        asked = request("keep-alive")
        fate = random.random()
        writer.write(asked[: random.randrange(len(asked))] if fate < 0.1 else asked)
        if fate > 0.2:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.gateway.arrived.wait(), 1)
        await asyncio.sleep(random.random() * 2 * LONGEST_CALL_S)
        self.answered += bool(reader._buffer)  # type: ignore[attr-defined]
        writer.transport.abort()

    async def aborts(self, operations: int, at_once: int) -> None:
        left = iter(range(operations))

        async def caller() -> None:
            for _ in left:
                await self.abort()

        await asyncio.gather(*(caller() for _ in range(at_once)))

    async def ask(self) -> dict:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request("close"))
        answer = await reader.read()
        writer.close()
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    async def left(self) -> Left:
        """What is there once everything that ends has ended; waits five seconds for it at most."""
        end = time.monotonic() + 5
        while self._busy() and time.monotonic() < end:  # noqa: ASYNC110  # nothing tells when it is quiet
            await asyncio.sleep(0.05)
        await asyncio.sleep(2 * LONGEST_CALL_S + 0.2)  # until the gateway, too, has noticed who hung up
        gc.collect()
        state = self.app.state.gateway.state
        return Left(
            # A task serves each idle connection of the gateway; that is no task of the facade.
            tasks=len(asyncio.all_tasks()) - self.gateway.connections,
            in_flight=state.in_flight,
            waiting=state.waiting,
            facade_connections=len(self.server.server_state.connections),
            gateway_connections=self.gateway.connections,
            files=open_files() - 2 * self.gateway.connections,
            objects=len(gc.get_objects()),
            rss_mib=rss_mib(),
        )

    def _busy(self) -> bool:
        state, serving = self.app.state.gateway.state, self.server.server_state
        return bool(state.in_flight or state.waiting or serving.connections or serving.tasks)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def measure(operations: int, at_once: int) -> bool:
    gateway = Gateway()
    behind = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{behind.sockets[0].getsockname()[1]}"
    app = create_app(Settings.load({}, gateway_url=url, gateway_max_concurrency=SLOTS, access_log="off"))
    door = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[door]))
    while not server.started:  # noqa: ASYNC110  # uvicorn tells in no other way
        await asyncio.sleep(0.01)
    bench = Bench(app, server, gateway, door.getsockname()[1])
    await bench.aborts(WARMING, at_once)
    before = await bench.left()
    bench.answered = gateway.asked = 0
    began = time.monotonic()
    await bench.aborts(operations, at_once)
    took_s = time.monotonic() - began
    after = await bench.left()
    print(f"{operations} operations aborted in {took_s:.1f} s, {at_once} at once;", end=" ")
    print(f"{gateway.asked} gateway calls begun, {bench.answered} answers came before the end")
    wrong = told(before, after)
    whole = await bench.ask()
    if "errors" in whole:
        wrong.append(f"the next operation is not well: {whole['errors']}")
    server.should_exit = True
    await serving
    behind.close()
    print("\n".join(f"LEFT BEHIND: {what}" for what in wrong) or "nothing was left behind")
    return not wrong


def told(before: Left, after: Left) -> list[str]:
    """Print both, and say what is there that should not be."""
    print(f"{'':20}{'before':>12}{'after':>12}")
    for name in Left.__dataclass_fields__:
        print(f"{name:20}{getattr(before, name):>12.5g}{getattr(after, name):>12.5g}")
    bounds = {
        "tasks": before.tasks,
        "in_flight": 0,
        "waiting": 0,
        "facade_connections": 0,
        "gateway_connections": SLOTS + 4,
        "files": before.files,
        "objects": before.objects * 1.02,
        "rss_mib": before.rss_mib + GROWTH_MAX_MIB,
    }
    return [
        f"{name}: {getattr(after, name):.5g}, at most {most:.5g}"
        for name, most in bounds.items()
        if getattr(after, name) > most
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    given = parser.parse_args()
    return 0 if asyncio.run(measure(given.operations, given.at_once)) else 1


if __name__ == "__main__":
    sys.exit(main())
