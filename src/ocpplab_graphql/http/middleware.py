"""Around every request: its id, in and out; and around every operation: its line in the access log."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.http.envelope import headers_of
from ocpplab_graphql.telemetry import Observation, begin, client_text, end, request_id_from

_REQUEST_ID = b"x-request-id"
_HUNG_UP = 499  # as nginx has it: the caller did not wait for the answer
_CLIENT_NAME = ("apollographql-client-name", "graphql-client-name", "x-client-name")
_CLIENT_VERSION = ("apollographql-client-version", "graphql-client-version", "x-client-version")


class RequestIds:
    """Every request has an id that is safe to log, and every answer says it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id; further in, the header can be trusted."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _REQUEST_ID), None)
        request_id = request_id_from(given.decode("latin-1") if given is not None else None).encode()
        others = [(name, value) for name, value in scope["headers"] if name != _REQUEST_ID]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if (_REQUEST_ID, request_id) not in headers:
                    message = {**message, "headers": [*headers, (_REQUEST_ID, request_id)]}
            await send(message)

        await self._app({**scope, "headers": [*others, (_REQUEST_ID, request_id)]}, receive, send_with_id)


class OperationLog:
    """
    One line in the access log for each operation that comes by HTTP, and for each request refused before it.

    Each operation of a WebSocket has its own line; whoever serves it opens `telemetry.observed`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and log what it came to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = observation_of(scope, "http")
        before = begin(seen)
        try:

            async def send_counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen.status = message["status"]
                else:
                    seen.bytes_out += len(message.get("body", b""))
                await send(message)

            await self._app(scope, receive, send_counted)
            seen.status = seen.status or _HUNG_UP
        finally:
            end(seen, before)


def observation_of(scope: Scope, transport: str) -> Observation:
    """The observation of an operation that came by this request."""
    headers = headers_of(scope)
    return Observation(
        request_id_from(headers.get("x-request-id")),
        transport,
        client_name=client_text(_first(headers, _CLIENT_NAME)),
        client_version=client_text(_first(headers, _CLIENT_VERSION)),
    )


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if name in headers:
            return headers[name]
    return None
