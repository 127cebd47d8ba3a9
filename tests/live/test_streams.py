"""Following over real connections: WebSocket, server-sent events, multipart, and a service that stops."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.live.processes import END_S, Command, front

CREATE = """mutation($items: [BulkLocationInput!]!) {
  bulkCreateLocations(input: { cpoId: "101", locations: $items }) { job { id } userErrors { message } }
}"""
JOB = "subscription($id: ID!) { bulkLocationJob(jobId: $id) { status isFinished locationIds failures { name } } }"
ITEMS = [
    {
        "location": {
            "name": name,
            "address": "1 Rue de Bercy",
            "city": "Paris",
            "country": "FR",
            "coordinates": {"latitude": 48.84, "longitude": 2.38},
        }
    }
    for name in ("Hub A", "Hub [fail] B", "Hub C")
]


def serve(
    seeded: Path, folder: Path, *arguments: str, step_delay_ms: int = 20, interval_s: float = 0.01
) -> Command:
    database = shutil.copy(seeded, folder / "sandbox.db")
    environ = {
        "OCPPLAB_SANDBOX_STEP_DELAY_MS": str(step_delay_ms),
        "OCPPLAB_FOLLOW_INTERVAL_S": str(interval_s),
        "OCPPLAB_FOLLOW_INTERVAL_MAX_S": str(interval_s),
    }
    return Command(
        "serve", "--port", "0", "--database", str(database), *arguments, folder=folder, environ=environ
    )


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A service with the sandbox inside, whose jobs take a while."""
    with serve(seeded_database, tmp_path_factory.mktemp("service")) as command:
        yield command.announced()


@pytest.fixture
def slow(seeded_database: Path, tmp_path: Path) -> Iterator[Command]:
    """A service of this test's own, whose jobs last longer than the test."""
    with serve(seeded_database, tmp_path, step_delay_ms=60_000) as command:
        yield command.announced()


def created(service: Command) -> str:
    payload = service.data(CREATE, {"items": ITEMS})["bulkCreateLocations"]
    assert payload["userErrors"] == []
    return str(payload["job"]["id"])


@contextmanager
def socket(service: Command) -> Iterator[ClientConnection]:
    address = service.url.replace("http", "ws") + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as opened:
        send(opened, {"type": "connection_init", "payload": {"Authorization": "Bearer demo"}})
        assert receive(opened) == {"type": "connection_ack"}
        yield opened


def send(opened: ClientConnection, message: dict[str, Any]) -> None:
    opened.send(json.dumps(message))


def receive(opened: ClientConnection) -> Any:
    return json.loads(opened.recv(END_S))


def subscribe(opened: ClientConnection, job: str) -> None:
    send(opened, {"type": "subscribe", "id": "1", "payload": {"query": JOB, "variables": {"id": job}}})


def is_whole(events: list[Any]) -> None:
    """A job from where it stood to its end, no state twice."""
    states = [event["data"]["bulkLocationJob"] for event in events]
    seen = [state["status"] for state in states]
    assert seen == [status for status in ("PENDING", "PROVISIONING", "READY") if status in seen]
    assert len(states[-1]["locationIds"]) == 2
    assert states[-1]["failures"] == [{"name": "Hub [fail] B"}]


def test_a_job_is_followed_to_its_end_over_a_websocket(service: Command) -> None:
    with socket(service) as opened:
        subscribe(opened, created(service))
        events = []
        while (message := receive(opened))["type"] == "next":
            events.append(message["payload"])

    assert message == {"type": "complete", "id": "1"}
    is_whole(events)


def streamed(service: Command, job: str, accept: str) -> Any:
    return httpx.stream(
        "POST",
        f"{service.url}/graphql",
        json={"query": JOB, "variables": {"id": job}},
        headers={"Authorization": "Bearer demo", "Accept": accept, "Accept-Encoding": "gzip, br"},
        timeout=END_S,
    )


def test_a_job_is_followed_to_its_end_by_server_sent_events(service: Command) -> None:
    with streamed(service, created(service), "text/event-stream") as response:
        lines = [line for line in response.iter_lines() if line and line != ":"]

    assert "content-encoding" not in response.headers
    assert lines[-2:] == ["event: complete", "data:"]
    is_whole([json.loads(line.removeprefix("data: ")) for line in lines[:-2] if line.startswith("data: ")])


def test_a_job_is_followed_to_its_end_by_multipart(service: Command) -> None:
    accept = "multipart/mixed;subscriptionSpec=1.0, application/json"
    with streamed(service, created(service), accept) as response:
        body = "".join(response.iter_text())

    nothing, *parts, end = body.split("\r\n--graphql")
    assert (nothing, end) == ("", "--\r\n")
    is_whole([json.loads(part.split("\r\n\r\n", 1)[1])["payload"] for part in parts])


def test_a_gateway_that_is_killed_is_an_event_and_the_stream_goes_on_when_it_is_back(
    seeded_database: Path, tmp_path: Path
) -> None:
    database = shutil.copy(seeded_database, tmp_path / "gateway.db")
    gateway = ("sandbox", "--database", str(database), "--step-delay-ms", "150")
    with Command(*gateway, "--port", "0", folder=tmp_path) as first:
        port = first.announced().url.rpartition(":")[2]
        with (
            serve(seeded_database, tmp_path, "--gateway-url", first.url).announced() as service,
            socket(service) as opened,
        ):
            subscribe(opened, created(service))
            assert receive(opened)["payload"]["data"]["bulkLocationJob"]["isFinished"] is False
            first.stop(signal.SIGKILL)
            while "errors" not in (event := receive(opened)["payload"]):
                pass
            assert event["errors"][0]["extensions"]["code"] == "GATEWAY_UNAVAILABLE"
            with Command(*gateway, "--port", port, folder=tmp_path) as second:
                second.announced()
                events = []
                while (message := receive(opened))["type"] == "next":
                    events.append(message["payload"])
            assert message["type"] == "complete"
            is_whole(events)


def test_who_hangs_up_stops_the_poll(seeded_database: Path, tmp_path: Path) -> None:
    database = shutil.copy(seeded_database, tmp_path / "gateway.db")
    gateway = ("sandbox", "--database", str(database), "--step-delay-ms", "60000", "--port", "0")
    with (
        Command(*gateway, folder=tmp_path).announced() as sandbox,
        front(sandbox.url) as seen,
        serve(seeded_database, tmp_path, "--gateway-url", seen.url).announced() as service,
    ):
        job = created(service)
        with streamed(service, job, "text/event-stream") as response:
            next(response.iter_lines())
        with socket(service) as opened:
            subscribe(opened, job)
            receive(opened)
        # A round through the service after both have gone: then a poll would show.
        service.data("{ cpos { totalCount } }")
        before = seen.calls
        assert not seen.arrived.clear()
        assert not seen.arrived.wait(0.3), seen.calls - before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_stops_closes_its_streams_at_once(slow: Command, number: signal.Signals) -> None:
    job = created(slow)
    with socket(slow) as opened, streamed(slow, job, "text/event-stream") as response:
        subscribe(opened, job)
        receive(opened)
        lines = (line for line in response.iter_lines() if line and line != ":")
        assert next(lines) == "event: next"
        slow.send(number)
        told = list(lines)
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(END_S)

    assert (
        json.loads(told[-3].removeprefix("data: "))["errors"][0]["extensions"]["code"] == "REQUEST_CANCELLED"
    )
    assert told[-2:] == ["event: complete", "data:"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    ended = slow.wait()
    assert (ended.code, ended.stderr) == (0, "")
