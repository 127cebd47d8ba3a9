"""Subscriptions: what is sent when, and what it costs the gateway."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from ocpplab_graphql.errors import Overloaded
from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.records import ProvisioningRecord
from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from ocpplab_graphql.loaders.following import Following
from tests.conftest import facade
from tests.graph.streaming import response, socket, until
from tests.graph.test_bulk_create import create, raw

JOB = """subscription($id: ID!) { bulkLocationJob(cpoId: "101", jobId: $id) { status isFinished locationIds } }"""
CPO = """subscription { cpoProvisioning(cpoId: "101") { id status currentStep } }"""
ONE_JOB_CALL = {"GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}": 1}
ONE_CPO_CALL = {"GET /ocpi/cpos/{cpo_id}/status": 1}
AT_ONCE = {"follow_interval_s": 0.001, "follow_interval_max_s": 0.002}
NEVER_AGAIN = {"follow_interval_s": 3600, "follow_interval_max_s": 3600}


class Work:
    """Durable work whose state the test decides."""

    def __init__(self, wire, status="PENDING"):
        self.wire, self.says = wire, None
        self.stands(status)
        wire.answer = lambda _method, target: self.says if "/status" in target or "/jobs/" in target else None

    def stands(self, status, step=None, **more):
        body = {
            "cpo_id": "101",
            "job_id": "j",
            "status": status,
            "progress": step and {"current_step": step},
            **more,
        }
        self.says = Reply(200, {}, json.dumps(body).encode())

    def refuses(self, status, **headers):
        self.says = Reply(status, headers, b'{"detail": "no"}')

    def is_gone(self):
        self.says = TransportFailed("connection refused", sent=False)


@pytest.fixture
def work(wire):
    return Work(wire)


@pytest.fixture
async def client(wire):
    async with facade(wire, **AT_ONCE) as made:
        yield made


def status(event):
    return event["data"]["cpoProvisioning"]["status"]


def failure(event):
    (error,) = event["errors"]
    return event["data"], error["extensions"]["code"], error["path"]


async def test_the_present_state_each_change_the_final_state_and_completion(client, work):
    async with response(client, CPO) as stream:
        events = [await stream.event()]
        work.stands("PROVISIONING", "locations")
        events.append(await stream.event())
        work.stands("PROVISIONING", "chargers")
        events.append(await stream.event())
        work.stands("READY")
        events += await stream.rest()

    assert [e["data"]["cpoProvisioning"] for e in events] == [
        {"id": "Provisioning:CPO:101", "status": "PENDING", "currentStep": None},
        {"id": "Provisioning:CPO:101", "status": "PROVISIONING", "currentStep": "locations"},
        {"id": "Provisioning:CPO:101", "status": "PROVISIONING", "currentStep": "chargers"},
        {"id": "Provisioning:CPO:101", "status": "READY", "currentStep": None},
    ]


async def test_a_job_of_the_sandbox_is_followed_to_its_end(client):
    payload = await create(client, raw(name="Hub A"), raw(name="Hub B"))

    async with response(client, JOB, id=payload["job"]["jobId"]) as stream:
        events = await stream.rest()

    last = events[-1]["data"]["bulkLocationJob"]
    assert (last["status"], last["isFinished"], len(last["locationIds"])) == ("READY", True, 2)
    assert [e["data"]["bulkLocationJob"]["isFinished"] for e in events[:-1]] == [False] * (len(events) - 1)


async def test_a_new_cpo_is_followed_until_it_is_ready(client):
    mutation = """mutation { createCPO(input: {
      template: "small-urban-ac", countryCode: "FR", partyId: "NEW", namePrefix: "new"
    }) { cpo { cpoId } userErrors { message } } }"""
    payload = (await client.data(mutation))["createCPO"]
    assert payload["userErrors"] == []
    query = "subscription($id: ID!) { cpoProvisioning(cpoId: $id) { status isFinished } }"

    async with response(client, query, id=payload["cpo"]["cpoId"]) as stream:
        events = await stream.rest()

    assert events[-1] == {"data": {"cpoProvisioning": {"status": "READY", "isFinished": True}}}
    assert not any(e["data"]["cpoProvisioning"]["isFinished"] for e in events[:-1])


async def test_what_is_finished_costs_one_call_and_is_one_event(client, wire):
    async with response(client, CPO) as stream:
        events = await stream.rest()

    assert [status(e) for e in events] == ["READY"]
    assert wire.calls == ONE_CPO_CALL


async def test_however_many_follow_there_is_one_poll_and_each_has_the_present_state_at_once(wire, work):
    async with facade(wire, **NEVER_AGAIN) as client, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(socket(client)) for _ in range(3)]
        for opened in sockets:
            for own_id in ("a", "b"):
                await opened.subscribe(CPO, own_id)
                assert status((await opened.receive())["payload"]) == "PENDING"
        over_http = await stack.enter_async_context(response(client, CPO))
        assert status(await over_http.event()) == "PENDING"

        assert wire.calls == ONE_CPO_CALL


async def test_all_who_follow_are_told_each_change_for_the_price_of_one(wire, work):
    async with facade(wire, **AT_ONCE) as client, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(response(client, CPO)) for _ in range(5)]
        assert [status(await stream.event()) for stream in streams] == ["PENDING"] * 5
        before = len(wire.sent)
        work.stands("READY")
        assert [[status(e) for e in await stream.rest()] for stream in streams] == [["READY"]] * 5

        # A call may have been under way when it became READY.
        assert len(wire.sent) - before in {1, 2}


async def test_others_credentials_or_another_organization_are_another_poll(wire, work):
    async with facade(wire, **NEVER_AGAIN) as client, AsyncExitStack() as stack:
        for payload in (
            {"authorization": "Bearer demo"},
            {"authorization": "Bearer org-other"},
            {"authorization": "Bearer admin", "x-organization-id": "a"},
            {"authorization": "Bearer admin", "x-organization-id": "b"},
        ):
            opened = await stack.enter_async_context(socket(client, begun=False))
            await opened.begin(**payload)
            await opened.subscribe(CPO)
            await opened.receive()

    assert wire.calls == {"GET /ocpi/cpos/{cpo_id}/status": 4}
    assert [h["Authorization"] for h in wire.headers] == [
        "Bearer demo",
        "Bearer org-other",
        "Bearer admin",
        "Bearer admin",
    ]


async def test_the_last_one_that_leaves_stops_the_poll(client, wire, work):
    async with response(client, CPO) as first, socket(client) as second:
        await first.event()
        await second.subscribe(CPO)
        await second.receive()
        await first.hang_up()
        seen = len(wire.sent)
        await until(lambda: len(wire.sent) > seen + 3)  # the other one still looks on
        await second.hang_up()
        seen = len(wire.sent)
        await asyncio.sleep(0.05)  # 25 intervals in which nothing may happen

        assert len(wire.sent) == seen


async def test_who_comes_back_has_the_present_state_at_once(wire, work):
    async with facade(wire, **NEVER_AGAIN) as client:
        async with response(client, CPO) as stream:
            assert status(await stream.event()) == "PENDING"
            await stream.hang_up()
        work.stands("PROVISIONING")
        async with response(client, CPO) as stream:
            assert status(await stream.event()) == "PROVISIONING"


async def test_a_gateway_that_goes_away_is_an_event_and_the_stream_goes_on_when_it_is_back(
    client, wire, work
):
    async with response(client, CPO) as stream:
        assert status(await stream.event()) == "PENDING"
        work.is_gone()
        assert failure(await stream.event()) == (
            {"cpoProvisioning": None},
            "GATEWAY_UNAVAILABLE",
            ["cpoProvisioning"],
        )
        work.refuses(503)  # the same failure to who follows, and no event
        seen = len(wire.sent)
        await until(lambda: len(wire.sent) > seen + 2)
        work.refuses(429)
        assert failure(await stream.event())[1] == "GATEWAY_RATE_LIMITED"
        work.says = Reply(200, {}, b"<html>")
        assert failure(await stream.event())[1] == "GATEWAY_INVALID_RESPONSE"
        work.stands("PENDING")
        assert status(await stream.event()) == "PENDING"
        work.stands("FAILED")
        assert [status(e) for e in await stream.rest()] == ["FAILED"]


async def test_an_unknown_job_or_cpo_ends_at_once(client, wire):
    async with response(client, JOB, id="4f6b5e0e-7d1a-4b0a-9c2e-abc123456789") as stream:
        (event,) = await stream.rest()
    assert failure(event) == ({"bulkLocationJob": None}, "NOT_FOUND", ["bulkLocationJob"])
    assert wire.calls == ONE_JOB_CALL

    async with response(client, 'subscription { mine: cpoProvisioning(cpoId: "999") { status } }') as stream:
        (event,) = await stream.rest()
    assert failure(event) == ({"mine": None}, "NOT_FOUND", ["mine"])


async def test_a_token_that_expires_ends_the_stream(client, work):
    async with response(client, CPO) as stream:
        await stream.event()
        work.refuses(401)
        (event,) = await stream.rest()

    assert failure(event) == ({"cpoProvisioning": None}, "UNAUTHENTICATED", ["cpoProvisioning"])


async def test_without_a_token_no_call_is_made(client, wire):
    async with response(client, CPO, token=None) as stream:
        (event,) = await stream.rest()

    assert failure(event)[1] == "UNAUTHENTICATED"
    assert wire.calls == {}


@pytest.mark.parametrize(
    "query",
    [
        'subscription { cpoProvisioning(cpoId: "x") { status } }',
        'subscription { cpoProvisioning(cpoId: "Location:101:loc-1") { status } }',
        'subscription { bulkLocationJob(jobId: "j") { status } }',
        'subscription { bulkLocationJob(cpoId: "102", jobId: "BulkLocationJob:101:j") { status } }',
    ],
)
async def test_an_id_that_can_be_none_ends_at_once_without_a_call(client, wire, query):
    async with response(client, query) as stream:
        (event,) = await stream.rest()

    assert failure(event)[1] == "BAD_USER_INPUT"
    assert wire.calls == {}


async def test_every_event_reads_what_it_selects_anew(client, wire, work):
    query = 'subscription { bulkLocationJob(cpoId: "101", jobId: "j") { status cpo { namePrefix } } }'
    async with response(client, query) as stream:
        await stream.event()
        work.stands("READY")
        await stream.rest()

    assert wire.calls["GET /ocpi/cpos/{cpo_id}"] == 2


async def test_a_slow_client_gets_the_newest_state_and_nothing_is_queued(wire, work):
    async with facade(wire, **AT_ONCE) as client, response(client, CPO) as slow:
        assert status(await slow.event()) == "PENDING"
        slow.writable.clear()
        for step in range(20):
            seen = len(wire.sent)
            work.stands("PROVISIONING", f"step {step}")
            await until(lambda seen=seen: len(wire.sent) > seen + 1)
        slow.writable.set()
        first = (await slow.event())["data"]["cpoProvisioning"]["currentStep"]
        second = (await slow.event())["data"]["cpoProvisioning"]["currentStep"]

    # One was on its way when the client stopped reading.
    assert (first, second) == ("step 0", "step 19")


async def test_too_many_followers_are_refused_and_told_to_come_again(wire, work):
    async with facade(wire, followers_max=1, **NEVER_AGAIN) as client:
        async with response(client, CPO) as first:
            await first.event()
            async with response(client, CPO) as second:
                (event,) = await second.rest()
            assert failure(event)[1] == "OVERLOADED"
            assert event["errors"][0]["extensions"]["retryable"] is True
            await first.hang_up()
        async with response(client, CPO) as third:
            assert status(await third.event()) == "PENDING"


class Clock:
    """Sleeps that take no time, and are written down."""

    def __init__(self):
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)


def following(wire, clock, followers_max=9):
    gateway = Gateway("http://sandbox", wire, max_concurrency=4)
    return Following(
        gateway, interval_s=1, interval_max_s=2, timeout_s=5, followers_max=followers_max, sleep=clock.sleep
    )


async def test_the_poll_waits_longer_while_nothing_changes_and_not_after_a_change(wire, work):
    clock = Clock()
    states = following(wire, clock).for_caller(Credentials("Bearer demo"))(ProvisioningRecord, ("101",))
    await anext(states)
    await until(lambda: len(clock.waits) >= 7)
    assert clock.waits[:6] == [1, 1.25, 1.5625, 1.953125, 2, 2]

    work.stands("PROVISIONING")
    await anext(states)
    assert 1 in clock.waits[6:]
    await states.aclose()


async def test_a_gateway_that_says_when_to_come_again_is_obeyed(wire, work):
    clock = Clock()
    work.refuses(429, **{"retry-after": "7"})
    states = following(wire, clock).for_caller(Credentials("Bearer demo"))(ProvisioningRecord, ("101",))
    await anext(states)
    await until(lambda: len(clock.waits) >= 2)
    work.refuses(429, **{"retry-after": "86400"})
    await until(lambda: 60 in clock.waits)

    assert clock.waits[:2] == [7, 7]
    await states.aclose()


async def test_nothing_of_a_caller_is_kept_once_nobody_follows(wire, work):
    shared = following(wire, Clock())
    states = shared.for_caller(Credentials("Bearer demo"))(ProvisioningRecord, ("101",))
    await anext(states)
    assert "demo" not in repr(shared._polls)
    await states.aclose()

    assert shared._polls == {}
    await until(lambda: not shared._ending)


async def test_the_bound_on_followers_counts_those_who_left(wire, work):
    shared = following(wire, Clock(), followers_max=1).for_caller(Credentials("Bearer demo"))
    for _ in range(3):
        states = shared(ProvisioningRecord, ("101",))
        await anext(states)
        with pytest.raises(Overloaded):
            await anext(shared(ProvisioningRecord, ("101",)))
        await states.aclose()
