"""The memory of one operation: one call for equal requests, whoever gives up."""

import asyncio

import pytest

from ocpplab_graphql.gateway.decode import Narrowing
from ocpplab_graphql.gateway.errors import GatewayTimeout
from ocpplab_graphql.gateway.records import CPORecord, LocationRecord
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.loaders.store import Store, together


class Calls:
    def __init__(self):
        self.made = []
        self.go_on = asyncio.Event()

    async def cpo(self, cpo_id):
        self.made.append(cpo_id)
        await self.go_on.wait()
        if cpo_id == "bad":
            raise GatewayTimeout("late")
        return Reply(200, {}, cpo_id.encode())


async def test_equal_requests_are_one_call_and_one_who_gives_up_stops_no_other():
    store, calls = Store(), Calls()
    first, second, third = (asyncio.create_task(store.reply(calls.cpo, "1")) for _ in range(3))
    await asyncio.sleep(0)

    second.cancel()
    calls.go_on.set()

    assert [(await one).body for one in (first, third)] == [b"1", b"1"]
    assert calls.made == ["1"]


async def test_a_call_whose_maker_gives_up_is_made_again_for_those_who_stay():
    store, calls = Store(), Calls()
    first, second = (asyncio.create_task(store.reply(calls.cpo, "1")) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    calls.go_on.set()

    assert (await second).body == b"1"
    assert calls.made == ["1", "1"]


async def test_who_waits_and_is_cancelled_together_with_the_maker_is_cancelled():
    store, calls = Store(), Calls()
    both = [asyncio.create_task(store.reply(calls.cpo, "1")) for _ in range(2)]
    await asyncio.sleep(0)

    for one in both:
        one.cancel()

    assert [type(e) for e in await asyncio.gather(*both, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 2
    assert calls.made == ["1"]


async def test_a_call_that_failed_is_not_made_again():
    store, calls = Store(), Calls()
    calls.go_on.set()

    for _ in range(2):
        with pytest.raises(GatewayTimeout):
            await store.reply(calls.cpo, "bad")
    assert calls.made == ["bad"]


def test_only_what_is_selected_is_decoded():
    fields = Store(Narrowing({LocationRecord: frozenset({"name"})})).into(LocationRecord).__struct_fields__

    assert set(fields) == {"id", "name"}
    assert Store().into(CPORecord) is CPORecord


def test_a_row_that_was_seen_first_stays():
    store = Store()
    row = CPORecord(cpo_id="1")
    store.saw(CPORecord, "1", row)
    store.saw(CPORecord, "1", CPORecord(cpo_id="1", template="later"))

    assert store.seen(CPORecord, "1") is row
    assert store.seen(CPORecord, "2") is None


async def test_reads_side_by_side_answer_in_their_order_whoever_is_done_first():
    async def read(seconds):
        await asyncio.sleep(seconds)
        return seconds

    assert await together([read(0.02), read(0.0), read(0.01)]) == [0.02, 0.0, 0.01]
    assert await together([]) == []


async def test_who_leaves_takes_all_reads_side_by_side_along():
    ended = []

    async def read(number):
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(number)

    reading = asyncio.create_task(together([read(n) for n in range(3)]))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert sorted(ended) == [0, 1, 2]
