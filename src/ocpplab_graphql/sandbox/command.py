"""`sandbox`: the sandbox alone, served by uvicorn."""

import click

from ocpplab_graphql.sandbox.config import (
    DEFAULT_DATABASE,
    SandboxConfig,
    SandboxStartError,
    Seed,
    shown_address,
)
from ocpplab_graphql.sandbox.serving import listening_socket, one_line_for, serve
from ocpplab_graphql.sandbox.upkeep import reset, seed_world

__all__ = ["sandbox"]


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
    with one_line_for(SandboxStartError), listening_socket(host, port) as bound:
        # Imported here, so that --help and a taken port answer at once.
        from ocpplab_graphql.sandbox.app import create_sandbox  # noqa: PLC0415

        serve(create_sandbox(config), bound, lambda base: _announce(config, base))


sandbox.add_command(seed_world)
sandbox.add_command(reset)


def _announce(config: SandboxConfig, base: str) -> None:
    from ocpplab_graphql.sandbox.auth import TOKENS  # noqa: PLC0415

    world = "3 CPOs, 250 locations, 1,000 chargers when new" if config.seed == "demo" else "empty when new"
    click.echo(f"Sandbox gateway on {base}   (documentation: {base}/docs)")
    click.echo(f"Database {shown_address(config.database)}: {world}")
    for fault in config.faults:
        click.echo(f"Fault {fault}")
    click.echo("Tokens:")
    for token, meaning in TOKENS:
        click.echo(f"  {token:<9} {meaning}")
    click.echo(f"Try: curl -H 'Authorization: Bearer demo' {base}/ocpi/cpos")
