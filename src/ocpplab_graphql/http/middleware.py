"""Around every request: its id, in and out; and around every operation: its line in the access log."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.telemetry import Observation, client_text, observed, request_id_from

_REQUEST_ID = b"x-request-id"
_HUNG_UP = 499  # as nginx has it: the caller did not wait for the answer
_CLIENT_NAME = (b"apollographql-client-name", b"graphql-client-name", b"x-client-name")
_CLIENT_VERSION = (b"apollographql-client-version", b"graphql-client-version", b"x-client-version")


class RequestIds:
    """Every request has an id that is safe to log, and every answer says it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id; further in, the header can be trusted."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(_header(scope, (_REQUEST_ID,))).encode()
        others = [(name, value) for name, value in scope["headers"] if name != _REQUEST_ID]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if all(name != _REQUEST_ID for name, _ in headers):
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
        with observed(observation_of(scope, "http")) as seen:

            async def send_counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    seen.status = message["status"]
                else:
                    seen.bytes_out += len(message.get("body", b""))
                await send(message)

            await self._app(scope, receive, send_counted)
            seen.status = seen.status or _HUNG_UP


def observation_of(scope: Scope, transport: str) -> Observation:
    """The observation of an operation that came by this request."""
    return Observation(
        request_id_from(_header(scope, (_REQUEST_ID,))),
        transport,
        client_name=client_text(_header(scope, _CLIENT_NAME)),
        client_version=client_text(_header(scope, _CLIENT_VERSION)),
    )


def _header(scope: Scope, names: tuple[bytes, ...]) -> str | None:
    given: dict[bytes, bytes] = dict(scope["headers"])
    value = next((given[name] for name in names if name in given), None)
    return value.decode("latin-1") if value is not None else None
