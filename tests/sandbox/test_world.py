"""The demo world, the database it lives in, and starts that cannot be."""

import hashlib
import json
import socket
import sqlite3
import subprocess
import sys

import pytest

from ocpplab_graphql.sandbox import SandboxConfig, SandboxStartError
from ocpplab_graphql.sandbox.requests import is_timezone
from ocpplab_graphql.sandbox.seed import demo_world

WORLD = "33a9c10fd6c15bf0dcdf276de825131f379b16d2b7734d12ed29135c41362c71"


def test_the_demo_world_is_the_same_byte_for_byte():
    text = json.dumps(demo_world()._asdict(), ensure_ascii=True, sort_keys=True)

    assert hashlib.sha256(text.encode()).hexdigest() == WORLD


def test_the_demo_world_is_believable():
    world = demo_world()

    assert (len(world.cpos), len(world.locations), len(world.chargers)) == (3, 250, 1000)
    assert len({row["city"] for row in world.locations}) >= 60
    assert len({row["identity"] for row in world.chargers}) == 1000
    assert len({row["slug"] for row in world.locations}) == 250
    assert {row["charger_count"] for row in world.locations} == {1, 2, 3, 4, 6, 8}
    assert all(is_timezone(row["timezone"]) for row in world.locations)
    assert all(36 < row["latitude"] < 61 and -10 < row["longitude"] < 22 for row in world.locations)


def digest(path):
    with sqlite3.connect(path) as connection:
        rows = {
            table: connection.execute(f"select * from {table} order by id").fetchall()  # noqa: S608 - names of ours
            for table in ("organizations", "cpos", "locations", "chargers")
        }
    connection.close()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


async def test_a_second_start_changes_nothing(running, sqlite_database):
    before = digest(sqlite_database)
    async with running(SandboxConfig(sqlite_database)):
        pass

    assert digest(sqlite_database) == before


async def test_what_was_deleted_from_the_world_stays_deleted(running, sqlite_database):
    with sqlite3.connect(sqlite_database) as connection:
        connection.execute("pragma foreign_keys=on")
        connection.execute("delete from cpos")
    connection.close()
    async with running(SandboxConfig(sqlite_database)) as gateway:
        assert (await gateway.get("/ocpi/cpos")).json()["total"] == 0


async def test_an_empty_sandbox_has_no_cpos(running, tmp_path):
    async with running(SandboxConfig(str(tmp_path / "new" / "s.db"), seed="empty")) as gateway:
        assert (await gateway.get("/ocpi/cpos")).json()["total"] == 0


async def test_new_ids_come_after_every_id_that_ever_was(running, sqlite_database, item, finished):
    with sqlite3.connect(sqlite_database) as connection:
        connection.execute("pragma foreign_keys=on")
        connection.execute("delete from locations where id > 100")
    connection.close()
    async with running(SandboxConfig(sqlite_database)) as gateway:
        accepted = (await gateway.post("/ocpi/cpos/101/locations", json={"locations": [item()]})).json()
        job = await finished(gateway, accepted["status_url"])

    assert job["results"]["location_ids"] == ["loc-251"]


async def start_error(running, address):
    with pytest.raises(SandboxStartError) as caught:
        async with running(SandboxConfig(address)):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(running, sqlite_database):
    with sqlite3.connect(sqlite_database) as connection:
        connection.execute("update sandbox_meta set value='99' where key='schema_version'")
    connection.close()
    before = digest(sqlite_database)

    assert "version 99" in await start_error(running, sqlite_database)
    assert digest(sqlite_database) == before


async def test_a_file_that_is_no_database_is_refused(running, tmp_path):
    path = tmp_path / "text.db"
    path.write_text("this is no database, " * 200)

    assert "file is not a database" in await start_error(running, str(path))
    assert path.read_text().startswith("this is no database")


async def test_an_unreachable_database_is_one_clear_line(running, tmp_path):
    (tmp_path / "file").touch()

    assert "cannot" in await start_error(running, str(tmp_path / "file" / "s.db"))
    assert "cannot open" in await start_error(running, str(tmp_path))
    assert "neither a path" in await start_error(running, "://")
    assert "no driver" in await start_error(running, "nosuch://host/db")
    assert "in memory" in await start_error(running, ":memory:")


def run_command(*arguments):
    command = [sys.executable, "-m", "ocpplab_graphql.sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_port_is_one_line_and_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run_command("--port", port, "--database", str(tmp_path / "s.db"))

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert not (tmp_path / "s.db").exists()


def test_a_database_that_cannot_be_opened_is_one_line_and_exit_code_2(tmp_path):
    ended = run_command("--port", "0", "--database", str(tmp_path))

    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
