"""Around every request: its id, in and out."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.http.head import REQUEST_ID, request_id_of


class RequestIds:
    """Every request has an id that is safe to log, and every answer says it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its id; further in, the header can be trusted."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope).encode()
        others = [(name, value) for name, value in scope["headers"] if name != REQUEST_ID]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if (REQUEST_ID, request_id) not in headers:
                    message = {**message, "headers": [*headers, (REQUEST_ID, request_id)]}
            await send(message)

        await self._app({**scope, "headers": [*others, (REQUEST_ID, request_id)]}, receive, send_with_id)
