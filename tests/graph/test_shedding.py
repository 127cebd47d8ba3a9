"""A process that is asked for more than it can do says so early, in GraphQL's words, and to no one caller's profit."""

import asyncio
import json

import pytest

from ocpplab_graphql.gateway.transport import Reply
from tests.conftest import facade
from tests.graph.streaming import Connection, request_scope, response, socket, until

CPO = "{ cpo(cpoId: 101) { namePrefix } }"
FOLLOW = 'subscription { cpoProvisioning(cpoId: "101") { status } }'


@pytest.fixture
def held(wire):
    """The gateway answers nobody until it is set."""
    release = asyncio.Event()
    inner = wire.inner

    class Held:
        async def send(self, method, url, headers, body):
            await release.wait()
            return await inner.send(method, url, headers, body)

        async def aclose(self):
            await inner.aclose()

    wire.inner = Held()
    return release


def ask(graphql, token="demo", query=CPO):  # noqa: S107
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    return asyncio.ensure_future(graphql.http.post("/graphql", json={"query": query}, headers=headers))


async def test_what_is_too_much_is_told_503_and_when_to_come_again(wire, held):
    async with facade(wire, operations_max=4, operations_wait_s=0.01) as graphql:
        running = [ask(graphql) for _ in range(3)] + [ask(graphql, "other")]
        await until(lambda: len(wire.sent) == 4)
        shed = await ask(graphql, "third")
        ready, health = await graphql.http.get("/ready"), await graphql.http.get("/health")
        page = await graphql.http.get("/graphql", headers={"accept": "text/html"})
        held.set()
        answered = [one.status_code for one in await asyncio.gather(*running)]

    assert (shed.status_code, shed.headers["retry-after"]) == (503, "1")
    assert shed.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    [error] = shed.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("OVERLOADED", True)
    assert error["extensions"]["retryAfterMs"] == 1000
    assert (ready.status_code, ready.json()) == (503, {"status": "overloaded"})
    assert (health.status_code, page.status_code) == (200, 200)
    assert answered == [200] * 4
    assert len([call for call in wire.sent if "cpos" in call]) == 4


async def test_who_waits_a_moment_is_served_when_there_is_room_again(wire, held):
    async with facade(wire, operations_max=1, operations_wait_s=10) as graphql:
        first = ask(graphql)
        await until(lambda: len(wire.sent) == 1)
        second = ask(graphql)
        held.set()

        assert [(await one).json() for one in (first, second)] == [
            {"data": {"cpo": {"namePrefix": "demo"}}}
        ] * 2


async def test_one_tenant_does_not_take_all_places(wire, held):
    async with facade(wire, operations_max=8, operations_wait_s=0.01) as graphql:
        greedy = [ask(graphql, "greedy") for _ in range(12)]
        shed = [one for one in await settled(greedy, 6) if one.status_code == 503]
        modest = ask(graphql)
        await until(lambda: len(wire.sent) == 7)
        ready = (await graphql.http.get("/health")).status_code
        held.set()
        answered = await modest

    assert len(shed) == 6
    assert (answered.json(), ready) == ({"data": {"cpo": {"namePrefix": "demo"}}}, 200)


async def settled(asked, count):
    """Those of them that are answered, once so many are."""
    await until(lambda: sum(one.done() for one in asked) == count)
    return [one.result() for one in asked if one.done()]


async def test_a_tenant_does_not_take_every_place_of_those_who_follow(wire):
    wire.answer = lambda _m, target: (
        Reply(200, {}, b'{"cpo_id": "101", "status": "PENDING"}') if "status" in target else None
    )
    async with facade(wire, followers_max=4) as graphql, socket(graphql) as greedy:
        for n in range(4):
            await greedy.subscribe(FOLLOW, str(n))
        told = await greedy.received(5)
        async with response(graphql, FOLLOW, token="other") as modest:
            followed = await modest.event()

    refused = [m["payload"]["errors"] for m in told if m["type"] == "next" and "errors" in m["payload"]]
    assert [errors[0]["extensions"]["code"] for errors in refused] == ["OVERLOADED"]
    assert "as much at once as one caller may" in refused[0][0]["message"]
    assert followed == {"data": {"cpoProvisioning": {"status": "PENDING"}}}


async def test_an_operation_over_a_websocket_is_shed_by_itself_and_the_socket_goes_on(wire, held):
    async with facade(wire, operations_max=1, operations_wait_s=0.01) as graphql, socket(graphql) as opened:
        await opened.subscribe(CPO, "1")
        await until(lambda: len(wire.sent) == 1)
        await opened.subscribe(CPO, "2")
        shed = await opened.receive()
        held.set()
        answered = await opened.received(2)

    assert (shed["type"], shed["id"], shed["payload"][0]["extensions"]["code"]) == (
        "error",
        "2",
        "OVERLOADED",
    )
    assert [m["type"] for m in answered] == ["next", "complete"]


async def test_subscriptions_take_no_place_of_operations(wire):
    wire.answer = lambda _m, target: (
        Reply(200, {}, b'{"cpo_id": "101", "status": "PENDING"}') if "status" in target else None
    )
    async with (
        facade(wire, operations_max=1) as graphql,
        socket(graphql) as opened,
        response(graphql, FOLLOW) as followed,
    ):
        for n in range(5):
            await opened.subscribe(FOLLOW, str(n))
        await opened.received(5)
        await followed.event()

        assert await graphql.data("{ __typename }") == {"__typename": "Query"}


async def test_bodies_that_come_at_once_are_bounded_in_all(wire):
    async with facade(wire, max_request_bytes=4096, request_bytes_max=6000) as graphql:
        body = json.dumps({"query": "{ __typename }" + " " * 3800}).encode()
        first, second = (
            Connection(
                graphql.app, request_scope("http", {"content-type": "application/json"}) | {"method": "POST"}
            )
            for _ in range(2)
        )
        first.say({"type": "http.request", "body": body[:-1], "more_body": True})
        await until(first._to_app.empty)
        second.say({"type": "http.request", "body": body, "more_body": False})
        refused = await second.hear()
        first.say({"type": "http.request", "body": body[-1:], "more_body": False})
        served = await first.hear()
        after = await graphql.http.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )

    assert (refused["status"], served["status"], after.status_code) == (503, 200, 200)
    assert (b"retry-after", b"1") in refused["headers"]


async def test_a_body_that_does_not_come_is_told_408(wire):
    async def dribbling():
        yield b"{"
        await asyncio.sleep(30)

    async with facade(wire, receive_timeout_s=0.05) as graphql:
        headers = {"content-type": "application/json", "content-length": "100"}
        answered = await graphql.http.post("/graphql", content=dribbling(), headers=headers)

    assert (answered.status_code, answered.headers["connection"]) == (408, "close")
    assert answered.json()["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"
