"""A bulk job, asked for through GraphQL, of a service that is killed again and again while it runs."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.live.processes import END_S, Command

CREATE = """mutation Create($input: BulkCreateLocationsInput!) {
  bulkCreateLocations(input: $input) { job { jobId status } userErrors { code message path } }
}"""
JOB = """query Job($id: ID!) {
  bulkLocationJob(cpoId: "101", jobId: $id) { status isFinished locationIds failures { index } }
}"""
COUNT = '{ cpo(cpoId: "101") { locations(first: 1) { totalCount } } }'
WALK = """query Walk($after: String) {
  cpo(cpoId: "101") {
    locations(first: 37, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } nodes { locationId name chargers { totalCount } }
    }
  }
}"""
SEEDED = 120
NAMES = [f"Depot {number:03}" for number in range(200)]
# The service dies as soon as it has accepted the job, then when so many locations are there.
KILLED_AT = (SEEDED, SEEDED + 50, SEEDED + 130)


def item(name: str) -> dict[str, Any]:
    group = {
        "brandSlug": "alfen",
        "modelSlug": "eve",
        "connectorType": "Type2",
        "ocppVersion": "OCPP1.6",
        "wsUrl": "wss://csms.example/ocpp",
        "identityPrefix": name.upper().replace(" ", "_") + "_",
        "chargerIds": ["1"],
    }
    place = {
        "name": name,
        "address": "1 Rue de Bercy",
        "city": "Paris",
        "country": "FR",
        "coordinates": {"latitude": 48.84, "longitude": 2.38},
        "chargerGroups": [group],
    }
    return {"location": place}


INPUT = {"cpoId": "101", "locations": [item(name) for name in NAMES], "idempotencyKey": "depots of 2026"}


@contextmanager
def service(database: Path) -> Iterator[Command]:
    environ = {"OCPPLAB_SANDBOX_STEP_DELAY_MS": "5", "OCPPLAB_DATABASE": str(database)}
    with Command("serve", "--port", "0", folder=database.parent, environ=environ) as command:
        yield command.announced()


def created(service: Command) -> str:
    """Send the mutation; the job's id."""
    payload = service.data(CREATE, {"input": INPUT})["bulkCreateLocations"]
    assert payload["userErrors"] == []
    return str(payload["job"]["jobId"])


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + END_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def locations(service: Command) -> int:
    return int(service.data(COUNT)["cpo"]["locations"]["totalCount"])


def walked(service: Command) -> list[dict[str, Any]]:
    """All locations, page after page, each page saying the same total."""
    rows: list[dict[str, Any]] = []
    after, totals = None, set()
    while True:
        page = service.data(WALK, {"after": after})["cpo"]["locations"]
        rows += page["nodes"]
        totals.add(page["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            assert totals == {len(rows)}
            return rows
        after = page["pageInfo"]["endCursor"]


def test_two_hundred_locations_are_created_once_each_by_a_service_killed_three_times(database: Path) -> None:
    jobs = []
    for killed_at in KILLED_AT:
        with service(database) as running:
            jobs.append(created(running))  # the same key and input: the first time a job, then that job
            until(lambda: locations(running) >= killed_at, "the job does not go on")  # noqa: B023
            assert not running.data(JOB, {"id": jobs[0]})["bulkLocationJob"]["isFinished"]
            assert running.stop(signal.SIGKILL).code == -signal.SIGKILL

    with service(database) as running:
        until(
            lambda: running.data(JOB, {"id": jobs[0]})["bulkLocationJob"]["isFinished"],
            "the job does not finish",
        )
        jobs.append(created(running))
        job = running.data(JOB, {"id": jobs[0]})["bulkLocationJob"]
        rows = walked(running)
        ended = running.stop()

    new = [row for row in rows if row["name"] in set(NAMES)]
    assert len(set(jobs)) == 1
    assert (job["status"], job["failures"]) == ("READY", [])
    assert sorted(row["name"] for row in new) == NAMES
    assert sorted(row["locationId"] for row in new) == sorted(job["locationIds"])
    assert {row["chargers"]["totalCount"] for row in new} == {1}
    assert len({row["locationId"] for row in rows}) == len(rows) == SEEDED + 200
    assert (ended.code, ended.stderr) == (0, "")
