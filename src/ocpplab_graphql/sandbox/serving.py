"""
Serving an application until a signal, and a failing start in one line: what every command that serves needs.

Nothing heavy is imported before it is used: `--help` and a taken port answer at once.
"""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ocpplab_graphql.sandbox.config import SandboxStartError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

__all__ = ["DRAIN_S", "LINGER_S", "base_url", "listening_socket", "one_line_for", "serve"]

# How long requests that run when the signal comes may go on. More than an operation's default deadline of
# 10 s, so that each ends by itself; less than the 30 s after which Kubernetes kills.
DRAIN_S = 15
# Objects made and not yet gone, from which on the youngest are searched.
_GARBAGE_THRESHOLD = 20_000

# How long a connection without a request may still send one: longer than a busy client takes between two.
LINGER_S = 0.5


@contextmanager
def one_line_for(*failures: type[Exception]) -> Iterator[None]:
    """Tell one of these failures in one line on stderr, and exit with code 2."""
    try:
        yield
    except failures as failure:
        click.echo(f"ocpplab-graphql: {' '.join(str(failure).split())}", err=True)
        sys.exit(2)


def listening_socket(host: str, port: int) -> socket.socket:
    """
    A socket that listens, to be handed to `serve`: whether a port is free is known before anything starts.

    Raises:
        SandboxStartError: the port is taken, or the host is not one of this machine.

    """
    try:
        (family, kind, protocol, _name, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SandboxStartError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise SandboxStartError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port"
        ) from error
    return bound


def serve(
    app: "FastAPI",
    bound: socket.socket,
    announce: Callable[[str], None],
    *,
    leaving: Callable[[], None] = lambda: None,
    stopping: Callable[[], None] = lambda: None,
    closes_port: Callable[[], bool] = lambda: True,
    notice_s: float = 0.0,
    linger_s: float = LINGER_S,
    drain_s: float = DRAIN_S,
    lifeline: int | None = None,
    server: Mapping[str, Any] | None = None,
) -> None:
    """
    Serve until SIGINT or SIGTERM; then finish what runs, for at most `drain_s`, and leave the lifespan.

    A second SIGINT cuts them off. What the lifespan raises when it is entered reaches the caller as it is.

    Args:
        announce: told the base URL, once connections are answered.
        leaving: called at the first signal, when connections are still accepted.
        stopping: called when it begins to stop, to end what would otherwise not end by itself.
        closes_port: asked then, whether the port closes with this process; False while others accept from it.
        notice_s: how long after SIGTERM they are.
        linger_s: how long idle connections may then still send a request.
        lifeline: a file descriptor; when it ends, that counts as a SIGTERM.
        server: what uvicorn is told beside what is needed here.

    """
    import uvicorn  # noqa: PLC0415

    from ocpplab_graphql.sandbox.server import Server  # noqa: PLC0415

    # The lifespan is entered here: its failure is one line, not uvicorn's traceback.
    settings = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        **{"http": "httptools", "log_level": "warning", **(server or {})},
    )
    running = Server(settings, stopping=stopping, closes_port=closes_port, linger_s=linger_s, drain_s=drain_s)

    ending = _Ending(running, leaving, notice_s)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ending.begin, number)
        if lifeline is not None:
            loop.add_reader(lifeline, ending.cut_loose, lifeline)
        async with app.router.lifespan_context(app):
            _settle_memory()
            if not running.should_exit:
                announce(base_url(bound))
                sys.stdout.flush()
            await running.serve(sockets=[bound])

    with asyncio.Runner(loop_factory=settings.get_loop_factory()) as runner:
        runner.run(run())


def _settle_memory() -> None:
    """
    Leave what was made at the start out of every later search for garbage, and search less often.

    An answer is thousands of objects that all go at once, by their counts; with Python's defaults the collector
    runs several times in the middle of each, for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a server comes to its end."""

    server: "uvicorn.Server"
    leaving: Callable[[], None]
    notice_s: float

    def begin(self, number: signal.Signals) -> None:
        # A second SIGTERM says nothing new: whoever signals a process group may send two.
        if self.server.should_exit and number == signal.SIGINT:
            for task in self.server.server_state.tasks:
                task.cancel()
        self.leaving()
        if number == signal.SIGTERM and self.notice_s > 0 and self.server.started:
            asyncio.get_running_loop().call_later(self.notice_s, self._stop)
        else:
            self._stop()

    def cut_loose(self, lifeline: int) -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        self.begin(signal.SIGTERM)

    def _stop(self) -> None:
        self.server.should_exit = True


def base_url(bound: socket.socket) -> str:
    """Where what listens on this socket is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
