"""
The port to the gateway, bytes in and bytes out, and its adapters.

`Http1Transport` for a remote gateway: HTTP/1.1 and nothing else, at a third of the CPU of the next.
`AiohttpTransport` is its alternative, `HttpxTransport` honours proxy variables, and `AsgiTransport` calls an
application in this process.
None of them follows redirects, keeps cookies, or reads more than it was told to.
"""

from ocpplab_graphql.gateway.transport.asgi import AsgiTransport
from ocpplab_graphql.gateway.transport.clients import AiohttpTransport, HttpxTransport
from ocpplab_graphql.gateway.transport.http1 import Http1Transport
from ocpplab_graphql.gateway.transport.port import Reply, Transport, TransportFailed

__all__ = [
    "AiohttpTransport",
    "AsgiTransport",
    "Http1Transport",
    "HttpxTransport",
    "Reply",
    "Transport",
    "TransportFailed",
]
