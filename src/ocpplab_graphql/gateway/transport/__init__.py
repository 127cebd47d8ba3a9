"""
The port to the gateway, bytes in and bytes out, and its adapters.

`Http1Transport` for a remote gateway: HTTP/1.1 and nothing else, at a third of the CPU of the next.
`AiohttpTransport` is its alternative, `HttpxTransport` honours proxy variables, and `AsgiTransport` calls an
application in this process.
None of them follows redirects, keeps cookies, or reads more than it was told to.
"""

from typing import TYPE_CHECKING, Any

from ocpplab_graphql.gateway.transport.asgi import AsgiTransport
from ocpplab_graphql.gateway.transport.http1 import Http1Transport
from ocpplab_graphql.gateway.transport.port import Reply, Transport, TransportFailed
from ocpplab_graphql.gateway.transport.request import Headers

if TYPE_CHECKING:
    from ocpplab_graphql.gateway.transport.clients import AiohttpTransport, HttpxTransport

__all__ = [
    "AiohttpTransport",
    "AsgiTransport",
    "Headers",
    "Http1Transport",
    "HttpxTransport",
    "Reply",
    "Transport",
    "TransportFailed",
]


def __getattr__(name: str) -> Any:
    # aiohttp and httpx take 23 MB of memory, and only who uses them loads them.
    if name not in {"AiohttpTransport", "HttpxTransport"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ocpplab_graphql.gateway.transport import clients  # noqa: PLC0415

    return getattr(clients, name)
