"""Equal reads of one caller that are under way at once: one call, if that is set, and never another's answer."""

import asyncio

import pytest

from ocpplab_graphql.gateway.transport import TransportFailed
from tests.conftest import facade

QUERY = '{ cpo(cpoId: "101") { namePrefix } }'
UPDATE = 'mutation { updateLocation(input: { cpoId: "101", locationId: "loc-1", name: "New" }) { location { name } } }'
LOCATION = '{ location(cpoId: "101", locationId: "loc-1") { name } }'


async def test_by_default_each_operation_reads_for_itself(wire):
    wire.delay_s = 0.05
    async with facade(wire) as graphql:
        await asyncio.gather(*(graphql(QUERY) for _ in range(3)))

    assert wire.sent == ["GET /ocpi/cpos/101"] * 3


async def test_equal_reads_at_once_are_one_call(wire):
    wire.delay_s = 0.05
    async with facade(wire, gateway_shares_reads=True) as graphql:
        answers = await asyncio.gather(*(graphql(QUERY) for _ in range(3)))

        assert wire.sent == ["GET /ocpi/cpos/101"]
        assert {a["data"]["cpo"]["namePrefix"] for a in answers} == {"demo"}
        await graphql(QUERY)
        assert len(wire.sent) == 2
        assert len(graphql.app.state.gateway.flights) == 0


@pytest.mark.parametrize(
    "other",
    [{"authorization": "Bearer admin"}, {"x-organization-id": "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"}],
)
async def test_callers_never_share(wire, other):
    wire.delay_s = 0.05
    async with facade(wire, gateway_shares_reads=True) as graphql:
        await asyncio.gather(graphql(QUERY), graphql(QUERY, **other))

    assert wire.sent == ["GET /ocpi/cpos/101"] * 2


async def test_whoever_joined_a_read_that_fails_reads_for_itself(wire):
    wire.delay_s = 0.05
    failures = [TransportFailed("no connection", sent=False)]
    wire.answer = lambda _method, _target: failures.pop() if failures else None
    async with facade(wire, gateway_shares_reads=True, gateway_retries=0) as graphql:
        first, second = await asyncio.gather(graphql(QUERY), graphql(QUERY))

    assert [e["extensions"]["code"] for e in first["errors"]] == ["GATEWAY_UNAVAILABLE"]
    assert second["data"]["cpo"]["namePrefix"] == "demo"


async def test_whoever_joined_a_read_whose_maker_hangs_up_reads_for_itself(wire):
    wire.delay_s = 0.1
    async with facade(wire, gateway_shares_reads=True) as graphql:
        first = asyncio.create_task(graphql(QUERY))
        await wire.begun.wait()
        second = asyncio.create_task(graphql(QUERY))
        await asyncio.sleep(0.02)
        first.cancel()

        assert (await second)["data"]["cpo"]["namePrefix"] == "demo"
    assert len(wire.sent) == 2


async def test_what_was_read_before_a_write_is_not_joined_after_it(wire):
    wire.delay_s = 0.05
    async with facade(wire, gateway_shares_reads=True) as graphql:
        before = asyncio.create_task(graphql(LOCATION))
        await wire.begun.wait()
        await graphql(UPDATE)
        after = await graphql(LOCATION)
        await before

    assert after["data"]["location"]["name"] == "New"
    assert wire.sent.count("GET /ocpi/cpos/101/locations/loc-1") == 2
