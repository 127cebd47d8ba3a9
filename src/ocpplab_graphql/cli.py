"""The command `ocpplab-graphql`: arguments to settings, nothing more."""

import asyncio
import json
import mmap
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from ocpplab_graphql import __version__
from ocpplab_graphql.sandbox import serving
from ocpplab_graphql.sandbox.command import sandbox
from ocpplab_graphql.sandbox.config import SandboxStartError, shown_address
from ocpplab_graphql.settings import Settings, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ocpplab-graphql")
@click.pass_context
def main(context: click.Context) -> None:
    """GraphQL for the OCPPLAB Gateway. Without a gateway URL a sandbox gateway runs inside."""
    if context.invoked_subcommand == "sandbox":
        with serving.one_line_for(SettingsError):
            context.default_map = {"sandbox": _for_sandbox(Settings.load())}


main.add_command(sandbox)


@main.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--gateway-url", help="Base URL of the gateway; without it the sandbox runs inside.")
@click.option("--workers", type=int, help="Processes that serve.  [default: 1]")
@click.option("--database", help="Database of the embedded sandbox.  [default: .data/sandbox.db]")
@click.option("--seed", type=click.Choice(["demo", "empty"]), help="World written into an empty sandbox.")
def serve(**given: Any) -> None:
    """Serve GraphQL at /graphql. Every setting is also a variable OCPPLAB_*; options win over them."""
    with serving.one_line_for(SettingsError, SandboxStartError):
        settings = Settings.load(**given)
        bound = serving.listening_socket(settings.host, settings.port)
    with bound:
        _serve(settings, bound)


@main.command()
@click.option(
    "--check", type=click.Path(path_type=Path), help="Fail unless this file holds the schema, described."
)
@click.option(
    "--released",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Fail if clients of this released schema would break.",
)
@click.option("--write", type=click.Path(path_type=Path), help="Write the schema to this file.")
def schema(check: Path | None, released: Path | None, write: Path | None) -> None:
    """Print the schema in SDL, write it to a file, or check it against files."""
    from ocpplab_graphql.schema import sdl  # noqa: PLC0415

    if released is not None:
        _keep_promises(released, sdl())
    if check is not None:
        if not check.exists() or check.read_text(encoding="utf-8") != sdl():
            _stop(f"{check} is not current: run `ocpplab-graphql schema --write {check}`.", code=1)
        click.echo(f"{check} is current.")
    if write is not None:
        write.write_text(sdl(), encoding="utf-8")
    if check is released is write is None:
        click.echo(sdl(), nl=False)


@main.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--variables", default="{}", help="Variables of the operation, as a JSON object.")
@click.option("--operation", help="Which operation, if the file holds several.")
def explain(file: Any, variables: str, operation: str | None) -> None:
    """Print the gateway calls that the operation in FILE would make; - is stdin. Sends nothing."""
    from ocpplab_graphql.app import explanation  # noqa: PLC0415

    try:
        given = _json_object("--variables", variables)
        answer = asyncio.run(explanation(Settings.load(), file.read(), given, operation))
    except SettingsError as error:
        _stop(str(error))
    if "errors" in answer:
        _stop("; ".join(error["message"] for error in answer["errors"]), code=1)
    _print_plan(answer["extensions"]["gateway"]["plan"])


def _json_object(option: str, text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise SettingsError(f"{option} takes a JSON object, got {text[:60]!r}.")
    return given


def _print_plan(plan: dict[str, Any]) -> None:
    rows = [(_count(row["calls"]), row["route"]) for row in plan["requests"]]
    rows.append((_count(plan["calls"]), f"calls in all, for at most {plan['nodes']} nodes"))
    width = max(len(count) for count, _ in rows)
    for count, what in rows:
        click.echo(f"{count:>{width}}  {what}")


def _count(bound: Any) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound['least']} to {bound['most']}"


def _keep_promises(released: Path, current: str) -> None:
    from ocpplab_graphql.schema.compatibility import broken_promises  # noqa: PLC0415

    broken = broken_promises(released.read_text(encoding="utf-8"), current, datetime.now(UTC).date())
    if broken:
        _stop("clients of the last release would break:\n  " + "\n  ".join(broken), code=1)
    click.echo(f"Clients of {released} go on working.")


def _serve(settings: Settings, bound: socket.socket) -> None:
    from ocpplab_graphql.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(settings.log_level, settings.access_log)
    if settings.workers > 1:
        _serve_with_workers(settings, bound)
    else:
        _serve_here(settings, bound, lambda: _announce(settings, bound))


