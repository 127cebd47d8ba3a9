"""
A steady load of real clients: queries, mutations, event streams and WebSockets, each told what became of it.

Every client goes on until it is told to stop or the service refuses a connection. What it counts as an answer
is a whole one; a connection that ends before its answer is lost.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

TOKEN = {"Authorization": "Bearer demo"}
PAGE = '{ cpo(cpoId: "101") { id locations(first: 10) { totalCount nodes { id name city } } } }'
CREATE = """mutation($name: String!, $key: String) { bulkCreateLocations(input: {
  cpoId: "101", idempotencyKey: $key, locations: [{ location: { name: $name, address: "1 Rue de Bercy"
    city: "Paris", country: "FR", coordinates: { latitude: 48.84, longitude: 2.38 } } }] }) {
  job { jobId } userErrors { code } } }"""
FOLLOW = 'subscription($id: ID!) { bulkLocationJob(cpoId: "101", jobId: $id) { status isFinished } }'
PATIENCE_S = 20.0
SUBPROTOCOL = Subprotocol("graphql-transport-ws")

ANSWERED, REFUSED, LEFT = "answered", "refused", "left by us"

Told = tuple[str, int, str | None]  # outcome, status, the job made
Ask = Callable[[], Awaitable[Told]]


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One operation.

    Attributes:
        outcome: `answered`, `refused` (no connection, nothing sent), the code of an error, or `lost: …`.
        at: when it began, by the monotonic clock, in seconds.
        status: of HTTP; 0 without.
        made: the job that a mutation made.
    """

    kind: str
    outcome: str
    at: float
    seconds: float
    status: int = 0
    made: str | None = None


