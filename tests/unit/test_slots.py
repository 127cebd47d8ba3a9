"""So many at once, so many that wait, in their order; and none is lost."""

import asyncio
import random

from ocpplab_graphql.gateway.slots import Slots


async def turns(count=3):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_slot_that_is_given_back_goes_to_who_waits_longest():
    slots = Slots(1, waiting_max=10)
    assert (slots.take(), slots.take()) == (True, False)
    got = []

    async def wait(name):
        assert await slots.wait(30)
        got.append(name)

    waiting = [asyncio.create_task(wait(n)) for n in range(3)]
    await turns()
    assert (slots.waiting, slots.in_flight) == (3, 1)
    for _ in range(3):
        slots.give_back()
        await turns()
    await asyncio.gather(*waiting)

    assert (got, slots.in_flight, slots.take()) == ([0, 1, 2], 1, False)


async def test_who_waits_too_long_gets_none_and_leaves_the_queue():
    slots = Slots(1, waiting_max=10)
    slots.take()

    assert await slots.wait(0.01) is False
    slots.give_back()
    assert (slots.waiting, slots.in_flight) == (0, 0)


async def test_all_who_wait_may_be_sent_away():
    slots = Slots(1, waiting_max=2)
    slots.take()
    waiting = [asyncio.create_task(slots.wait(30)) for _ in range(2)]
    await turns()
    assert slots.full
    slots.send_away()

    assert await asyncio.gather(*waiting) == [False, False]
    assert (slots.waiting, slots.in_flight) == (0, 1)


async def test_who_is_cancelled_with_the_slot_in_hand_hands_it_on():
    slots = Slots(1, waiting_max=10)
    slots.take()
    first, second = (asyncio.create_task(slots.wait(30)) for _ in range(2))
    await turns()
    slots.give_back()  # to the first, who does not know it yet
    first.cancel()

    assert await second is True
    slots.give_back()
    assert (slots.waiting, slots.in_flight) == (0, 0)


async def test_however_callers_are_cancelled_no_slot_is_lost():
    slots = Slots(3, waiting_max=1000)
    chance = random.Random(7)  # noqa: S311  # any order will do
    most = 0

    async def use():
        nonlocal most
        if not slots.take() and not await slots.wait(chance.choice([0.0005, 5])):
            return
        try:
            most = max(most, slots.in_flight)
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            slots.give_back()

    users = []
    for _ in range(2000):
        users.append(asyncio.create_task(use()))
        if chance.random() < 0.5:
            chance.choice(users).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    await asyncio.gather(*users, return_exceptions=True)

    assert (slots.waiting, slots.in_flight, most) == (0, 0, 3)
