"""`/sandbox` in a process that does not host the sandbox: requests are passed on to the one that does."""

from starlette.types import Receive, Scope, Send

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import Reply, Transport, TransportFailed

# RFC 9110, section 7.6.1, and what is written anew on each side.
_NOT_PASSED_ON = {
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


class SandboxDoor:
    """
    An ASGI application that passes each request on, and its reply back. Bodies come to it in one piece.

    Args:
        url: where the sandbox is, below the same path.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        self._url = url
        self._transport = transport

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        reply = await self._reply(scope, receive)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in reply.headers.items()
            if name not in _NOT_PASSED_ON
        ]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        body = (await receive()).get("body", b"")
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name.decode("latin-1") not in _NOT_PASSED_ON
        }
        target = scope["raw_path"].partition(b"/sandbox")[2].decode("latin-1")
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        try:
            return await self._transport.send(scope["method"], self._url + target + query, headers, body)
        except ValueError:  # what HTTP does not allow, and this server let pass
            return _problem(400, "The request cannot be passed on: expected encoded HTTP/1.1.")
        except (TransportFailed, GatewayInvalidResponse):
            return _problem(503, "The sandbox cannot be reached; it is about to be started again.")


def _problem(status: int, detail: str) -> Reply:
    return Reply(status, {"content-type": "application/json"}, f'{{"detail":"{detail}"}}'.encode())
