"""A gateway that is slow, wrong or gone: read again, wait a little, stop asking, come back; and never do twice."""

import asyncio
import gc
import json
import logging
import time

import pytest

from ocpplab_graphql.app import create_app
from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from ocpplab_graphql.settings import Settings
from tests.conftest import Wire, facade

READ = "{ cpos { totalCount } }"
WHOLE = {"data": {"cpos": {"totalCount": 3}}}
REFUSED = TransportFailed("no connection", sent=False)
LOST = TransportFailed("connection lost", sent=True)
CREATE = """mutation ($key: String) { bulkCreateLocations(input: {cpoId: "101", idempotencyKey: $key, locations:
  [{location: {name: "A", address: "b", city: "c", country: "FR", coordinates: {latitude: 1, longitude: 2}}}]})
  { job { status } userErrors { code } } }"""
POST = "POST /ocpi/cpos/{cpo_id}/locations"
GET = "GET /ocpi/cpos"


def status(number, retry_after=None):
    return Reply(number, {} if retry_after is None else {"retry-after": retry_after}, b"")


def first(*lies):
    """The wire lies so often, and then passes everything on."""
    left = list(lies)
    return lambda _method, _target: left.pop(0) if left else None


def always(lie):
    return lambda _method, _target: lie


def problem(body):
    """Code, and whether and when to try again, of the one error."""
    [error] = body["errors"]
    told = error["extensions"]
    return told["code"], told["retryable"], told.get("retryAfterMs")


@pytest.mark.parametrize("lie", [REFUSED, LOST, *map(status, (408, 429, 502, 503, 504))], ids=str)
async def test_a_read_that_fails_in_passing_is_read_again_and_nobody_notices(graphql, wire, lie):
    wire.answer = first(lie, lie)

    assert await graphql(READ) == WHOLE
    assert wire.calls == {GET: 3}


@pytest.mark.parametrize("number", [400, 401, 403, 404, 409, 422, 500, 501, 505, 302])
async def test_what_will_not_be_otherwise_is_not_asked_again(graphql, wire, number):
    wire.answer = always(status(number))

    assert await graphql.errors(READ)
    assert wire.calls == {GET: 1}


async def test_after_so_many_attempts_the_failure_is_told(wire):
    wire.answer = always(status(503))
    async with facade(wire, gateway_retries=4, gateway_retry_base_s=0) as graphql:
        assert problem(await graphql(READ)) == ("GATEWAY_UNAVAILABLE", True, None)

    assert wire.calls == {GET: 5}


async def test_the_gateway_is_given_the_time_it_asks_for(graphql, wire):
    wire.answer = first(status(429, "1"))
    started = time.monotonic()

    assert await graphql(READ) == WHOLE
    assert time.monotonic() - started >= 1
    assert wire.calls == {GET: 2}


async def test_who_asks_for_more_time_than_there_is_fails_at_once(graphql, wire):
    wire.answer = always(status(503, "60"))
    started = time.monotonic()

    assert problem(await graphql(READ)) == ("GATEWAY_UNAVAILABLE", True, 60_000)
    assert time.monotonic() - started < 5
    assert wire.calls == {GET: 1}


async def test_attempts_are_counted_in_the_access_log(graphql, wire, caplog):
    caplog.set_level(logging.DEBUG)
    wire.answer = first(LOST)
    await graphql(READ)
    await graphql(READ)

    again, straight = [r.observed for r in caplog.records if r.name == "ocpplab_graphql.access"]
    assert (again["gateway_calls"], again["gateway_retries"]) == (2, 1)
    assert (straight["gateway_calls"], "gateway_retries" in straight) == (1, False)


