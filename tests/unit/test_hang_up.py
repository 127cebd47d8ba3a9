"""Who hangs up while their operation takes long is noticed, each for themselves."""

import asyncio

import pytest

from ocpplab_graphql.http.hang_up import HangUps


class Caller:
    def __init__(self):
        self._gone = asyncio.Event()
        self.asked = 0

    def hang_up(self):
        self._gone.set()

    async def receive(self):
        self.asked += 1
        await self._gone.wait()
        return {"type": "http.disconnect"}


async def operation(hang_ups, caller, takes_s):
    hang_up = hang_ups.of(caller.receive)
    try:
        await asyncio.sleep(takes_s)
    except asyncio.CancelledError:
        return "gone" if hang_up.noticed() else "cancelled"
    finally:
        hang_up.stop()
    return "done"


async def test_only_who_hangs_up_is_cancelled_and_nobody_is_watched_who_is_quick():
    hang_ups = HangUps()
    quick, patient, impatient = Caller(), Caller(), Caller()
    quick.hang_up()
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, impatient.hang_up)

    said = await asyncio.gather(
        operation(hang_ups, quick, 0),
        operation(hang_ups, impatient, 10),
        operation(hang_ups, patient, 0.1),
    )

    assert said == ["done", "gone", "done"]
    assert (quick.asked, patient.asked) == (0, 1)


async def test_who_comes_while_others_are_watched_is_watched_too():
    hang_ups = HangUps()
    callers = [Caller() for _ in range(5)]
    running = []
    for caller in callers:
        running.append(asyncio.create_task(operation(hang_ups, caller, 10)))
        await asyncio.sleep(0.013)
    await asyncio.sleep(0.04)
    for caller in callers:
        caller.hang_up()

    async with asyncio.timeout(5):
        assert await asyncio.gather(*running) == ["gone"] * 5


async def test_another_cancellation_is_none_of_theirs():
    running = asyncio.create_task(operation(HangUps(), Caller(), 10))
    await asyncio.sleep(0.04)
    running.cancel()

    assert await running == "cancelled"


def test_a_loop_that_ended_leaves_nothing_to_the_next():
    hang_ups = HangUps()

    async def one():
        caller = Caller()
        running = asyncio.create_task(operation(hang_ups, caller, 10))
        await asyncio.sleep(0)
        caller.hang_up()
        async with asyncio.timeout(5):
            return await running

    async def cut_short():
        hang_ups.of(Caller().receive)

    asyncio.run(cut_short())
    assert asyncio.run(one()) == "gone"


@pytest.fixture(params=["asyncio", "uvloop"])
def policy(request):
    return request.param


def test_it_works_in_either_loop(policy):
    uvloop = pytest.importorskip("uvloop")

    async def one():
        caller = Caller()
        asyncio.get_running_loop().call_later(0.03, caller.hang_up)
        return await operation(HangUps(), caller, 10)

    run = asyncio.run if policy == "asyncio" else uvloop.run
    assert run(one()) == "gone"
