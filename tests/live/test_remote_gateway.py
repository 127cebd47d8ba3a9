"""`serve --gateway-url` before a gateway in another process: what goes over the wire between them."""

import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.live.processes import END_S, Command, Ended, Front, front

NESTED = """{
  cpos(first: 3) {
    nodes { cpoId locations(first: 50) { nodes { name chargers(first: 50) { nodes { identity } } } } }
  }
}"""


PREFIX = "/gateway/v2"


@pytest.fixture(scope="module")
def gateway(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The sandbox as a gateway in another process. Nobody writes."""
    folder = tmp_path_factory.mktemp("gateway")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    with Command("sandbox", "--port", "0", "--database", str(database), folder=folder) as command:
        yield command.announced()


@pytest.fixture(scope="module")
def front_door(gateway: Command) -> Iterator[Front]:
    with front(gateway.url, PREFIX) as door:
        yield door


@pytest.fixture
def door(front_door: Front) -> Front:
    """Where the gateway is reached, below a path prefix, and each request is seen."""
    front_door.seen.clear()
    front_door.arrived.clear()
    front_door.open.set()
    return front_door


@contextmanager
def facade(url: str, folder: Path, **settings: str) -> Iterator[Command]:
    environ = {f"OCPPLAB_{name.upper()}": value for name, value in settings.items()}
    arguments = ("serve", "--port", "0", "--gateway-url", url)
    with Command(*arguments, folder=folder, environ=environ) as command:
        yield command.announced()


@pytest.fixture(scope="module", params=["http1", "aiohttp", "httpx"])
def service(
    request: pytest.FixtureRequest, front_door: Front, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Command]:
    """A facade before the door, by each of the HTTP clients."""
    folder = tmp_path_factory.mktemp("facade")
    with facade(front_door.url, folder, gateway_transport=request.param) as command:
        yield command


def test_three_cpos_with_fifty_locations_each_cost_one_call_and_three(service: Command, door: Front) -> None:
    cpos = service.data(NESTED)["cpos"]["nodes"]

    assert [(cpo["cpoId"], len(cpo["locations"]["nodes"])) for cpo in cpos] == [
        ("101", 50),
        ("102", 50),
        ("103", 50),
    ]
    assert door.calls == {"GET /ocpi/cpos": 1, "GET /ocpi/cpos/{cpo_id}/locations": 3}


def test_the_callers_credentials_arrive_exactly_as_they_were_sent(service: Command, door: Front) -> None:
    organization = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    sent = {"Authorization": "bearer  demo", "X-Organization-Id": organization, "Cookie": "session=1"}
    httpx.post(f"{service.url}/graphql", json={"query": "{ cpos { totalCount } }"}, headers=sent)
    httpx.post(
        f"{service.url}/graphql",
        json={"query": "{ cpos { totalCount } }"},
        headers={"Authorization": "Bearer org-two"},
    )

    first, second = door.seen
    assert first.header("authorization") == ["bearer  demo"]
    assert first.header("x-organization-id") == [organization]
    assert first.header("cookie") == []
    assert second.header("authorization") == ["Bearer org-two"]
    assert second.header("x-organization-id") == []


def test_without_a_token_nothing_is_asked_of_the_gateway(service: Command, door: Front) -> None:
    answer = httpx.post(f"{service.url}/graphql", json={"query": "{ __typename cpos { totalCount } }"}).json()

    assert answer["data"] == {"__typename": "Query", "cpos": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert door.seen == []


def test_a_token_that_the_gateway_refuses_is_unauthenticated(service: Command, door: Front) -> None:
    answer = service.graphql("{ cpos { totalCount } }", Authorization="Bearer unknown")

    assert answer["data"] == {"cpos": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert door.calls == {"GET /ocpi/cpos": 1}


def test_a_gateway_that_is_there_makes_the_facade_ready_and_shows_no_sandbox(
    service: Command, door: Front
) -> None:
    ready = httpx.get(f"{service.url}/ready")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert door.calls == {"GET /health": 1}
    assert httpx.get(f"{service.url}/sandbox/health").status_code == 404


def test_a_path_prefix_of_the_gateway_stands_before_each_call(service: Command, door: Front) -> None:
    service.data("{ cpos(first: 1) { nodes { locations(first: 1) { totalCount } } } }")

    assert [urlsplit(seen.target).path for seen in door.seen] == [
        "/gateway/v2/ocpi/cpos",
        "/gateway/v2/ocpi/cpos/101/locations",
    ]


def test_a_slash_at_the_end_of_the_gateways_address_changes_nothing(door: Front, tmp_path: Path) -> None:
    with facade(f"{door.url}/", tmp_path) as service:
        service.data("{ cpos { totalCount } }")

    assert door.calls == {"GET /ocpi/cpos": 1}


@pytest.mark.parametrize("transport", ["http1", "aiohttp", "httpx"])
def test_a_gateway_that_is_down_is_told_and_one_that_comes_back_is_used(
    database: Path, tmp_path: Path, transport: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with facade(f"http://127.0.0.1:{port}", tmp_path, gateway_transport=transport) as service:
        answer = service.graphql("{ __typename cpos { totalCount } }")
        ready, health = httpx.get(f"{service.url}/ready"), httpx.get(f"{service.url}/health")
        with Command("sandbox", "--port", port, "--database", str(database), folder=tmp_path) as gateway:
            gateway.announced()
            back = service.data("{ cpos { totalCount } }")

    assert answer["data"] == {"__typename": "Query", "cpos": None}
    assert [(e["extensions"]["code"], e["path"]) for e in answer["errors"]] == [
        ("GATEWAY_UNAVAILABLE", ["cpos"])
    ]
    assert answer["errors"][0]["extensions"]["retryable"] is True
    assert (ready.status_code, ready.json()) == (503, {"status": "gateway unreachable"})
    assert health.status_code == 200
    assert back == {"cpos": {"totalCount": 3}}


def test_a_gateway_that_never_answers_is_given_up_at_the_deadline(door: Front, tmp_path: Path) -> None:
    door.open.clear()
    with facade(door.url, tmp_path, operation_timeout_s="0.3") as service:
        started = time.monotonic()
        answer = service.graphql("{ cpos { totalCount } }")
        took = time.monotonic() - started

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["GATEWAY_TIMEOUT"]
    assert 0.3 <= took < 2


class Asked(threading.Thread):
    """A client that waits for its answer."""

    def __init__(self, service: Command) -> None:
        super().__init__()
        self._url = f"{service.url}/graphql"
        self.status: int | None = None
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        body, headers = {"query": "{ cpos { totalCount } }"}, {"Authorization": "Bearer demo"}
        response = httpx.post(self._url, json=body, headers=headers, timeout=END_S)
        self.status, self.answer = response.status_code, response.json()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_runs_at_the_signal_is_answered_before_the_end(
    door: Front, tmp_path: Path, number: signal.Signals
) -> None:
    door.open.clear()
    with facade(door.url, tmp_path) as service:
        asked = Asked(service)
        assert door.arrived.wait(END_S)
        service.send(number)
        until_refused(service.url)
        door.open.set()
        asked.join(END_S)
        ended = service.wait()

    assert (asked.status, asked.answer) == (200, {"data": {"cpos": {"totalCount": 3}}})
    assert ended == Ended(0, "")


def until_refused(url: str) -> None:
    """Wait until nobody listens there any more."""
    end = time.monotonic() + END_S
    while time.monotonic() < end:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError:
            return
    raise AssertionError("it still listens")


def test_a_request_that_does_not_end_is_cut_off_when_the_drain_is_over(door: Front, tmp_path: Path) -> None:
    door.open.clear()
    with facade(door.url, tmp_path, shutdown_timeout_s="1") as service:
        asked = Asked(service)
        assert door.arrived.wait(END_S)
        started = time.monotonic()
        ended = service.stop()
        took = time.monotonic() - started
        asked.join(END_S)

    assert asked.status == 503
    assert [error["extensions"]["code"] for error in asked.answer["errors"]] == ["REQUEST_CANCELLED"]
    assert ended.code == 0
    assert took < 3
    assert "Traceback" not in ended.stderr


def test_a_second_sigint_cuts_off_what_runs_and_a_second_sigterm_does_not(
    door: Front, tmp_path: Path
) -> None:
    door.open.clear()
    with facade(door.url, tmp_path) as service:
        asked = Asked(service)
        assert door.arrived.wait(END_S)
        service.send(signal.SIGTERM)
        service.send(signal.SIGTERM)
        until_refused(service.url)
        asked.join(0.3)
        assert asked.is_alive()
        ended = service.stop(signal.SIGINT)
        asked.join(END_S)

    assert asked.status == 503
    assert [error["extensions"]["code"] for error in asked.answer["errors"]] == ["REQUEST_CANCELLED"]
    assert ended.code == 0
    assert "Traceback" not in ended.stderr
