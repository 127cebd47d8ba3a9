"""So many at once, in the order of asking; and no turn is lost."""

import asyncio
import random

from ocpplab_graphql.gateway.turns import Turns


async def test_a_turn_that_is_given_back_goes_to_who_waits_longest():
    turns, came = Turns(1), []
    assert turns.take()

    async def wait(name):
        await turns.wait()
        came.append(name)

    waiting = [asyncio.create_task(wait(n)) for n in range(3)]
    await asyncio.sleep(0)
    for n in range(3):
        assert turns.locked()
        turns.give_back()
        assert not turns.take()
        await waiting[n]

    assert came == [0, 1, 2]
    turns.give_back()
    assert not turns.locked()


async def test_who_is_cancelled_at_the_moment_of_getting_a_turn_hands_it_on():
    turns = Turns(1)
    turns.take()
    first, second = (asyncio.create_task(turns.wait()) for _ in range(2))
    await asyncio.sleep(0)
    turns.give_back()
    first.cancel()
    async with asyncio.timeout(5):
        await second
    turns.give_back()

    assert first.cancelled()
    assert turns.take()


async def test_a_thousand_who_come_and_go_lose_none():
    chance = random.Random(4)  # noqa: S311  # to be repeated
    turns, at_once = Turns(3), []
    there = 0

    async def visit():
        nonlocal there
        if not turns.take():
            await turns.wait()
        there += 1
        at_once.append(there)
        try:
            await asyncio.sleep(chance.random() / 1000)
        finally:
            there -= 1
            turns.give_back()

    visits = [asyncio.create_task(visit()) for _ in range(1000)]
    for task in chance.sample(visits, 400):
        await asyncio.sleep(chance.random() / 2000)
        task.cancel()
    await asyncio.gather(*visits, return_exceptions=True)

    assert max(at_once) == 3
    assert [turns.take() for _ in range(4)] == [True, True, True, False]
