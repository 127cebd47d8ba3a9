"""`sandbox seed` and `sandbox reset`: filling a database with a large world, and emptying it."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ocpplab_graphql.sandbox.config import DEFAULT_DATABASE, SandboxStartError, shown_address
from ocpplab_graphql.sandbox.serving import one_line_for

if TYPE_CHECKING:
    from ocpplab_graphql.sandbox.database import Database

__all__ = ["reset", "seed_world"]

_database_option = click.option(
    "--database", help=f"SQLite file, or a SQLAlchemy URL.  [default: {DEFAULT_DATABASE}]"
)


@click.command("seed")
@click.option(
    "--locations", required=True, type=click.IntRange(1, 10_000_000), help="How many locations to add."
)
@click.option(
    "--chargers", default=4, show_default=True, type=click.IntRange(0, 100), help="Chargers in each."
)
@_database_option
@click.pass_context
def seed_world(context: click.Context, *, locations: int, chargers: int, database: str | None) -> None:
    """Add a large CPO that never expires to the demo organization."""
    address = _address(context, database)

    async def fill(opened: "Database") -> None:
        from ocpplab_graphql.sandbox.seed.large import sow_large  # noqa: PLC0415 - only when used
        from ocpplab_graphql.sandbox.seed.sow import sow_demo  # noqa: PLC0415 - only when used

        await sow_demo(opened)
        cpo = await sow_large(opened, locations, chargers, _progress(locations))
        click.echo(f"CPO {cpo} has {locations:,} locations and {locations * chargers:,} chargers.")

    click.echo(f"Database {shown_address(address)}: adding {locations:,} locations")
    _run(address, fill)


@click.command("reset")
@_database_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def reset(context: click.Context, *, database: str | None, yes: bool) -> None:
    """Delete everything in the database, after asking."""
    address = _address(context, database)
    if "://" not in address and not Path(address).exists():
        click.echo(f"There is no database {address}: nothing to delete.")
        return

    async def empty(opened: "Database") -> None:
        from ocpplab_graphql.sandbox.seed.large import clear, counts  # noqa: PLC0415 - only when used

        found = await counts(opened)
        told = ", ".join(f"{count:,} {what}" for what, count in found.items())
        if not yes and not click.confirm(f"Delete everything in {shown_address(address)}: {told}?"):
            click.echo("Nothing was deleted.")
            return
        await clear(opened)
        click.echo(f"Deleted: {told}. The next start writes its world anew.")

    _run(address, empty)


def _address(context: click.Context, database: str | None) -> str:
    """The subcommand's own option, or the one before it: `sandbox --database X reset`."""
    before = context.parent.params.get("database") if context.parent else None
    return database or before or DEFAULT_DATABASE


def _run(address: str, work: "Callable[[Database], Coroutine[Any, Any, None]]") -> None:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - only when used

    from ocpplab_graphql.sandbox.database import open_database  # noqa: PLC0415 - only when used

    async def run() -> None:
        opened = await open_database(address)
        try:
            await work(opened)
        finally:
            await opened.close()

    with one_line_for(SandboxStartError, DBAPIError):
        asyncio.run(run())


def _progress(total: int) -> Callable[[int], None]:
    """Tell how far it is: on a terminal in one line, elsewhere a line for each tenth."""
    begun, told = time.monotonic(), -1
    terminal = sys.stdout.isatty()

    def tell(done: int) -> None:
        nonlocal told
        tenth = done * 10 // total
        if tenth == told and not terminal:
            return
        told = tenth
        rate = done / max(time.monotonic() - begun, 1e-3)
        line = (
            f"  {done:>{len(f'{total:,}')},} of {total:,}  {done * 100 // total:>3} %  {rate:,.0f} a second"
        )
        click.echo(f"\r{line}" if terminal else line, nl=not terminal or done == total)

    return tell