async def test_an_outage_makes_a_fifth_more_calls_and_not_three_times_as_many(wire):
    wire.answer = always(status(503))
    never = {"gateway_breaker_calls": 10_000, "gateway_breaker_window": 10_000}
    async with facade(wire, gateway_retry_base_s=0, gateway_max_concurrency=5, **never) as graphql:
        for _ in range(50):
            await asyncio.gather(*(graphql(READ) for _ in range(10)))

    retries = len(wire.sent) - 500
    assert 100 < retries <= 10 + 0.2 * 500
    assert retries / len(wire.sent) < 0.2


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (REFUSED, "GATEWAY_UNAVAILABLE"),
        (LOST, "OUTCOME_UNKNOWN"),
        (status(408), "OUTCOME_UNKNOWN"),
        (status(429), "GATEWAY_RATE_LIMITED"),
        (status(502), "OUTCOME_UNKNOWN"),
        (status(503), "GATEWAY_UNAVAILABLE"),
        (status(504), "OUTCOME_UNKNOWN"),
    ],
    ids=str,
)
async def test_a_write_is_sent_once_whatever_comes_back(graphql, wire, lie, code):
    wire.answer = first(lie)

    body = await graphql(CREATE)

    assert (problem(body)[0], problem(body)[1]) == (code, code != "OUTCOME_UNKNOWN")
    assert ("Look for its effect" in body["errors"][0]["message"]) == (code == "OUTCOME_UNKNOWN")
    assert wire.calls == {POST: 1}


# The breaker.

QUICK = {"gateway_breaker_calls": 5, "gateway_breaker_window": 10, "gateway_retries": 0}


async def opened(graphql, wire, lie=None):
    wire.answer = always(lie or status(503))
    for _ in range(5):
        await graphql(READ)
    wire.sent.clear()


@pytest.mark.parametrize("lie", [REFUSED, LOST, status(500), status(503)], ids=str)
async def test_a_gateway_that_only_fails_is_not_called_and_the_client_learns_when_to_come_again(wire, lie):
    async with facade(wire, **QUICK) as graphql:
        await opened(graphql, wire, lie)
        code, retryable, wait_ms = problem(await graphql(READ))

    assert (code, retryable) == ("GATEWAY_UNAVAILABLE", True)
    assert 0 < wait_ms <= 2000
    assert wire.sent == []


async def test_a_write_that_the_breaker_refused_was_not_sent_and_its_key_is_free(wire):
    async with facade(wire, **QUICK, gateway_breaker_open_s=1.0) as graphql:
        await opened(graphql, wire)
        refused = await graphql(CREATE, {"key": "k-1"})
        assert wire.sent == []
        wire.answer = None
        await asyncio.sleep(1.01)
        made = await graphql.data(CREATE, {"key": "k-1"})

    assert (problem(refused)[0], "nothing was sent" in refused["errors"][0]["message"]) == (
        "GATEWAY_UNAVAILABLE",
        True,
    )
    assert made["bulkCreateLocations"]["userErrors"] == []
    assert wire.calls == {POST: 1}


async def test_a_gateway_that_is_back_is_called_again_within_five_seconds(graphql, wire, caplog):
    caplog.set_level(logging.WARNING)
    wire.answer = always(REFUSED)
    await asyncio.gather(*(graphql(READ) for _ in range(30)))
    assert problem(await graphql(READ))[2]
    wire.answer = None
    back = time.monotonic()
    bodies = []
    while bodies != [WHOLE] * 50:
        bodies = await asyncio.gather(*(graphql(READ) for _ in range(50)))
        assert time.monotonic() - back < 5
    said = [r.getMessage() for r in caplog.records if "breaker" in r.getMessage()]
    assert [line.split(",")[0] for line in said] == ["gateway breaker: open", "gateway breaker: closed"]


async def test_few_calls_try_whether_the_gateway_is_back(wire):
    async with facade(wire, **QUICK, gateway_breaker_open_s=1.0) as graphql:
        await opened(graphql, wire)
        wire.answer, wire.delay_s = None, 0.6
        await asyncio.sleep(1.01)
        bodies = await asyncio.gather(*(graphql(READ) for _ in range(40)))

    assert wire.calls == {GET: 3}
    assert bodies.count(WHOLE) == 3


async def test_a_gateway_that_is_slow_is_given_a_rest_too(wire):
    wire.delay_s = 0.06
    async with facade(wire, **QUICK, gateway_breaker_slow_s=0.05) as graphql:
        await asyncio.gather(*(graphql(READ) for _ in range(5)))
        assert problem(await graphql(READ))[0] == "GATEWAY_UNAVAILABLE"

    assert wire.calls == {GET: 5}


