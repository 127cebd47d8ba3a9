"""Whether the service lives, is ready, and what it shows of its schema."""

import asyncio

import pytest

from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.transport import TransportFailed
from ocpplab_graphql.settings import Settings
from tests.conftest import facade

INTROSPECTION = "{ __schema { queryType { name } } }"


async def ready(graphql):
    response = await graphql.http.get("/ready")
    return response.status_code, response.json()["status"]


async def test_readiness_asks_the_gateway_once_however_many_ask(graphql, wire):
    wire.delay_s = 0.02

    answers = await asyncio.gather(*(ready(graphql) for _ in range(50)))

    assert set(answers) == {(200, "ready")}
    assert await ready(graphql) == (200, "ready")
    assert wire.calls == {"GET /health": 1}


async def test_readiness_is_asked_anew_when_it_is_a_second_old(graphql, wire, monkeypatch):
    monkeypatch.setattr("ocpplab_graphql.http.health.FRESH_S", 0.0)
    wire.answer = lambda _method, _target: TransportFailed("no connection", sent=False)
    unreachable = await ready(graphql)
    wire.answer = None

    assert unreachable == (503, "gateway unreachable")
    assert await ready(graphql) == (200, "ready")
    assert wire.calls == {"GET /health": 2}


async def test_who_hangs_up_while_readiness_is_asked_does_not_stop_the_others(graphql, wire):
    wire.delay_s = 0.05
    first = asyncio.ensure_future(ready(graphql))
    await wire.begun.wait()
    second = asyncio.ensure_future(ready(graphql))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == (200, "ready")
    assert wire.calls == {"GET /health": 1}


async def test_a_process_about_to_stop_is_alive_but_not_ready(wire):
    app = create_app(Settings.load({}), transport=wire)
    async with facade(wire, app=app) as graphql:
        app.state.readiness.leave()
        health = await graphql.http.get("/health")

        assert health.status_code == 200
        assert await ready(graphql) == (503, "stopping")
    assert wire.sent == []


async def test_the_schema_is_not_sent_again_to_whoever_has_it(graphql):
    first = await graphql.http.get("/schema.graphql")
    etag = first.headers["etag"]
    again = await graphql.http.get("/schema.graphql", headers={"if-none-match": f'"other", W/{etag}'})
    other = await graphql.http.get("/schema.graphql", headers={"if-none-match": '"other"'})

    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (other.status_code, other.text) == (200, first.text)


@pytest.mark.parametrize(("allowed", "status"), [(True, 200), (False, 404)])
async def test_a_setting_says_whether_clients_may_read_the_schema(wire, allowed, status):
    async with facade(wire, introspection=allowed) as graphql:
        asked = (await graphql.http.post("/graphql", json={"query": INTROSPECTION})).json()
        file = await graphql.http.get("/schema.graphql")
        typename = await graphql.data("{ __typename }")

    assert ("errors" not in asked) is allowed
    assert file.status_code == status
    assert typename == {"__typename": "Query"}
