"""
uvicorn's server with an end that loses nobody.

uvicorn closes its listening socket and every idle connection at once. Who has been connected by the kernel and
is not accepted yet, and whose request is on its way over a connection that was idle, then gets a reset in place
of an answer; an operation over a WebSocket is cut off. Here the end has four steps:

1. Every answer says `Connection: close`. No new handshake is taken; those under way are waited for, whoever is
   connected is accepted, then the socket is closed: from now on a connection is refused, and nothing has been sent.
2. An idle connection may still send a request, for `linger_s`.
3. WebSockets close themselves when what runs over them is answered.
4. uvicorn closes what is idle, and waits for the rest.
"""

import asyncio
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ocpplab_graphql.sandbox.handshakes import refuse_handshakes

__all__ = ["Server"]

_LOOK_S = 0.02
# How long a handshake that has begun may take: a packet there and back.
_HANDSHAKE_S = 0.1


class Server(uvicorn.Server):
    """
    A server that leaves its signals to us: it would raise them again before the lifespan is left.

    Args:
        stopping: called when it begins to stop, to end what would otherwise not end by itself.
        closes_port: asked then, whether the port closes with this process; False while others accept from it.
        linger_s: how long idle connections may then send a request.
        drain_s: how long everything together may then take, before what still runs is cut off.

    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        stopping: Callable[[], None],
        closes_port: Callable[[], bool],
        linger_s: float,
        drain_s: float,
    ) -> None:
        """Take over a configuration."""
        super().__init__(config)
        self._stopping = stopping
        self._closes_port = closes_port
        self._linger_s = linger_s
        self._drain_s = drain_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: see above."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as said above."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._say_close()
        self._stopping()
        await self._refuse_new(sockets or [])
        refused = loop.time()
        # Nothing is awaited between the last look and the closing: what was busy would be idle by then.
        # uvicorn tells nobody of its connections: we look.
        while loop.time() - begun < self._drain_s and self._is_waited_for(  # noqa: ASYNC110
            loop.time() - refused
        ):
            await asyncio.sleep(_LOOK_S)
        left_s = begun + self._drain_s - loop.time()
        self.config.timeout_graceful_shutdown = max(1, math.ceil(left_s))
        await super().shutdown(sockets)

    async def _refuse_new(self, sockets: list[socket.socket]) -> None:
        """Accept who is connected or about to be, and close the sockets in the same breath."""
        # Duplicates: the originals are closed first, so that nobody but us accepts from them.
        listening = [listener.dup() for listener in sockets]
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            for listener in listening:
                stack.enter_context(listener).setblocking(False)
                if self._closes_port():
                    refuse_handshakes(listener)
            until = loop.time() + _HANDSHAKE_S
            while loop.time() < until:
                await self._take(_accepted_from(listening))
                await asyncio.sleep(_LOOK_S)
            connected = _accepted_from(listening)
        await self._take(connected)

    async def _take(self, connections: list[socket.socket]) -> None:
        loop = asyncio.get_running_loop()
        for connection in connections:
            connection.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn does
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _say_close(self) -> None:
        """Let every answer that has not begun say that its connection ends with it."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        for connection in self.server_state.connections:
            # Running requests have the headers of before.
            if isinstance(connection, HttpToolsProtocol) and not self._is_idle(connection):
                connection.cycle.keep_alive = (
                    connection.cycle.keep_alive and connection.cycle.response_started
                )

    def _is_waited_for(self, seconds: float) -> bool:
        """Whether something keeps the server from closing what is idle, so long after the port was closed."""
        connections = self.server_state.connections
        lingers = seconds < self._linger_s and any(map(self._is_idle, connections))
        # The connections that were just accepted are there a few turns of the loop later.
        return seconds < _LOOK_S or lingers or any(map(self._is_websocket, connections))

    @staticmethod
    def _is_idle(connection: object) -> bool:
        if not isinstance(connection, HttpToolsProtocol):
            return False
        cycle: RequestResponseCycle | None = connection.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    @staticmethod
    def _is_websocket(connection: object) -> bool:
        return not isinstance(connection, HttpToolsProtocol)


def _accepted_from(listening: list[socket.socket]) -> list[socket.socket]:
    """Every connection that waits to be accepted."""
    return [connection for listener in listening for connection in _accepted(listener)]


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionAbortedError:  # one that is gone again
            continue
        except OSError:  # none is left; or no more may be open
            return
        yield connection
