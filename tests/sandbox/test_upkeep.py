"""Older and newer databases, `sandbox seed` and `sandbox reset`."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import create_engine

from ocpplab_graphql.sandbox import SandboxConfig, SandboxStartError
from ocpplab_graphql.sandbox.command import sandbox
from ocpplab_graphql.sandbox.config import shown_address
from ocpplab_graphql.sandbox.models import SCHEMA_VERSION, metadata


def make_old(path):
    """Take a database back to version 1, as the first program made it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for index in ("cpos_by_expiry", "one_cpo_per_party", "idempotency_keys_by_age"):
            connection.execute(f"drop index {index}")
        connection.execute("alter table cpos drop column ocpi_version")
        connection.execute("drop table alembic_version")
        connection.execute("update sandbox_meta set value = '1' where key = 'schema_version'")


async def test_an_older_database_is_brought_up_to_date_with_its_content(running, sqlite_database, sql):
    make_old(sqlite_database)
    async with running(SandboxConfig(sqlite_database)) as gateway:
        assert (await gateway.get("/ocpi/cpos")).json()["total"] == 3

    assert sql(sqlite_database, "select version_num from alembic_version") == [[f"{SCHEMA_VERSION:04d}"]]
    assert sql(sqlite_database, "select value from sandbox_meta where key = 'schema_version'") == [
        [str(SCHEMA_VERSION)]
    ]
    engine = create_engine(f"sqlite:///{sqlite_database}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_a_new_database_is_stamped_as_if_every_step_had_been_taken(database, sql):
    assert sql(database, "select version_num from alembic_version") == [[f"{SCHEMA_VERSION:04d}"]]


async def test_a_newer_database_is_refused_in_one_line_and_left_as_it_was(running, database, sql, tmp_path):
    sql(database, "update sandbox_meta set value = '99' where key = 'schema_version'")
    if "://" not in database:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        copy = shutil.copy(database, tmp_path / "copy.db")
    with pytest.raises(SandboxStartError) as caught:
        async with running(SandboxConfig(database)):
            pass

    assert "is of version 99" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sql(database, "select value from sandbox_meta where key = 'schema_version'") == [["99"]]
    if "://" not in database:
        assert (tmp_path / "sandbox.db").read_bytes() == copy.read_bytes()


async def test_a_postgres_that_is_not_there_is_one_line_without_the_password(running, postgres):
    for address in (
        "postgresql://sandbox:hush@127.0.0.1:1/x",
        postgres.url("nosuch").replace("postgres@", "postgres:hush@"),
    ):
        with pytest.raises(SandboxStartError) as caught:
            async with running(SandboxConfig(address)):
                pass
        assert "\n" not in str(caught.value)
        assert "hush" not in str(caught.value)


def test_alembic_and_the_drivers_are_imported_only_when_used(tmp_path):
    program = (
        "import asyncio, sys\n"
        "from ocpplab_graphql.sandbox import *\n"
        f"app = create_sandbox(SandboxConfig({str(tmp_path / 's.db')!r}))\n"
        "async def run():\n"
        "    async with app.router.lifespan_context(app): pass\n"
        "asyncio.run(run())\n"
        "print([name for name in ('alembic', 'asyncpg') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"


def test_seeding_fills_a_large_world_and_shows_how_far_it_is(tmp_path, sql):
    path = str(tmp_path / "s.db")
    ended = CliRunner().invoke(sandbox, ["seed", "--locations", "1200", "--database", path])

    assert ended.exit_code == 0, ended.output
    assert "500 of 1,200" in ended.output
    assert "1,200 of 1,200  100 %" in ended.output
    assert "CPO 104 has 1,200 locations and 4,800 chargers." in ended.output
    assert sql(path, "select location_count, charger_count from cpos where id = 104") == [["1200", "4800"]]
    assert sql(path, "select count(*) from locations where cpo_id = 104") == [["1200"]]


@pytest.mark.parametrize(("answer", "left"), [("n\n", "3"), ("\n", "3"), ("y\n", "0")])
def test_a_reset_asks_before_it_deletes(database, sql, answer, left):
    ended = CliRunner().invoke(sandbox, ["--database", database, "reset"], input=answer)

    assert ended.exit_code == 0, ended.output
    assert "3 CPOs, 250 locations, 1,000 chargers?" in ended.output
    assert ("Nothing was deleted" in ended.output) == (left == "3")
    assert sql(database, "select count(*) from cpos") == [[left]]


async def test_after_a_reset_the_next_start_writes_the_same_world(running, database, sql):
    from starlette.concurrency import run_in_threadpool

    async with running(SandboxConfig(database)) as gateway:
        before = (await gateway.get("/ocpi/cpos/102/locations")).content
    ended = await run_in_threadpool(CliRunner().invoke, sandbox, ["reset", "--yes", "--database", database])
    assert ended.exit_code == 0, ended.output
    async with running(SandboxConfig(database)) as gateway:
        assert (await gateway.get("/ocpi/cpos/102/locations")).content == before


def test_a_password_is_not_shown():
    assert shown_address("postgresql://me:hu:sh@host/name") == "postgresql://me:***@host/name"
    assert shown_address("postgresql://me@host/name") == "postgresql://me@host/name"
    assert shown_address("./a:b@c.db") == "./a:b@c.db"


def test_the_command_says_where_it_listens_its_data_its_tokens_and_its_faults(sqlite_database):
    command = [sys.executable, "-u", "-m", "ocpplab_graphql.sandbox", "--port", "0"]
    options = ["--database", sqlite_database, "--fault", "GET /ocpi/cpos status=503"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(8)]
        process.terminate()

    told = "".join(lines)
    assert "http://127.0.0.1:" in lines[0]
    assert sqlite_database in lines[1]
    assert all(word in told for word in ("Fault GET /ocpi/cpos status=503", "demo", "org-NAME", "admin"))
    assert process.returncode == 0


def test_a_reset_makes_no_database(tmp_path):
    ended = CliRunner().invoke(sandbox, ["reset", "--database", str(tmp_path / "none.db")])

    assert (ended.exit_code, list(tmp_path.iterdir())) == (0, [])
    assert "nothing to delete" in ended.output


def test_a_newer_database_is_not_reset(sqlite_database, sql):
    sql(sqlite_database, "update sandbox_meta set value = '99' where key = 'schema_version'")
    ended = CliRunner().invoke(sandbox, ["reset", "--yes", "--database", sqlite_database])

    assert ended.exit_code == 2
    assert sql(sqlite_database, "select count(*) from cpos") == [["3"]]
