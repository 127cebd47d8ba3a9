"""Failure on demand: set by an admin or by the command line, off by default."""

import time

import httpx
import pytest

from ocpplab_graphql.sandbox import SandboxConfig, SandboxStartError, create_sandbox
from ocpplab_graphql.sandbox.faults import fault_of

ADMIN = {"Authorization": "Bearer admin"}
LIST = "/ocpi/cpos/101/locations"
ROUTE = "GET /ocpi/cpos/{cpo_id}/locations"


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


async def set_faults(gateway, *faults):
    answer = await gateway.put("/faults", json={"faults": list(faults)}, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json()["faults"]


async def test_nothing_fails_on_demand_by_default(gateway):
    assert (await gateway.get("/faults", headers=ADMIN)).json() == {"faults": []}


async def test_an_error_status_comes_with_retry_after_on_its_route_only(gateway):
    await set_faults(gateway, {"route": ROUTE, "status": 503, "retry_after_s": 7})
    failed = await gateway.get(LIST)

    assert (failed.status_code, failed.headers["retry-after"]) == (503, "7")
    assert isinstance(failed.json()["detail"], str)
    assert (await gateway.get("/ocpi/cpos/101")).status_code == 200
    assert (await gateway.get(f"{LIST}/loc-1")).status_code == 200
    assert (await gateway.delete("/faults", headers=ADMIN)).status_code == 204
    assert (await gateway.get(LIST)).status_code == 200


async def test_a_fault_without_a_method_meets_all_of_a_path_and_a_star_meets_all(gateway, item):
    await set_faults(gateway, {"route": "/ocpi/cpos/{cpo_id}/locations", "status": 429})
    assert (await gateway.get(LIST)).status_code == 429
    assert (await gateway.post(LIST, json={"locations": [item()]})).status_code == 429

    await set_faults(gateway, {"status": 500})
    assert {(await gateway.get(path)).status_code for path in ("/ocpi/cpos", "/ocpp/chargers")} == {500}
    assert (await gateway.get("/health")).status_code == 200


async def test_latency_delays(gateway):
    await set_faults(gateway, {"route": "GET /ocpi/cpos", "latency_ms": 150})
    begun = time.monotonic()

    assert (await gateway.get("/ocpi/cpos")).status_code == 200
    assert time.monotonic() - begun >= 0.15


async def test_a_probability_is_about_kept(gateway):
    await set_faults(gateway, {"status": 500, "probability": 0.5})
    failed = [(await gateway.get("/ocpi/cpos/101")).status_code for _ in range(100)].count(500)

    assert 20 < failed < 80


async def test_a_fault_that_has_come_its_times_comes_no_more(gateway):
    await set_faults(gateway, {"status": 502, "times": 2})

    assert [(await gateway.get("/ocpi/cpos")).status_code for _ in range(4)] == [502, 502, 200, 200]


async def test_a_malformed_body_is_no_json_under_its_usual_status(gateway):
    await set_faults(gateway, {"route": "GET /ocpi/cpos", "body": "malformed"})
    answer = await gateway.get("/ocpi/cpos")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r".*"):
        answer.json()


async def test_an_answer_that_is_lost_after_the_work_leaves_the_work_done(gateway, item):
    await set_faults(
        gateway, {"route": "POST /ocpi/cpos/{cpo_id}/locations", "status": 504, "carried_out": True}
    )
    keyed = {"Idempotency-Key": "lost"}
    lost = await gateway.post(LIST, json={"locations": [item()]}, headers=keyed)
    await set_faults(gateway)
    again = await gateway.post(LIST, json={"locations": [item()]}, headers=keyed)

    assert lost.status_code == 504
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")


def test_a_cut_body_ends_in_the_middle_and_the_process_lives(sqlite_database):
    from bench.sandbox.chaos import HEADERS, Process

    process = Process(sqlite_database, 0)
    try:
        faults = {"faults": [{"route": ROUTE, "body": "cut"}]}
        httpx.put(f"{process.base}/faults", json=faults, headers=ADMIN).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(process.base + LIST, headers=HEADERS)
        assert httpx.get(f"{process.base}/ocpi/cpos", headers=HEADERS).status_code == 200
    finally:
        code = process.stop(15)

    assert code == 0


@pytest.mark.parametrize("token", ["demo", "org-x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_user_tokens_may_not_see_or_set_faults(gateway, token, method):
    headers = {"Authorization": f"Bearer {token}"}
    answer = await gateway.request(method, "/faults", json={"faults": []}, headers=headers)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("fault", "loc"),
    [
        ({"route": "GET /nowhere"}, ["route"]),
        ({"route": "nonsense"}, ["route"]),
        ({"status": 200}, ["status"]),
        ({"probability": 2}, ["probability"]),
        ({"latency_ms": -1}, ["latency_ms"]),
        ({"body": "eaten"}, ["body"]),
        ({"colour": 1}, ["colour"]),
    ],
)
async def test_a_fault_that_is_none_is_422_at_its_place(gateway, fault, loc):
    answer = await gateway.put("/faults", json={"faults": [{}, fault]}, headers=ADMIN)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "faults", 1, *loc]


async def test_the_command_line_sets_faults_too(running, sqlite_database):
    faults = ("GET /ocpi/cpos status=503 retry_after_s=2", "latency_ms=1 body=malformed probability=0")
    async with running(SandboxConfig(sqlite_database, faults=faults)) as gateway:
        assert (await gateway.get("/ocpi/cpos")).headers["retry-after"] == "2"
        assert len((await gateway.get("/faults", headers=ADMIN)).json()["faults"]) == 2


@pytest.mark.parametrize("text", ["GET /nowhere status=500", "status=abc", "colour=1", "status=99"])
def test_a_fault_on_the_command_line_that_is_none_is_one_line(tmp_path, text):
    with pytest.raises(SandboxStartError) as caught:
        create_sandbox(SandboxConfig(str(tmp_path / "s.db"), faults=(text,)))

    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fault_is_read_from_words():
    fault = fault_of("GET /ocpi/cpos/{cpo_id} status=503 probability=0.25 carried_out=true body=cut")

    assert fault.route == "GET /ocpi/cpos/{cpo_id}"
    assert (fault.status, fault.probability, fault.carried_out, fault.body) == (503, 0.25, True, "cut")
