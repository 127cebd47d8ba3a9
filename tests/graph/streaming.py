"""Streams through the application itself: a WebSocket and an HTTP response, event by event, without a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

END_S = 10
PROTOCOL = "graphql-transport-ws"


class Connection:
    """One ASGI connection, with a client's two ends of it."""

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self._to_app: asyncio.Queue[Any] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        self.writable = asyncio.Event()
        self.writable.set()
        self._task = asyncio.ensure_future(app(scope, self._to_app.get, self._send))

    async def _send(self, event: Any) -> None:
        await self.writable.wait()
        self._from_app.put_nowait(event)

    def say(self, event: dict[str, Any]) -> None:
        self._to_app.put_nowait(event)

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(END_S):
            return await self._from_app.get()

    async def ended(self) -> None:
        async with asyncio.timeout(END_S):
            await self._task

    async def cut(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Socket(Connection):
    """A WebSocket client."""

    async def send(self, *messages: Any) -> None:
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self.say({"type": "websocket.receive", "text": text})

    async def receive(self) -> Any:
        """The next message; (code, reason) when the other side closes."""
        event = await self.hear()
        if event["type"] == "websocket.close":
            return event["code"], event["reason"]
        return json.loads(event["text"])

    async def received(self, count: int) -> list[Any]:
        return [await self.receive() for _ in range(count)]

    async def begin(self, **payload: Any) -> None:
        await self.send({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, own_id: str = "1", **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"type": "subscribe", "id": own_id, "payload": payload})

    async def hang_up(self) -> None:
        self.say({"type": "websocket.disconnect", "code": 1001})
        await self.ended()


@asynccontextmanager
async def socket(
    client: Any, *, protocols: list[str] | None = None, begun: bool = True, **headers: str
) -> AsyncIterator[Socket]:
    """A WebSocket to /graphql, accepted, and unless said otherwise initialised as demo."""
    scope = request_scope("websocket", headers) | {
        "subprotocols": [PROTOCOL] if protocols is None else protocols
    }
    opened = Socket(client.app, scope)
    opened.say({"type": "websocket.connect"})
    accepted = await opened.hear()
    assert accepted["type"] == "websocket.accept"
    assert accepted["subprotocol"] == (PROTOCOL if PROTOCOL in scope["subprotocols"] else None)
    try:
        if begun:
            await opened.begin(Authorization="Bearer demo")
        yield opened
    finally:
        await opened.cut()


class Response(Connection):
    """A streamed HTTP response."""

    status: int
    headers: dict[str, str]
    over = False
    blocks: Sequence[bytes] = ()

    async def started(self) -> "Response":
        event = await self.hear()
        self.status = event["status"]
        self.headers = {name.decode(): value.decode() for name, value in event["headers"]}
        return self

    async def chunk(self) -> bytes | None:
        """The next piece of the body as it was sent; None after the last."""
        if self.over:
            return None
        event = await self.hear()
        self.over = not event.get("more_body")
        return event["body"] or None

    async def event(self) -> Any:
        """The next answer of a text/event-stream, comments passed over; None when it is complete."""
        while True:
            while self.blocks:
                block, *self.blocks = self.blocks
                if block.startswith(b"event: next\ndata: "):
                    return json.loads(block.removeprefix(b"event: next\ndata: "))
                if block == b"event: complete\ndata:":
                    return None
                assert block == b":"
            piece = await self.chunk()
            assert piece, "it ended without being complete"
            self.blocks = piece.removesuffix(b"\n\n").split(b"\n\n")

    async def rest(self) -> list[Any]:
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events

    async def hang_up(self) -> None:
        self.say({"type": "http.disconnect"})
        await self.ended()


@asynccontextmanager
async def response(
    client: Any,
    query: str,
    *,
    accept: str = "text/event-stream",
    method: str = "POST",
    query_string: str = "",
    token: str | None = "demo",  # noqa: S107
    **variables: Any,
) -> AsyncIterator[Response]:
    """The response to an operation, as it comes."""
    headers = {"accept": accept, "content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    scope = request_scope("http", headers) | {"method": method, "query_string": query_string.encode()}
    opened = Response(client.app, scope)
    body = json.dumps({"query": query, "variables": variables}).encode() if method == "POST" else b""
    opened.say({"type": "http.request", "body": body, "more_body": False})
    try:
        yield await opened.started()
    finally:
        await opened.cut()


def request_scope(kind: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }


async def until(condition: Any) -> None:
    """Wait until something that is on its way has happened."""
    async with asyncio.timeout(END_S):
        while not condition():  # noqa: ASYNC110  # what is waited for knows nothing of tests
            await asyncio.sleep(0)
