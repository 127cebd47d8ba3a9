"""
The database: opening it, its transactions, and what is told when it cannot be opened.

SQLite and PostgreSQL do the same: a writing transaction, reads that see one state, and single reads that need
no transaction. What differs is said here and in `models`, nowhere else.

SQLite runs in WAL with `synchronous=NORMAL`, on purpose: a commit survives the death of the process, SIGKILL
included, because its pages are with the operating system by then, and the file can never be corrupted. Only a
power cut may lose the last commits. FULL would buy those back with an fsync for each bulk item, which no
sandbox needs.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Executable,
    Insert,
    MetaData,
    String,
    Table,
    Update,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ocpplab_graphql.sandbox.config import SandboxStartError
from ocpplab_graphql.sandbox.driver import connect
from ocpplab_graphql.sandbox.migrations import revision, upgrade
from ocpplab_graphql.sandbox.models import SCHEMA_VERSION, meta, metadata

__all__ = ["Database", "one_at_a_time", "open_database"]

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]

# Of programs that open an empty PostgreSQL database at once, one makes its world. Any number will do.
_OPENING = 0x5A4DB0C5

# How long a writer waits for another process that holds SQLite's only write lock.
BUSY_TIMEOUT_MS = 5000


class Database:
    """
    One engine and its ways to be used.

    SQLite has one writer at a time: writers of this process queue in a lock of ours, in order and without
    blocking a thread, and meet those of other processes at `BEGIN IMMEDIATE`.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """Take over an engine; `close` disposes of it."""
        self.dialect = engine.dialect.name
        self._engine = engine
        self._one_writer: asyncio.Lock | None = None
        if self.dialect == "sqlite":
            self._one_writer = asyncio.Lock()
            self._single = engine.execution_options(sandbox_begin=None)
            self._readers = engine.execution_options(sandbox_begin="BEGIN")
            self._writers = engine.execution_options(sandbox_begin="BEGIN IMMEDIATE")
        else:
            self._single = engine.execution_options(isolation_level="AUTOCOMMIT")
            self._readers = engine.execution_options(isolation_level="REPEATABLE READ")
            self._writers = engine.execution_options(isolation_level="READ COMMITTED")

    async def first(self, query: Executable, values: Values | None = None) -> Any | None:
        """The first row of a single read, which needs no transaction around it."""
        async with self._single.connect() as connection:
            return (await connection.execute(query, values)).first()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in which every read sees the same state."""
        async with self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back by an exception."""
        if self._one_writer is None:
            async with self._writers.begin() as connection:
                yield connection
            return
        async with self._one_writer, self._writers.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


async def open_database(address: str) -> Database:
    """
    Open a database, and make its tables when they are missing.

    Args:
        address: path of a SQLite file or a SQLAlchemy URL.

    Raises:
        SandboxStartError: it cannot be reached, is locked, is no database, or is of a newer version.

    """
    url = _url(address)
    engine = _engine(url)
    database = Database(engine)
    try:
        async with database.writing() as connection:
            await _prepare(connection, url)
    except BaseException as error:
        await database.close()
        if isinstance(error, (DBAPIError, OSError)) or type(error).__module__.startswith("asyncpg"):
            raise SandboxStartError(f"cannot open the database {_shown(url)}: {_cause(error)}") from error
        raise
    return database


def _url(address: str) -> URL:
    """The engine's URL; a bare path is a SQLite file."""
    if "://" not in address:
        return URL.create("sqlite+aiosqlite", database=address)
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise SandboxStartError(f"{address!r} is neither a path nor a database URL") from error
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    try:
        # A lost database is an error at once, not after the driver's minute.
        return create_async_engine(url, pool_size=10, max_overflow=10, connect_args=_timeouts(url))
    except (NoSuchModuleError, ModuleNotFoundError, ArgumentError) as error:
        raise SandboxStartError(f"no driver for the database {_shown(url)}: {error}") from error


def _timeouts(url: URL) -> dict[str, Any]:
    return {"timeout": 10} if url.drivername == "postgresql+asyncpg" else {}


def _sqlite_engine(url: URL) -> AsyncEngine:
    path = url.database or ":memory:"
    if path == ":memory:" or url.query.get("mode") == "memory":
        raise SandboxStartError(
            "the sandbox needs a database file: one in memory is seen by one connection only"
        )
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxStartError(f"cannot make the folder of the database {path}: {error.strerror}") from error
    _probe(path)
    engine = create_async_engine(url, pool_size=8, max_overflow=0, async_creator=lambda: connect(path))
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _probe(path: str) -> None:
    """
    Open the file once in the plain way, and refuse what must be left alone before anything is set on it.

    The asynchronous driver would leave a dying thread when it cannot open a file.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
            connection.execute("PRAGMA schema_version").fetchall()
            known = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (meta.name,)
            ).fetchone()
            if known:
                told = connection.execute(
                    "SELECT value FROM sandbox_meta WHERE key = 'schema_version'"
                ).fetchone()
                _known_version(told[0] if told else None, path)
    except sqlite3.Error as error:
        raise SandboxStartError(f"cannot open the database {path}: {_cause(error)}") from error


def _set_pragmas(dbapi_connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late and is never IMMEDIATE: it is switched off, `_begin` says it.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer takes the write lock at once: a read that later turns into a write would fail with "locked".
    if statement := connection.get_execution_options().get("sandbox_begin"):
        connection.exec_driver_sql(statement)


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Let programs that begin at once do what comes next one after the other, as SQLite's writers always do."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_OPENING)))


async def _prepare(connection: AsyncConnection, url: URL) -> None:
    """Refuse a newer database untouched, bring an older one up to date, make what is missing."""
    await one_at_a_time(connection)
    if not await connection.run_sync(lambda sync: sync.dialect.has_table(sync, meta.name)):
        await connection.run_sync(metadata.create_all)
        await _record(connection, meta.insert())
        await connection.run_sync(_stamp)
        return
    told = await connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
    found = _known_version(told, _shown(url))
    if found < SCHEMA_VERSION:
        await connection.run_sync(upgrade, found)
        await _record(connection, meta.update().where(meta.c.key == "schema_version"))


async def _record(connection: AsyncConnection, change: Insert | Update) -> None:
    await connection.execute(change.values(key="schema_version", value=str(SCHEMA_VERSION)))


def _stamp(connection: Connection) -> None:
    """Alembic's own record that every step is done, without alembic."""
    record = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
    record.create(connection, checkfirst=True)
    connection.execute(record.insert().values(version_num=revision(SCHEMA_VERSION)))


def _known_version(told: str | None, shown: str) -> int:
    if told is not None and told.isdecimal() and int(told) <= SCHEMA_VERSION:
        return int(told)
    raise SandboxStartError(
        f"the database {shown} is of version {told}, this program knows {SCHEMA_VERSION}: "
        "use a newer program or another --database"
    )


def _shown(url: URL) -> str:
    """The address without its password; a file by its path."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def _cause(error: BaseException) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    if "locked" in str(original):
        return "another program holds its lock"
    return str(original).splitlines()[0] if str(original) else type(original).__name__
