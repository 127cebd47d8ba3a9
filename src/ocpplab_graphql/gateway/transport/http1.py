"""HTTP/1.1 to a remote gateway: a pool of connections of our own, for plain requests and whole replies."""

import asyncio
import socket
import ssl
from collections.abc import Mapping

import aiohappyeyeballs

from ocpplab_graphql.gateway.transport import request
from ocpplab_graphql.gateway.transport.connection import Connection
from ocpplab_graphql.gateway.transport.port import Reply, TransportFailed
from ocpplab_graphql.gateway.transport.reader import Bounds
from ocpplab_graphql.gateway.transport.request import Origin
from ocpplab_graphql.gateway.turns import Turns

# A gateway that closes an idle connection may do so while a request is on its way to it. A read can be sent again;
# of a write nobody would know whether it happened, so it goes over a connection that was in use until now.
_WRITE_IDLE_MAX_S = 1.0
_READS = {"GET", "HEAD", "OPTIONS"}
_NEXT_ADDRESS_S = 0.25  # RFC 8305, section 5


class Http1Transport:
    """
    HTTP/1.1 and nothing else: no proxies, no redirects, no cookies, no upgrades, nothing from the environment.

    Args:
        connections: most connections at once; further requests wait their turn.
        max_body_bytes: largest body of a reply, before and after it is decompressed.
        max_head_bytes: most bytes of status and headers of a reply.
        keepalive_s: how long a connection is kept without a request, in seconds; less if the gateway says so.
        compressed: whether replies may be compressed: less to transmit, more to compute.
        tls: what certificates are trusted; by default, those the system trusts.
    """

    def __init__(
        self,
        *,
        connections: int,
        max_body_bytes: int,
        max_head_bytes: int = 65536,
        keepalive_s: float = 15.0,
        compressed: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connections = connections
        self._bounds = Bounds(max_body_bytes, max_head_bytes)
        self._keepalive_s = keepalive_s
        self._coding = "gzip, deflate" if compressed else "identity"
        self._tls = tls
        self._turns = Turns(connections)
        self._busy = 0
        self._idle: dict[Connection, None] = {}  # in the order in which they became idle
        self._open: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """
        See Transport.

        Raises:
            ValueError: a URL, method or header that HTTP does not allow, or that is not the caller's to say.
        """
        origin, target = request.split(url)
        head = request.head(method, target, origin, headers, body, coding=self._coding)
        if not self._turns.take():
            await self._turns.wait()
        self._busy += 1
        try:
            connection = self._kept(origin, is_read=method in _READS) or await self._connected(origin)
            try:
                reply = await connection.exchange(head, body or b"", without_body=method == "HEAD")
            except BaseException:
                connection.abort()
                raise
            if connection.usable:
                self._keep(connection)
            return reply
        finally:
            self._busy -= 1
            self._turns.give_back()

    async def aclose(self) -> None:
        """See Transport. What is on its way is lost."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.close()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open])

    def _kept(self, origin: Origin, *, is_read: bool) -> Connection | None:
        """The connection that became idle last, if it may serve this."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, _ = self._idle.popitem()
            # There is one gateway: connections are kept for the origin that was asked last.
            if connection.origin is origin and now < connection.kept_until and connection.is_quiet():
                if is_read or now - connection.idle_since < _WRITE_IDLE_MAX_S:
                    return connection
                self._idle[connection] = None
                return None
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        said = connection.keeps_s
        # A second less than the gateway says: the way there takes time.
        keeps_s = self._keepalive_s if said is None else min(self._keepalive_s, said - 1)
        connection.idle_since = now = loop.time()
        connection.kept_until = now + keeps_s
        self._idle[connection] = None
        if self._sweep is None:
            self._sweep = loop.call_later(self._keepalive_s, self._close_idle)

    def _close_idle(self) -> None:
        self._sweep = None
        loop = asyncio.get_running_loop()
        for connection in list(self._idle):
            end = connection.idle_since + self._keepalive_s
            if loop.time() < end:
                self._sweep = loop.call_at(end, self._close_idle)
                return
            connection.abort()

    async def _connected(self, origin: Origin) -> Connection:
        self._make_room()
        try:
            connection = await self._connect(origin)
        except (OSError, UnicodeError) as error:  # names that cannot be names are UnicodeErrors
            raise TransportFailed(f"no connection ({type(error).__name__})", sent=False) from error
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        if self._closed:
            connection.close()
        return connection

    def _make_room(self) -> None:
        """One more connection is about to be opened; idle ones count."""
        while self._idle and len(self._idle) + self._busy > self._connections:
            next(iter(self._idle)).abort()

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        # Not create_connection's own way of trying one address after the other: uvloop's has none.
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, interleave=1
        )
        is_secure = origin.scheme == "https"
        _, connection = await loop.create_connection(
            lambda: Connection(origin, self._bounds, self._forget),
            sock=sock,
            ssl=self._trusted() if is_secure else None,
            server_hostname=origin.host if is_secure else None,
        )
        return connection

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
