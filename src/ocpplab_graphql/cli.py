"""The command `ocpplab-graphql`: arguments to settings, nothing more."""

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from ocpplab_graphql import __version__
from ocpplab_graphql.sandbox.command import sandbox
from ocpplab_graphql.settings import Settings, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ocpplab-graphql")
def main() -> None:
    """GraphQL for the OCPPLAB Gateway. Without a gateway URL a sandbox gateway runs inside."""


main.add_command(sandbox)


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--gateway-url", help="Base URL of the gateway; without it the sandbox runs inside.")
@click.option("--database", help="Database of the embedded sandbox.  [default: .data/sandbox.db]")
@click.option("--seed", type=click.Choice(["demo", "empty"]), help="World written into an empty sandbox.")
def serve(**given: Any) -> None:
    """Serve GraphQL at /graphql. Every setting is also a variable OCPPLAB_*; options win over them."""
    try:
        settings = Settings.load(**given)
        listening = _bound(settings.host, settings.port)
    except (SettingsError, OSError) as error:
        _stop(str(error))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, listening))


@main.command()
@click.option(
    "--check", type=click.Path(path_type=Path), help="Fail unless this file holds the schema, described."
)
@click.option("--write", type=click.Path(path_type=Path), help="Write the schema to this file.")
def schema(check: Path | None, write: Path | None) -> None:
    """Print the schema in SDL, write it to a file, or check a file against it."""
    from ocpplab_graphql.schema import sdl  # noqa: PLC0415

    if check is not None:
        if not check.exists() or check.read_text(encoding="utf-8") != sdl():
            _stop(f"{check} is not current: run `ocpplab-graphql schema --write {check}`.", code=1)
        click.echo(f"{check} is current.")
    elif write is not None:
        write.write_text(sdl(), encoding="utf-8")
    else:
        click.echo(sdl(), nl=False)


async def _serve(settings: Settings, listening: socket.socket) -> None:
    """Serve until a signal; start-up failures are told in one line."""
    import uvicorn  # noqa: PLC0415

    from ocpplab_graphql.app import StartError, create_app  # noqa: PLC0415
    from ocpplab_graphql.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(settings.log_level)
    # uvicorn raises the signal again after it has shut down; by then it is ours to ignore.
    for caught in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(caught, lambda: None)
    app = create_app(settings)
    # Entered here and not by uvicorn, which would tell a failure in a stack trace.
    lifespan = app.router.lifespan_context(app)
    try:
        await lifespan.__aenter__()
    except StartError as error:
        listening.close()
        _stop(str(error))
    try:
        _announce(settings, listening)
        config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False, http="httptools")
        await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        await lifespan.__aexit__(None, None, None)


def _announce(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    click.echo(f"GraphQL    {base}/graphql   (GraphiQL in a browser)")
    if settings.gateway_url is None:
        click.echo(f"Gateway    sandbox inside, REST at {base}/sandbox, data in {settings.database}")
        click.echo("Token      Authorization: Bearer demo")
    else:
        click.echo(
            f"Gateway    {settings.gateway_url.scheme}://{settings.gateway_url.host}, with the callers' own tokens"
        )
    sys.stdout.flush()


def _bound(host: str, port: int) -> socket.socket:
    """
    A listening socket.

    Raises:
        SettingsError: the address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
        ) from None
    return listening


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.new_event_loop


def _stop(message: str, *, code: int = 2) -> NoReturn:
    click.echo(f"ocpplab-graphql: {message}", err=True)
    raise SystemExit(code)
