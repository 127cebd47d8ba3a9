"""The end of a process: announced, then waited for, then bounded."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.processes import END_S, Command, Front, front

QUERY = '{ location(cpoId: 101, locationId: "loc-1") { name } }'
ANSWER = {"location": {"name": "Parking Bercy"}}


@pytest.fixture
def gateway(database: Path) -> Iterator[Front]:
    arguments = ("sandbox", "--port", "0", "--database", str(database))
    with Command(*arguments, folder=database.parent) as sandbox, front(sandbox.announced().url) as gateway:
        yield gateway


def test_while_its_end_is_announced_it_is_not_ready_and_still_answers(gateway: Front, tmp_path: Path) -> None:
    environ = {"OCPPLAB_GATEWAY_URL": gateway.url, "OCPPLAB_SHUTDOWN_NOTICE_S": "60"}
    with Command("serve", "--port", "0", folder=tmp_path, environ=environ) as running:
        url = running.announced().url
        before = httpx.get(f"{url}/ready").status_code
        running.send(signal.SIGTERM)
        until_status(f"{url}/ready", 503)
        answered = running.data(QUERY)
        alive = httpx.get(f"{url}/health").status_code
        ended = running.stop(signal.SIGINT)  # does not wait for the rest of the notice

    assert (before, alive, answered) == (200, 200, ANSWER)
    assert (ended.code, ended.stderr) == (0, "")


def test_the_notice_ends_by_itself(gateway: Front, tmp_path: Path) -> None:
    environ = {"OCPPLAB_GATEWAY_URL": gateway.url, "OCPPLAB_SHUTDOWN_NOTICE_S": "0.3"}
    with Command("serve", "--port", "0", folder=tmp_path, environ=environ) as running:
        running.announced()
        started = time.monotonic()
        ended = running.stop()
        took = time.monotonic() - started

    assert (ended.code, ended.stderr) == (0, "")
    assert 0.3 <= took < 5


def until_status(url: str, status: int) -> None:
    end = time.monotonic() + END_S
    while httpx.get(url).status_code != status:
        assert time.monotonic() < end
        time.sleep(0.01)
