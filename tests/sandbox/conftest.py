"""A sandbox on a database of its own, on SQLite and on PostgreSQL, spoken to over HTTP."""

import asyncio
import itertools
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from ocpplab_graphql.sandbox import SandboxConfig, create_sandbox
from tests.sandbox.postgres import Postgres

Gateway = httpx.AsyncClient
Sql = Callable[[str, str], list[list[str]]]
Running = Callable[[SandboxConfig], AbstractAsyncContextManager[Gateway]]


@asynccontextmanager
async def _running(config: SandboxConfig) -> AsyncIterator[Gateway]:
    app = create_sandbox(config)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": "Bearer demo"}
        async with Gateway(transport=transport, base_url="http://sandbox.test", headers=headers) as client:
            yield client


@pytest.fixture
def running() -> Running:
    """Run a sandbox inside this process."""
    return _running


async def _seed(address: str) -> None:
    async with _running(SandboxConfig(address)):
        pass


@pytest.fixture(scope="session")
def seeded_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo world in a file, written once; every test gets a copy."""
    path = tmp_path_factory.mktemp("seed") / "sandbox.db"
    asyncio.run(_seed(str(path)))
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    server = Postgres()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def seeded_postgres(postgres: Postgres) -> Postgres:
    """The server, with the demo world in its database `seeded`, written once; every test gets a copy."""
    postgres.sql("CREATE DATABASE seeded")
    asyncio.run(_seed(postgres.url("seeded")))
    return postgres


_numbers = itertools.count(1)
Test = TypeVar("Test", bound=Callable[..., Any])


def only_reads(test: Test) -> Test:
    """The test changes nothing: it may share its database, which is much faster on PostgreSQL."""
    test.only_reads = True  # type: ignore[attr-defined]  # functions take any
    return test


@pytest.fixture
def sqlite_database(tmp_path: Path, seeded_database: Path) -> str:
    """A file with the demo world."""
    return str(shutil.copy(seeded_database, tmp_path / "sandbox.db"))


@pytest.fixture
def postgres_database(seeded_postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database with the demo world."""
    name = f"test_{next(_numbers)}"
    seeded_postgres.sql(f"CREATE DATABASE {name} TEMPLATE seeded STRATEGY file_copy")
    yield seeded_postgres.url(name)
    seeded_postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_postgres(seeded_postgres: Postgres) -> str:
    """A PostgreSQL database that many tests read and none writes to."""
    seeded_postgres.sql("CREATE DATABASE shared TEMPLATE seeded STRATEGY file_copy")
    return seeded_postgres.url("shared")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """
    The demo world, on either database: path or URL.

    It is the test's own, unless the test or its module says that it only reads.
    """
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_database"))
    shared = getattr(request.module, "ONLY_READS", False) or hasattr(request.function, "only_reads")
    return str(request.getfixturevalue("shared_postgres" if shared else "postgres_database"))


@pytest.fixture
def sql(request: pytest.FixtureRequest) -> Sql:
    """Run one statement in a database, past the sandbox. Returns its rows as texts."""

    def run(address: str, statement: str) -> list[list[str]]:
        if "://" in address:
            server: Postgres = request.getfixturevalue("postgres")
            return server.sql(statement, address.rpartition("/")[2])
        with closing(sqlite3.connect(address, timeout=10)) as connection, connection:
            connection.execute("PRAGMA foreign_keys=ON")
            return [[str(value) for value in row] for row in connection.execute(statement).fetchall()]

    return run


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[Gateway]:
    async with _running(SandboxConfig(database)) as client:
        yield client


@pytest.fixture
def finished() -> Callable[..., Awaitable[dict[str, Any]]]:
    """Follow a bulk job to its end."""

    async def follow(gateway: Gateway, status_url: str) -> dict[str, Any]:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            job: dict[str, Any] = (await gateway.get(status_url)).json()
            if job["status"] in ("READY", "FAILED"):
                return job
            await asyncio.sleep(0.01)
        raise AssertionError(f"{status_url} did not finish")

    return follow


@pytest.fixture
def item() -> Callable[..., dict[str, Any]]:
    """A raw bulk item without chargers."""

    def raw(name: str = "Hub", **more: object) -> dict[str, Any]:
        return {
            "name": name,
            "address": "14 Rue de la Paix",
            "city": "Paris",
            "country": "FR",
            "coordinates": {"latitude": 48.8566, "longitude": 2.3522},
            **more,
        }

    return raw
