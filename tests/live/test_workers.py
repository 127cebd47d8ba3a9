"""`serve --workers`: several processes on one port, kept alive and stopped together."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.processes import END_S, Command, front

LOCATION = '{ location(cpoId: 101, locationId: "loc-1") { name } }'
NAMED = {"location": {"name": "Parking Bercy"}}


def serve(database: Path, *arguments: str, **environ: str) -> Command:
    given = ("serve", "--port", "0", "--workers", "2", "--database", str(database), *arguments)
    return Command(*given, folder=database.parent, environ=environ)


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + END_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def serving(running: Command) -> set[int]:
    """Ask on a new connection; the workers that have answered so far."""
    assert running.data(LOCATION) == NAMED
    return {line["pid"] for line in running.access_log()}


def answered_by(running: Command, count: int) -> set[int]:
    until(lambda: len(serving(running)) >= count, f"fewer than {count} workers answer")
    return serving(running)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Processes are found in /proc.")


def test_all_workers_answer_and_share_one_sandbox(database: Path) -> None:
    with serve(database) as running:
        workers = answered_by(running.announced(), 2)
        processes = children(running.pid)
        by_rest = httpx.get(f"{running.url}/sandbox/ocpi/cpos", headers={"Authorization": "Bearer demo"})
        documentation = httpx.get(f"{running.url}/sandbox/docs")
        absent = httpx.get(f"{running.url}/sandbox/nothing")
        ended = running.stop()

    assert len(processes) == 3  # two workers and the sandbox's host
    assert len(workers) == 2
    assert workers < set(processes)
    assert (by_rest.status_code, len(by_rest.json()["data"])) == (200, 3)
    assert documentation.status_code == 200
    assert absent.status_code == 404
    assert (ended.code, ended.stderr) == (0, "")
    assert not any(is_running(pid) for pid in processes)
    assert list(database.parent.glob("sandbox.db-*")) == []


def test_a_killed_worker_is_replaced_and_the_service_answers_all_the_while(database: Path) -> None:
    with serve(database) as running:
        victim = min(answered_by(running.announced(), 2))
        os.kill(victim, signal.SIGKILL)
        workers = answered_by(running, 3)
        processes = children(running.pid)
        ended = running.stop()

    assert len(processes) == 3
    assert len(workers - {victim}) == 2
    assert ended.code == 0
    assert f"worker {victim} ended with code -9 and is replaced" in ended.stderr
    assert not any(is_running(pid) for pid in processes)


def test_a_killed_sandbox_host_is_replaced_with_its_data(database: Path) -> None:
    with serve(database) as running:
        workers = answered_by(running.announced(), 2)
        (host,) = set(children(running.pid)) - workers
        os.kill(host, signal.SIGKILL)
        until(lambda: running.graphql(LOCATION).get("data") == NAMED, "the sandbox does not come back")
        ended = running.stop()

    assert ended.code == 0
    assert f"sandbox {host} ended with code -9 and is replaced" in ended.stderr


def test_workers_do_not_outlive_a_killed_parent(database: Path) -> None:
    with serve(database) as running:
        processes = children(running.announced().pid)
        running.stop(signal.SIGKILL)

        until(lambda: not any(map(is_running, processes)), "workers are left running")
    assert len(processes) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_runs_in_every_worker(
    database: Path, seeded_sandbox: Command, number: signal.Signals
) -> None:
    answers: list[object] = []
    with front(seeded_sandbox.url) as gateway, serve(database, "--gateway-url", gateway.url) as running:
        processes = children(running.announced().pid)
        gateway.open.clear()
        asking = [threading.Thread(target=lambda: answers.append(running.data(LOCATION))) for _ in range(8)]
        for thread in asking:
            thread.start()
        until(lambda: len(gateway.seen) == 8, "the operations do not arrive at the gateway")
        running.send(number)
        gateway.open.set()
        ended = running.wait()
        for thread in asking:
            thread.join(END_S)

    assert len(processes) == 2  # nobody hosts a sandbox
    assert answers == [NAMED] * 8
    assert (ended.code, ended.stderr) == (0, "")
    assert not any(is_running(pid) for pid in processes)


@pytest.fixture
def seeded_sandbox(database: Path) -> Iterator[Command]:
    with Command("sandbox", "--port", "0", "--database", str(database), folder=database.parent) as running:
        yield running.announced()


def test_a_start_that_fails_is_one_line_and_leaves_nothing_running(database: Path) -> None:
    database.write_bytes(b"\x17 no database" * 1000)
    with serve(database) as running:
        ended = running.wait()

    assert ended.code == 2
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "file is not a database" in ended.stderr


def test_a_setting_of_the_access_log_chooses_text_or_none(database: Path) -> None:
    lines = {}
    for form in ("text", "off"):
        with serve(database, OCPPLAB_ACCESS_LOG=form) as running:
            assert running.announced().data(LOCATION) == NAMED
            running.stop()
            lines[form] = [line for line in running.said() if "request_id" in line]

    assert len(lines["text"]) == 1
    assert " type=query " in lines["text"][0]
    assert " status=200 " in lines["text"][0]
    assert lines["off"] == []
