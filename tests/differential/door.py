"""
Both executors behind the same door: the application, called as a server would call it, without a socket.

One application for each executor, made once; the gateway behind it is changed for each operation.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI

from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.settings import Settings
from tests.differential.serving import WorldGateway

REFERENCE, COMPILED = "reference", "compiled"
END_S = 20.0
# Nothing here waits for a wall clock, and every error is listed, so that answers compare whole.
_SETTINGS: Mapping[str, Any] = {
    "console": False,
    "access_log": "off",
    "follow_interval_s": 0.001,
    "follow_interval_max_s": 0.002,
    "errors_max": 100_000,
    "operation_timeout_s": 60.0,
    # What chance and time decide is no difference between executors.
    "gateway_retries": 0,
    "gateway_breaker_calls": 1_000_000,
    "gateway_breaker_window": 1_000_000,
}


@dataclass(frozen=True)
class Sent:
    """One request: the body of a POST, and its headers beside what every request has."""

    document: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    token: bool = True


@dataclass(frozen=True)
class Answered:
    """What came back, with the requests that the gateway saw for it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    calls: tuple[str, ...]


class _ByToken:
    """A transport to many gateways: each token has its own, so that operations may run at once and never meet."""

    def __init__(self) -> None:
        self.gateways: dict[str, WorldGateway] = {}

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        # A turn of the loop, so that replies of one level come one after the other, as over a network.
        await asyncio.sleep(0)
        return await self.gateways[headers["Authorization"]].send(method, url, headers, body)

    async def aclose(self) -> None:
        """Nothing is open."""


class Side:
    """One executor's application."""

    def __init__(self, name: str, app: FastAPI, transport: _ByToken) -> None:
        self.name = name
        self.app = app
        self._transport = transport
        self._runs = itertools.count()

    async def ask(self, sent: Sent, gateway: WorldGateway) -> Answered:
        """The answer to a request over a gateway; each time with a token of its own, so that nothing is shared."""
        token = f"Bearer run-{next(self._runs)}"
        envelope = {"query": sent.document, "variables": sent.variables}
        if sent.operation_name is not None:
            envelope["operationName"] = sent.operation_name
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "x-request-id": "differential",
            **({"authorization": token} if sent.token else {}),
            **sent.headers,
        }
        body = msgspec.json.encode(envelope)
        self._transport.gateways[token] = gateway
        try:
            async with asyncio.timeout(END_S):
                status, told, answer = await _called(self.app, headers, body, gateway.told)
        finally:
            del self._transport.gateways[token]
        return Answered(status, told, answer, tuple(gateway.sent))

    def counts(self) -> Counter[str]:
        """How many operations were executed how, as far as the application tells."""
        told = getattr(self.app.state, "execution_counts", None)
        found = told() if callable(told) else told
        return Counter(found if isinstance(found, Mapping) else _engine_counts(self.app))


@asynccontextmanager
async def side(name: str, **settings: Any) -> AsyncIterator[Side]:
    """The application with this executor; with the only one there is where the setting does not exist."""
    # A document is compiled when it is first seen: nearly all of them are seen once.
    chosen = {"execution": name, "compile_after": 1}
    chosen = {key: value for key, value in chosen.items() if key in Settings.model_fields}
    transport = _ByToken()
    async with AsyncExitStack() as stack:
        app = create_app(Settings.load({}, **{**_SETTINGS, **chosen, **settings}), transport=transport)
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield Side(name, app, transport)


def has_both() -> bool:
    """Whether there is another executor than the reference."""
    return "execution" in Settings.model_fields


async def _called(
    app: FastAPI, headers: Mapping[str, str], body: bytes, heard: Callable[[], None]
) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    requested = False
    parts: list[bytes] = []
    started: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        nonlocal requested
        if requested:
            await asyncio.Event().wait()
        requested = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        if event["type"] == "http.response.start":
            started.update(event)
        else:
            parts.append(event.get("body", b""))
            if parts[-1].startswith(b"event: next"):
                heard()

    await app(_scope(headers), receive, send)
    told = tuple((name.decode(), value.decode()) for name, value in started["headers"])
    return started["status"], told, b"".join(parts)


def _scope(headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("facade", 80),
    }


def _engine_counts(app: FastAPI) -> Mapping[str, int]:
    """The counts of the engine behind the route, wherever it is kept; none if there is no engine."""
    pending: list[tuple[Any, int]] = [
        (route, 0) for route in app.routes if getattr(route, "path", "") == "/graphql"
    ]
    while pending:
        part, depth = pending.pop()
        if type(part).__name__ == "Engine" and isinstance(getattr(part, "counts", None), Mapping):
            counts: Mapping[str, int] = part.counts
            return counts
        if depth < 6 and type(part).__module__.startswith(("ocpplab_graphql", "starlette")):
            names = [*getattr(part, "__dict__", ()), *getattr(type(part), "__slots__", ())]
            pending += [(getattr(part, name, None), depth + 1) for name in names]
    return {}
