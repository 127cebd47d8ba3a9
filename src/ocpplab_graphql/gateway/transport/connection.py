"""
One connection to a gateway: one request on its way at a time, and the reply to it.

Whatever comes that nobody asked for ends the connection, because a reply that is read one request too late is
another caller's. So does a reply that was not waited for to its end.
"""

import asyncio
import select
import ssl
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport.port import Reply, TransportFailed
from ocpplab_graphql.gateway.transport.reader import Bounds, ReplyReader
from ocpplab_graphql.gateway.transport.request import Origin

_SLICE_BYTES = 65536  # of a request's body: no more is handed over before the socket took what it had


class Connection(asyncio.Protocol):
    """
    A connection that stands.

    Args:
        ended: called once, when it can serve no more.

    Attributes:
        idle_since: when its last reply came, by the loop's clock.
        kept_until: until when it may wait for the next request.
        usable: whether it may serve a request.
        lost: done when nothing is left of it.
    """

    def __init__(self, origin: Origin, bounds: Bounds, ended: Callable[["Connection"], None]) -> None:
        self.origin = origin
        self.idle_since = self.kept_until = 0.0
        self.usable = True
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._reader = ReplyReader(bounds)
        self._waiting: asyncio.Future[Reply] | None = None
        self._has_served = False
        self._paused = False
        self._writable: asyncio.Future[None] | None = None

    @property
    def keeps_s(self) -> int | None:
        """How long the gateway says that it keeps it, in seconds; None when it does not say."""
        return self._reader.keeps_s

    def exchange(self, head: bytes, content: bytes, *, without_body: bool) -> Awaitable[Reply]:
        """
        Send one request; its reply is to be awaited. Whoever cancels that must `abort`.

        Args:
            without_body: whether the reply has no body, whatever it says.

        Raises:
            TransportFailed: the connection ended before the reply did.
            GatewayInvalidResponse: see Transport.
        """
        if not self.usable:
            raise TransportFailed("no connection (it was closed at once)", sent=False)
        waiting: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting = waiting
        self._reader.expect(without_body=without_body)
        if len(content) > _SLICE_BYTES:
            return self._exchange_slices(head, content, waiting)
        self._transport.write(head + content if content else head)
        return waiting

    async def _exchange_slices(self, head: bytes, content: bytes, waiting: asyncio.Future[Reply]) -> Reply:
        self._transport.write(head)
        for start in range(0, len(content), _SLICE_BYTES):
            if self._paused:
                self._writable = self._loop.create_future()
                await self._writable
            if waiting.done():  # the gateway has answered, or is gone: it does not want the rest
                self.abort()
                break
            self._transport.write(content[start : start + _SLICE_BYTES])
        return await waiting

    def is_quiet(self) -> bool:
        """
        Whether nothing came since the last reply: no end, and no byte.

        The loop sees what comes once a turn; this looks at the socket itself, so that what lies there is not
        taken for the reply to what is sent next.
        """
        return self.usable and not self._poll()

    def abort(self) -> None:
        """End it now, with whatever is on its way."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self.usable:
            self.usable = False
            self._ended(self)
        self._transport.abort()

    def close(self) -> None:
        """End it now; a request on its way has failed."""
        self._fail(TransportFailed("connection lost (the service ends)", sent=True))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's
        self._poll = _poll_of(transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._waiting is None:
            self.abort()
            return
        try:
            reply = self._reader.feed(data)
        except (TransportFailed, GatewayInvalidResponse) as problem:
            self._fail(problem)
            return
        if reply is not None:
            self._deliver(reply)

    def eof_received(self) -> None:
        """See asyncio.Protocol."""
        if self._waiting is None or not self._is_end_said():
            return
        try:
            reply = self._reader.end()
        except GatewayInvalidResponse as problem:
            self._fail(problem)
            return
        if reply is not None:
            self._deliver(reply)

    def _is_end_said(self) -> bool:
        """Whether the gateway itself said that this is the end: over TLS, whoever sits between can cut as well."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return (
                tls.read(1) == b""
            )  # asyncio reports both; only after close_notify there is an end to be read
        except ssl.SSLError:
            return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """See asyncio.Protocol."""
        if self._waiting is not None:
            began = self._reader.began
            when = "while its answer came" if began else "before it answered"
            kept = self._has_served and not began
            self._fail(TransportFailed(f"connection lost {when}", sent=True, kept=kept))
        self.abort()
        self._wake_writer()
        self._reader.close()
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = False
        self._wake_writer()

    def _deliver(self, reply: Reply) -> None:
        waiting, self._waiting = self._waiting, None
        self._has_served = True
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        if not self._reader.reusable:
            self.abort()
        if self._writable is not None:
            self._wake_writer()

    def _fail(self, problem: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(problem)
        self.abort()
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)


def _poll_of(transport: asyncio.BaseTransport) -> Callable[[], object]:
    """Whether there is something to be read from the socket, or its end, now."""
    if sys.platform == "win32":
        return lambda: False
    poll = select.poll()
    poll.register(
        transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLERR | select.POLLHUP
    )
    return partial(poll.poll, 0)
