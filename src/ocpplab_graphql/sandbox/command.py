"""`sandbox`: the sandbox alone, served by uvicorn."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ocpplab_graphql.sandbox.config import DEFAULT_DATABASE, SandboxConfig, SandboxStartError, Seed
from ocpplab_graphql.sandbox.upkeep import reset, seed_world

__all__ = ["listening_socket", "sandbox"]


def listening_socket(host: str, port: int) -> socket.socket:
    """
    A socket that listens, to be handed to uvicorn: whether a port is free is known before anything starts.

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


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option(
    "--database", default=DEFAULT_DATABASE, show_default=True, help="SQLite file, or a SQLAlchemy URL."
)
@click.option(
    "--seed",
    type=click.Choice(["demo", "empty"]),
    default="demo",
    show_default=True,
    help="The world that an empty database gets.",
)
@click.option(
    "--step-delay-ms",
    default=0,
    show_default=True,
    type=click.IntRange(0, 60_000),
    help="Pause before every bulk item.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="What goes wrong on demand, as 'GET /ocpi/cpos status=503 retry_after_s=2 probability=0.3'; "
    "again for more.",
)
@click.pass_context
def sandbox(
    context: click.Context,
    *,
    host: str,
    port: int,
    database: str,
    seed: Seed,
    step_delay_ms: int,
    faults: tuple[str, ...],
) -> None:
    """Serve the sandbox gateway alone."""
    if context.invoked_subcommand is not None:
        return
    config = SandboxConfig(database, seed, step_delay_ms, faults)
    try:
        with listening_socket(host, port) as bound:
            _serve(config, bound)
    except SandboxStartError as error:
        click.echo(f"sandbox: {error}", err=True)
        sys.exit(2)


sandbox.add_command(seed_world)
sandbox.add_command(reset)


def _serve(config: SandboxConfig, bound: socket.socket) -> None:
    # Imported here, so that --help and a taken port answer at once.
    import uvicorn  # noqa: PLC0415

    from ocpplab_graphql.sandbox.app import create_sandbox  # noqa: PLC0415

    class Server(uvicorn.Server):
        """A server that leaves its signals to us: it would raise them again before the database is closed."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    app = create_sandbox(config)
    # The lifespan is entered here: its failure is one line, not uvicorn's traceback.
    settings = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    server = Server(settings)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, setattr, server, "should_exit", True)
        async with app.router.lifespan_context(app):
            _announce(config, bound)
            await server.serve(sockets=[bound])

    with asyncio.Runner(loop_factory=settings.get_loop_factory()) as runner:
        runner.run(run())


def _announce(config: SandboxConfig, bound: socket.socket) -> None:
    from ocpplab_graphql.sandbox.auth import TOKENS  # noqa: PLC0415

    host, port = bound.getsockname()[:2]
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    world = "3 CPOs, 250 locations, 1,000 chargers when new" if config.seed == "demo" else "empty when new"
    click.echo(f"Sandbox gateway on {base}   (documentation: {base}/docs)")
    click.echo(f"Database {config.database}: {world}")
    click.echo("Tokens:")
    for token, meaning in TOKENS:
        click.echo(f"  {token:<9} {meaning}")
    click.echo(f"Try: curl -H 'Authorization: Bearer demo' {base}/ocpi/cpos")