def _serve_here(
    settings: Settings,
    bound: socket.socket,
    ready: Callable[[], None],
    *,
    sandbox_url: str | None = None,
    lifeline: int | None = None,
    closes_port: Callable[[], bool] = lambda: True,
) -> None:
    from ocpplab_graphql.app import StartError, create_app  # noqa: PLC0415

    with serving.one_line_for(StartError):
        app = create_app(settings, sandbox_url=sandbox_url)
        serving.serve(
            app,
            bound,
            lambda _base: ready(),
            leaving=app.state.readiness.leave,
            stopping=app.state.stopping.say,
            closes_port=closes_port,
            notice_s=settings.shutdown_notice_s,
            linger_s=settings.shutdown_linger_s,
            drain_s=settings.shutdown_timeout_s,
            lifeline=lifeline,
            server=_bounded(settings),
        )


def _bounded(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told, so that no client takes more than its share."""
    from ocpplab_graphql.http.connections import bounded_protocols  # noqa: PLC0415
    from ocpplab_graphql.http.watch import ConnectionLimits  # noqa: PLC0415

    http, websocket = bounded_protocols(
        ConnectionLimits(
            connections=settings.connections_max,
            head_bytes=settings.max_head_bytes,
            receive_timeout_s=settings.receive_timeout_s,
            send_timeout_s=settings.send_timeout_s,
            unsent_bytes=settings.unsent_bytes_max,
            messages=settings.websocket_messages_max,
        )
    )
    return {
        "http": http,
        "ws": websocket,
        "ws_max_size": settings.max_request_bytes,
        "ws_per_message_deflate": False,  # a stream is never compressed: decision 32
        "timeout_keep_alive": settings.keep_alive_s,
        "log_level": "error",  # a client could fill the log with what it cannot parse
    }


def _serve_with_workers(settings: Settings, bound: socket.socket) -> None:
    from ocpplab_graphql.app import SANDBOX_PATH, StartError, create_sandbox_host  # noqa: PLC0415
    from ocpplab_graphql.workers import CannotStart, Role, Workers  # noqa: PLC0415

    with ExitStack() as stack:
        roles = []
        # Shared by all processes: a worker that ends alone must leave the port to the others as it is.
        ending = stack.enter_context(mmap.mmap(-1, 1))
        sandbox_url = None
        if settings.gateway_url is None:
            inner = stack.enter_context(serving.listening_socket("127.0.0.1", 0))
            sandbox_url = serving.base_url(inner) + SANDBOX_PATH

            def host_sandbox(ready: Callable[[], None], lifeline: int) -> None:
                bound.close()  # or connections would be made, and never accepted, when the workers have ended
                with serving.one_line_for(StartError):
                    serving.serve(
                        create_sandbox_host(settings), inner, lambda _base: ready(), lifeline=lifeline
                    )

            roles.append(Role("sandbox", host_sandbox))

        def work(ready: Callable[[], None], lifeline: int) -> None:
            _serve_here(
                settings,
                bound,
                ready,
                sandbox_url=sandbox_url,
                lifeline=lifeline,
                closes_port=lambda: ending[0] == 1,
            )

        def leave() -> None:
            ending[0] = 1
            bound.close()

        roles.append(Role("worker", work, settings.workers))
        stop_within_s = settings.shutdown_notice_s + settings.shutdown_timeout_s
        try:
            Workers(roles, stop_within_s, leaving=leave).serve(lambda: _announce(settings, bound))
        except CannotStart as failed:
            raise SystemExit(failed.code or 1) from None


def _announce(settings: Settings, bound: socket.socket) -> None:
    base = serving.base_url(bound)
    click.echo(f"GraphQL    {base}/graphql   (GraphiQL in a browser)")
    if settings.gateway_url is None:
        click.echo(
            f"Gateway    sandbox inside, REST at {base}/sandbox, data in {shown_address(settings.database)}"
        )
        click.echo("Token      Authorization: Bearer demo")
    else:
        remote = settings.gateway_url
        click.echo(f"Gateway    {remote.scheme}://{remote.host}, with the callers' own tokens")
    if settings.workers > 1:
        click.echo(f"Workers    {settings.workers}")
    sys.stdout.flush()


def _for_sandbox(settings: Settings) -> dict[str, Any]:
    """What the environment says about the sandbox too; its port is its own, as both may run side by side."""
    return {
        "host": settings.host,
        "database": settings.database,
        "seed": settings.seed,
        "step_delay_ms": settings.sandbox_step_delay_ms,
    }


def _stop(message: str, *, code: int = 2) -> NoReturn:
    click.echo(f"ocpplab-graphql: {message}", err=True)
    raise SystemExit(code)
