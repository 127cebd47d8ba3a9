"""
Sandboxes in processes of their own, killed with SIGKILL in the middle of jobs.

The long form, with the figures: `make chaos-sandbox`.
"""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bench.sandbox.chaos import HEADERS, PATH, Chaos, Process


@pytest.mark.parametrize("processes", [1, 2])
def test_jobs_killed_at_random_moments_make_every_item_once(database, sql, processes):
    chaos = Chaos(database, lambda text: sql(database, text), processes=processes, pause_ms=4, seed=None)
    figures = chaos.run(kills=3, jobs=2, items=100, kills_a_round=3)

    assert figures.problems == []
    assert (figures.kills, figures.items) == (3, 200)


def items_of(item, count):
    return {"locations": [item(f"k-{n}") for n in range(count)]}


def settled(database, sql):
    [[count]] = sql(database, "select count(*) from job_items where state <> 'PENDING'")
    return int(count)


def owners(database, sql):
    [[count]] = sql(
        database, "select count(distinct lease_owner) from job_items where lease_owner is not null"
    )
    return int(count)


def wait_until(condition, why, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why
        time.sleep(0.02)


def test_two_processes_share_one_job_and_the_other_takes_over_from_a_killed_one(database, sql, item):
    first, second = (Process(database, step_delay_ms=10) for _ in range(2))
    try:
        accepted = httpx.post(first.base + PATH, json=items_of(item, 120), headers=HEADERS).json()
        wait_until(lambda: owners(database, sql) == 2, "the second process does not join in")
        first.stop(signal.SIGKILL)
        assert settled(database, sql) < 120, "the job was over before the kill"
        url = second.base + accepted["status_url"]
        wait_until(
            lambda: httpx.get(url, headers=HEADERS).json()["status"] == "READY",
            "the other did not take over",
        )
        results = httpx.get(url, headers=HEADERS).json()["results"]
        names = [
            row["name"]
            for page in (2, 3)
            for row in httpx.get(f"{second.base}{PATH}?limit=100&page={page}", headers=HEADERS).json()["data"]
            if row["name"].startswith("k-")
        ]
    finally:
        code = second.stop(signal.SIGTERM)

    assert len(set(results["location_ids"])) == 120
    assert sorted(names) == sorted(f"k-{n}" for n in range(120))
    assert code == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_open_an_empty_database_at_once_make_one_world(kind, tmp_path, postgres, sql):
    address = str(tmp_path / "new.db") if kind == "sqlite" else postgres.url("at_once")
    if kind == "postgresql":
        postgres.sql("CREATE DATABASE at_once")
    with ThreadPoolExecutor() as pool:
        started = list(pool.map(lambda _: Process(address, 0), range(3)))
    codes = [process.stop(signal.SIGTERM) for process in started]

    assert codes == [0, 0, 0]
    assert sql(address, "select count(*) from cpos") == [["3"]]
    assert sql(address, "select count(*) from locations") == [["250"]]