async def test_a_gateway_that_never_answers_holds_nobody_to_the_deadline(wire):
    wire.delay_s = 60
    settings = {
        **QUICK,
        "gateway_breaker_slow_s": 0.1,
        "operation_timeout_s": 30,
        "gateway_max_concurrency": 5,
    }
    async with facade(wire, **settings) as graphql:
        hanging = [asyncio.create_task(graphql(READ)) for _ in range(5)]
        await wire.begun.wait()
        waiting = [asyncio.create_task(graphql(READ)) for _ in range(5)]
        await asyncio.sleep(0.15)
        started = time.monotonic()
        late = problem(await graphql(READ))
        bodies = await asyncio.gather(*hanging, *waiting)
        took_s = time.monotonic() - started
        state = graphql.app.state.gateway.state

    assert late[0] == "GATEWAY_UNAVAILABLE"
    assert {problem(body)[0] for body in bodies} == {"GATEWAY_UNAVAILABLE"}
    assert took_s < 5
    assert (state.in_flight, state.waiting) == (0, 0)
    assert wire.calls == {GET: 5}


async def test_callers_in_a_hurry_shut_nobody_else_out(wire):
    wire.delay_s = 0.05
    async with facade(wire, **QUICK) as graphql:
        for _ in range(20):
            hurried = await graphql(READ, **{"x-request-timeout": "5ms"})
            assert problem(hurried)[0] == "GATEWAY_TIMEOUT"

        assert await graphql(READ) == WHOLE


@pytest.mark.parametrize("number", [401, 403, 404, 422, 429])
async def test_a_gateway_that_refuses_is_well(wire, number):
    async with facade(wire, **QUICK) as graphql:
        await opened(graphql, wire, status(number))
        wire.answer = None

        assert await graphql(READ) == WHOLE


async def test_connections_that_all_break_at_once_are_taken_for_old_ones(wire):
    """A gateway that is replaced drops every kept connection; each call works the second time."""
    async with facade(wire, gateway_breaker_calls=5, gateway_breaker_window=10) as graphql:
        for _ in range(20):
            wire.answer = first(LOST)
            assert await graphql(READ) == WHOLE


# The bulkhead.


async def test_who_finds_the_queue_full_is_told_so_at_once(wire):
    wire.delay_s = 0.2
    async with facade(wire, gateway_max_concurrency=1, gateway_waiting_max=1) as graphql:
        served = [asyncio.create_task(graphql(READ)) for _ in range(2)]
        while graphql.app.state.gateway.state.waiting < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        refused = await asyncio.gather(*(graphql(READ) for _ in range(5)))
        shedding = (await graphql.http.get("/ready")).json()

        assert [problem(body) for body in refused] == [("OVERLOADED", True, 1000)] * 5
        assert await asyncio.gather(*served) == [WHOLE] * 2
        assert shedding == {"status": "overloaded"}
        assert graphql.app.state.gateway.state.in_flight == 0


async def test_who_waits_too_long_for_a_place_is_told_so(wire):
    wire.delay_s = 0.5
    async with facade(wire, gateway_max_concurrency=1, gateway_waiting_s=0.05) as graphql:
        first_one = asyncio.create_task(graphql(READ))
        await wire.begun.wait()
        assert problem(await graphql(CREATE)) == ("OVERLOADED", True, 1000)
        assert await first_one == WHOLE

    assert wire.calls == {GET: 1}


