"""One effect for one idempotency key: however often a phone retries, on whichever process, whatever the gateway does."""

import asyncio
import base64
import json

import pytest

from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from ocpplab_graphql.shared import InProcess, SharedStateUnavailable
from tests.conftest import facade

CREATE = """mutation($input: BulkCreateLocationsInput!) { bulkCreateLocations(input: $input) {
  job { id status } userErrors { code path } } }"""
CREATE_CPO = """mutation($input: CreateCPOInput!) { createCPO(input: $input) {
  cpo { id } provisioning { id status } tokenA roamHelper { curlSnippet } userErrors { code } } }"""
PLACE = {
    "name": "A",
    "address": "b",
    "city": "c",
    "country": "FR",
    "coordinates": {"latitude": 1, "longitude": 2},
}


def given(key="k", **changes):
    return {
        "input": {"cpoId": "101", "idempotencyKey": key, "locations": [{"location": {**PLACE, **changes}}]}
    }


async def create(graphql, key="k", headers=None, **changes):
    return (await graphql.data(CREATE, given(key, **changes), **(headers or {})))["bulkCreateLocations"]


def posts(wire):
    return [call for call in wire.sent if call.startswith("POST")]


def codes(payload):
    return [(e["code"], e["path"]) for e in payload["userErrors"]]


KEY = ["input", "idempotencyKey"]


async def test_the_same_request_again_gives_the_same_job_without_a_second_post(graphql, wire):
    first = await create(graphql)
    again = await create(graphql)

    assert first["job"]["id"] == again["job"]["id"]
    assert len(posts(wire)) == 1


async def test_another_input_with_the_key_is_refused_without_a_call(graphql, wire):
    await create(graphql)
    wire.sent.clear()

    assert codes(await create(graphql, name="Other")) == [("IDEMPOTENCY_KEY_REUSED", KEY)]
    assert wire.sent == []


async def test_a_request_under_way_keeps_its_key(graphql, wire):
    wire.delay_s = 60
    first = asyncio.ensure_future(create(graphql))
    await wire.begun.wait()
    wire.delay_s = 0

    assert codes(await create(graphql)) == [("IDEMPOTENCY_KEY_IN_USE", KEY)]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_refused_request_leaves_its_key_free(graphql, wire):
    wire.answer = lambda _method, _target: Reply(400, {}, b'{"detail":"no"}')
    refused = await create(graphql)
    wire.answer = None

    assert codes(refused) == [("REJECTED", ["input"])]
    assert (await create(graphql))["job"]


async def test_a_request_that_was_never_sent_leaves_its_key_free(graphql, wire):
    wire.answer = lambda _method, _target: TransportFailed("no connection", sent=False)
    assert await graphql.errors(CREATE, given()) == [("GATEWAY_UNAVAILABLE", ["bulkCreateLocations"])]
    wire.answer = None

    assert (await create(graphql))["job"]


async def test_a_write_of_unknown_fate_is_sent_again_to_a_gateway_that_honours_keys(wire):
    async with facade(wire, gateway_honours_idempotency_keys=True) as graphql:
        sent = []

        def lose_the_answer(method, target):
            if method == "POST" and not sent:
                sent.append(target)
                return TransportFailed("connection lost", sent=True)
            return None

        wire.answer = lose_the_answer
        assert await graphql.errors(CREATE, given()) == [("OUTCOME_UNKNOWN", ["bulkCreateLocations"])]

        assert (await create(graphql))["job"]
        assert len(posts(wire)) == 2


async def test_a_write_of_unknown_fate_is_never_sent_again_to_a_gateway_that_does_not(wire):
    async with facade(wire, gateway_honours_idempotency_keys=False) as graphql:
        wire.answer = lambda _method, _target: TransportFailed("connection lost", sent=True)
        first = await graphql(CREATE, given())
        wire.answer = None
        again = await graphql(CREATE, given())

    for body in (first, again):
        assert body["errors"][0]["extensions"]["code"] == "OUTCOME_UNKNOWN"
    assert "new idempotencyKey" in again["errors"][0]["message"]
    assert len(posts(wire)) == 1


async def test_a_key_is_its_callers_own(graphql, wire):
    first = await create(graphql, headers={"authorization": "Bearer demo"})
    other = await graphql(CREATE, given(), authorization="Bearer org-other")

    assert first["job"]
    assert other["data"]["bulkCreateLocations"] == {
        "job": None,
        "userErrors": [{"code": "NOT_FOUND", "path": ["input", "cpoId"]}],
    }
    assert len(posts(wire)) == 2


def jwt(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{part}.c2ln"


async def test_a_key_outlives_the_token_of_its_subject(graphql, wire):
    from ocpplab_graphql.gateway.client import Credentials

    old, new, other = (Credentials(jwt(iss="i", sub=s, exp=e)) for s, e in (("a", 1), ("a", 2), ("b", 1)))

    assert old.subject == new.subject != other.subject
    assert Credentials("Bearer opaque").subject != Credentials("Bearer other").subject
    assert "opaque" not in Credentials("Bearer opaque").subject


async def test_a_cpo_is_told_again_without_its_secrets(graphql, wire):
    cpo = {
        "template": "small-urban-ac",
        "countryCode": "FR",
        "partyId": "NEW",
        "namePrefix": "n",
        "idempotencyKey": "k",
    }
    first = (await graphql.data(CREATE_CPO, {"input": cpo}))["createCPO"]
    again = (await graphql.data(CREATE_CPO, {"input": cpo}))["createCPO"]

    assert first["tokenA"]
    assert (again["cpo"], again["provisioning"]["id"]) == (first["cpo"], first["provisioning"]["id"])
    assert (again["tokenA"], again["roamHelper"], again["userErrors"]) == (None, None, [])
    assert len(posts(wire)) == 1


async def test_no_secret_and_no_token_is_remembered(graphql, monkeypatch):
    kept = []
    original = InProcess.set

    async def spy(self, key, value, *, ttl_s):
        kept.append(key.encode() + value)
        await original(self, key, value, ttl_s=ttl_s)

    monkeypatch.setattr(InProcess, "set", spy)
    await create(graphql, key="my-own-key")

    assert kept
    assert all(word not in entry for entry in kept for word in (b"demo", b"my-own-key", b"Bearer"))


async def test_without_the_memory_nothing_is_sent(graphql, wire, monkeypatch):
    async def fails(self, key, value, *, ttl_s):
        raise SharedStateUnavailable("gone")

    monkeypatch.setattr(InProcess, "set_if_absent", fails)

    body = await graphql(CREATE, given())

    assert [(e["extensions"]["code"], e["extensions"]["retryable"]) for e in body["errors"]] == [
        ("OVERLOADED", True)
    ]
    assert wire.sent == []


@pytest.mark.parametrize("times", [20])
async def test_a_burst_of_the_same_request_makes_one_job(graphql, wire, times):
    payloads = await asyncio.gather(*(create(graphql) for _ in range(times)))

    jobs = {p["job"]["id"] for p in payloads if p["job"]}
    assert len(jobs) == 1
    assert {code for p in payloads for code, _ in codes(p)} <= {"IDEMPOTENCY_KEY_IN_USE"}
    assert len(posts(wire)) == 1