@dataclass
class Load:
    """
    Clients of one service.

    Attributes:
        name: begins the name of every location that is created; each name is used once.
        job: what the subscriptions follow; one that lasts.
        pause_s: of each client, after each answer.
        endures: whether clients go on when a connection is refused.
    """

    url: str
    job: str
    name: str = "load"
    pause_s: float = 0.0
    endures: bool = False
    samples: list[Sample] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @asynccontextmanager
    async def running(self, **clients: int) -> AsyncIterator["Load"]:
        """Run so many clients of each kind; at the end they are told to stop, and waited for."""
        tasks = [
            asyncio.create_task(getattr(self, kind)(), name=f"{kind} {number}")
            for kind, count in clients.items()
            for number in range(count)
        ]
        try:
            yield self
        finally:
            self.stopped.set()
            done, late = await asyncio.wait(tasks, timeout=2 * PATIENCE_S)
            for task in late:
                task.cancel()
                self._note(task.get_name(), "lost: never ended", time.monotonic())
            for task in done:
                task.result()

    def outcomes(self, kind: str | None = None) -> Counter[str]:
        """How many operations came out how."""
        return Counter(s.outcome for s in self.samples if kind is None or s.kind == kind)

    def lost(self) -> list[Sample]:
        """What was neither answered nor refused before it was sent."""
        return [s for s in self.samples if s.outcome.startswith("lost")]

    def between(self, begin: float, end: float) -> list[Sample]:
        """What began in this time, or was lost in it."""
        return [
            s
            for s in self.samples
            if begin <= (s.at + s.seconds if s.outcome.startswith("lost") else s.at) < end
        ]

    async def readers(self) -> None:
        """Queries over one connection that is kept."""
        await self._by_http("query", keep=True, operation=lambda: (PAGE, {}))

    async def newcomers(self) -> None:
        """Queries, each over a connection of its own."""
        await self._by_http("query, own connection", keep=False, operation=lambda: (PAGE, {}))

    async def writers(self) -> None:
        """Mutations, each making one job of one location."""
        await self._by_http("mutation", keep=True, operation=lambda: (CREATE, {"name": self.new_name()}))

    async def streams(self) -> None:
        """Subscriptions by server-sent events, one after the other."""
        async with self._client(keep=True) as client:
            await self._again_and_again(lambda: self._stream(client))

    async def stream_writers(self) -> None:
        """Mutations whose caller accepts an event stream and nothing else."""
        async with self._client(keep=True) as client:
            await self._again_and_again(lambda: self._streamed_mutation(client))

    async def sockets(self) -> None:
        """WebSockets, each with a subscription that stays, and mutations one after the other."""
        await self._again_and_again(self._socket)

    def new_name(self) -> str:
        """A location's name that was never used."""
        return f"{self.name} {next(self._numbers)}"

    def _client(self, *, keep: bool) -> httpx.AsyncClient:
        limits = httpx.Limits(max_keepalive_connections=1 if keep else 0)
        return httpx.AsyncClient(headers=TOKEN, timeout=PATIENCE_S, limits=limits, trust_env=False)

    async def _by_http(
        self, kind: str, *, keep: bool, operation: Callable[[], tuple[str, dict[str, Any]]]
    ) -> None:
        async with self._client(keep=keep) as client:

            async def ask() -> Told:
                query, variables = operation()
                return await self._post(client, {"query": query, "variables": variables})

            await self._again_and_again(lambda: self._told(kind, ask))

    async def _again_and_again(self, once: Callable[[], Awaitable[bool]]) -> None:
        while not self.stopped.is_set():
            before = len(self.samples)
            if not await once():
                return
            refused = any(sample.outcome == REFUSED for sample in self.samples[before:])
            await asyncio.sleep(max(self.pause_s, 0.05) if refused else self.pause_s)

    async def _post(self, client: httpx.AsyncClient, body: dict[str, Any]) -> Told:
        response = await client.post(f"{self.url}/graphql", json=body)
        answer = response.json()
        return _outcome(answer), response.status_code, _made(answer)

    async def _told(self, kind: str, ask: Ask) -> bool:
        """Ask once, and note what came. Returns whether to go on."""
        begun = time.monotonic()
        try:
            outcome, status, made = await ask()
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return self._refused(kind, begun)
        except (httpx.HTTPError, ValueError) as error:
            self._note(kind, f"lost: {type(error).__name__}", begun)
            return True
        self._note(kind, outcome, begun, status, made)
        return True

    async def _stream(self, client: httpx.AsyncClient) -> bool:
        async def ask() -> Told:
            body = {"query": FOLLOW, "variables": {"id": self.job}}
            lines = await self._unless_stopped(self._lines(client, body))
            if lines is None:
                return LEFT, 200, None
            whole = lines[-2:] == ["event: complete", "data:"]
            return (ANSWERED if whole else "lost: cut stream"), 200, None

        return await self._told("event stream", ask)

    async def _unless_stopped(self, reading: Coroutine[Any, Any, list[str]]) -> list[str] | None:
        """What is read; None when the client is told to stop before that."""
        read, stop = asyncio.ensure_future(reading), asyncio.ensure_future(self.stopped.wait())
        try:
            await asyncio.wait((read, stop), return_when=asyncio.FIRST_COMPLETED)
            return read.result() if read.done() else None
        finally:
            for task in (read, stop):
                task.cancel()
            await asyncio.gather(read, stop, return_exceptions=True)

    async def _streamed_mutation(self, client: httpx.AsyncClient) -> bool:
        async def ask() -> Told:
            lines = await self._lines(client, {"query": CREATE, "variables": {"name": self.new_name()}})
            if lines[-2:] != ["event: complete", "data:"]:
                return "lost: cut stream", 200, None
            [data, *_] = [line for line in lines if line.startswith("data: ")]
            body = json.loads(data.removeprefix("data: "))
            return _outcome(body), 200, _made(body)

        return await self._told("mutation as a stream", ask)

    async def _lines(self, client: httpx.AsyncClient, body: dict[str, Any]) -> list[str]:
        accept = {"accept": "text/event-stream"}
        async with client.stream("POST", f"{self.url}/graphql", json=body, headers=accept) as response:
            return [line async for line in response.aiter_lines() if line and line != ":"]

    async def _socket(self) -> bool:
        begun = time.monotonic()
        address = self.url.replace("http", "ws", 1) + "/graphql"
        try:
            socket = await connect(address, subprotocols=[SUBPROTOCOL], proxy=None, open_timeout=PATIENCE_S)
        except (ConnectionRefusedError, TimeoutError):
            return self._refused("WebSocket", begun)
        except (OSError, InvalidHandshake, EOFError) as error:
            self._note("WebSocket", f"lost: {type(error).__name__}", begun)
            return True
        waiting = ""
        try:
            async with socket:
                await _say(socket, "connection_init", payload={"authorization": TOKEN["Authorization"]})
                await _heard(socket, "connection_ack")
                await _say(socket, "subscribe", id="follow", payload=_operation(FOLLOW, id=self.job))
                while not self.stopped.is_set():
                    begun, waiting = time.monotonic(), self.new_name()
                    await _say(socket, "subscribe", id=waiting, payload=_operation(CREATE, name=waiting))
                    body = (await _heard(socket, "next", waiting))["payload"]
                    waiting = ""
                    self._note("mutation over WebSocket", _outcome(body), begun, 0, _made(body))
                    await asyncio.sleep(self.pause_s)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            self._note("WebSocket", ANSWERED if code == 1012 else f"lost: closed with {code}", begun)
            if waiting:
                self._note("mutation over WebSocket", "not taken" if code == 1012 else "lost: closed", begun)
        return True

    def _refused(self, kind: str, begun: float) -> bool:
        self._note(kind, REFUSED, begun)
        return self.endures

    def _note(self, kind: str, outcome: str, begun: float, status: int = 0, made: str | None = None) -> None:
        self.samples.append(Sample(kind, outcome, begun, time.monotonic() - begun, status, made))


def _outcome(body: dict[str, Any]) -> str:
    """`answered`, or the first error's code."""
    errors = body.get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else ANSWERED


def _made(body: dict[str, Any]) -> str | None:
    payload = (body.get("data") or {}).get("bulkCreateLocations")
    return payload["job"]["jobId"] if payload and payload["job"] else None


def _operation(query: str, **variables: Any) -> dict[str, Any]:
    return {"query": query, "variables": variables}


async def _say(socket: ClientConnection, kind: str, **more: Any) -> None:
    await socket.send(json.dumps({"type": kind, **more}))


async def _heard(socket: ClientConnection, kind: str, own_id: str | None = None) -> dict[str, Any]:
    """The next message of this type, for this operation."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
        if message["type"] == "ping":
            await _say(socket, "pong")
        if message["type"] == kind and own_id in (None, message.get("id")):
            return message
        if message["type"] == "error" and own_id == message.get("id"):
            return {"payload": {"errors": message["payload"]}}