async def test_a_large_operation_alone_fills_no_queue(graphql):
    ids = [f"CPO:{n}" for n in range(200, 700)]

    body = await graphql("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})

    assert {e["extensions"]["code"] for e in body.get("errors", [])} <= {"NOT_FOUND"}


# The deadline.


async def test_every_call_of_an_operation_has_what_the_ones_before_left(wire):
    wire.delay_s = 0.3
    async with facade(wire) as graphql:
        started = time.monotonic()
        body = await graphql(
            "{ cpos(first: 1) { nodes { cpoId locations(first: 1) { totalCount } } } }",
            **{"x-request-timeout": "0.5s"},
        )
        took_s = time.monotonic() - started

    assert body["data"] == {"cpos": {"nodes": [{"cpoId": "101", "locations": None}]}}
    assert problem(body)[0] == "GATEWAY_TIMEOUT"
    assert 0.5 <= took_s < 2


@pytest.mark.parametrize("said", ["0.05", "0.05s", "50ms"])
async def test_a_client_says_how_long_it_waits(graphql, wire, said):
    wire.delay_s = 30
    started = time.monotonic()

    assert await graphql.errors(READ, **{"x-request-timeout": said}) == [("GATEWAY_TIMEOUT", ["cpos"])]
    assert 0.05 <= time.monotonic() - started < 5


async def test_it_waits_no_longer_than_the_service_lets_it(wire):
    wire.delay_s = 30
    async with facade(wire, operation_timeout_s=0.02, operation_timeout_max_s=0.05) as graphql:
        assert await graphql.errors(READ, **{"x-request-timeout": "3600"}) == [("GATEWAY_TIMEOUT", ["cpos"])]


@pytest.mark.parametrize(
    "said", ["", "0", "0ms", "-1", "soon", "1m", "1e3", "٣", "1,5", "NaN", "1" * 12, "5 s"]
)
async def test_a_deadline_that_is_none_is_refused_with_what_was_expected(graphql, wire, said):
    response = await graphql.http.post(
        "/graphql",
        json={"query": READ},
        headers={"x-request-timeout": said.encode(), "authorization": "Bearer demo"},
    )

    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert "such as 2.5s or 250ms" in error["message"]
    assert wire.sent == []


# Readiness.


async def test_an_open_breaker_makes_it_not_ready_until_it_may_probe(wire):
    async with facade(wire, **QUICK, gateway_breaker_open_s=1.0) as graphql:
        await opened(graphql, wire)
        shut = await graphql.http.get("/ready")
        wire.answer = None
        await asyncio.sleep(1.01)
        probing = await graphql.http.get("/ready")

    assert (shut.status_code, shut.json(), shut.headers["retry-after"]) == (
        503,
        {"status": "gateway failing"},
        "1",
    )
    assert (probing.status_code, probing.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("number", "ready"),
    [
        (200, 200),
        (204, 200),
        (401, 200),
        (302, 503),
        (403, 503),
        (404, 503),
        (429, 503),
        (500, 503),
        (503, 503),
    ],
)
async def test_only_what_says_that_it_is_well_or_wants_a_token_is_a_gateway(graphql, wire, number, ready):
    wire.answer = always(status(number))

    assert (await graphql.http.get("/ready")).status_code == ready


# Cancellation.


async def test_a_thousand_callers_who_hang_up_leave_nothing_behind():
    wire = Wire(Nobody(), delay_s=30)
    app = create_app(Settings.load({}, gateway_max_concurrency=8), transport=wire)
    async with facade(wire, app=app):
        await _aborted(app, wire, 50)
        gc.collect()
        tasks, objects = len(asyncio.all_tasks()), len(gc.get_objects())
        for _ in range(20):
            await _aborted(app, wire, 50)
        gc.collect()
        state = app.state.gateway.state

        assert (state.in_flight, state.waiting, state.breaker) == (0, 0, "closed")
        assert len(asyncio.all_tasks()) == tasks
        assert len(gc.get_objects()) - objects < 500  # half an object for each
        assert wire.cancelled == len(wire.sent) >= 21 * 8
        assert (app.state.gateway.way.reads, len(app.state.gateway.way.breaker._running)) == ({}, 0)


class Nobody:
    """Behind a wire that nothing passes."""

    async def aclose(self):
        pass


async def _aborted(app, wire, how_many):
    """So many at once, who all hang up as soon as the first calls are under way."""
    wire.begun.clear()
    callers = [asyncio.create_task(_abort(app, wire.begun)) for _ in range(how_many)]
    assert await asyncio.gather(*callers) == [[]] * how_many
    wire.headers.clear()


async def _abort(app, begun):
    """Ask, and hang up; whatever is answered."""
    body = json.dumps({"query": READ}).encode()
    asked = iter([{"type": "http.request", "body": body}])
    answered = []

    async def receive():
        message = next(asked, None)
        if message is None:
            await begun.wait()
            await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}
        return message

    async def send(message):
        answered.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer demo")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
    }
    await app(scope, receive, send)
    return answered
