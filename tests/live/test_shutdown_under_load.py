"""SIGTERM in the middle of a steady load: whatever was accepted is answered, and nothing else happens."""

import asyncio
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.facade.load import ANSWERED, REFUSED, Load
from tests.live.processes import Command
from tests.live.test_bulk_survives_kill import CREATE, item

CLIENTS = {"readers": 6, "newcomers": 6, "writers": 4, "stream_writers": 2, "streams": 3, "sockets": 3}
LASTING = {"cpoId": "101", "locations": [item(f"Lasting {n}") for n in range(400)]}


@pytest.fixture
def gateway(database: Path) -> Iterator[Command]:
    """A sandbox of its own, which goes on when the service has ended."""
    arguments = ("sandbox", "--port", "0", "--database", str(database), "--step-delay-ms", "50")
    with Command(*arguments, folder=database.parent) as running:
        yield running.announced()


def jobs(database: Path) -> set[str]:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return {job for (job,) in connection.execute("select id from jobs")}


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  # the samples are a list
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("workers", [1, 3])
async def test_sigterm_under_load_loses_no_accepted_operation(
    gateway: Command, database: Path, tmp_path: Path, workers: int
) -> None:
    before = jobs(database)
    given = ("serve", "--port", "0", "--gateway-url", gateway.url, "--workers", str(workers))
    with Command(*given, folder=tmp_path) as running:
        running.announced()
        lasting = running.data(CREATE, {"input": LASTING})["bulkCreateLocations"]["job"]["jobId"]
        load = Load(running.url, lasting)
        async with load.running(**CLIENTS):
            await until(lambda: sum(sample.made is not None for sample in load.samples) >= 20)
            running.send(signal.SIGTERM)
            ended = await asyncio.to_thread(running.wait)
            # Who asked while the port closed is told a second later.
            await until(lambda: load.outcomes()[REFUSED] == sum(CLIENTS.values()))

    told = {sample.made for sample in load.samples if sample.made}
    assert load.lost() == []
    assert {load.outcomes(kind)[REFUSED] for kind in ("query", "mutation", "event stream", "WebSocket")} == {
        6,
        4,
        3,
    }
    assert set(load.outcomes()) <= {ANSWERED, REFUSED, "not taken"}
    assert jobs(database) - before - {lasting} == told
    assert len(told) >= 20
    assert (ended.code, ended.stderr) == (0, "")
