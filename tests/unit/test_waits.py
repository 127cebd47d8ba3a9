"""One timer for all calls of all clients; and who was cancelled by somebody else stays cancelled."""

import asyncio
import time

import pytest

from ocpplab_graphql.gateway.waits import Alarm, Waits


def within(seconds, alarm=None):
    return Waits(alarm or Alarm(), time.monotonic() + seconds)


async def wait(waits, ticket, seconds=30.0):
    """How a wait of so many seconds ends: as it should, or before."""
    waits.begin(ticket)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        end = waits.taken_back(ticket)
        if end is None:
            raise
        return end
    else:
        return "over"
    finally:
        waits.end(ticket)


async def test_all_that_wait_end_at_the_deadline_and_what_is_over_does_not():
    waits = within(0.05)
    async with asyncio.timeout(5):
        ends = await asyncio.gather(wait(waits, 1), wait(waits, 2, 0.0), wait(waits, 3))
    assert ends == ["late", "over", "late"]


async def test_one_is_cut_and_the_others_wait_on():
    waits = within(30)
    asyncio.get_running_loop().call_later(0.005, waits.cut, 2)

    assert await asyncio.gather(wait(waits, 1, 0.02), wait(waits, 2)) == ["over", "cut"]


async def test_whose_deadline_has_passed_waits_no_longer():
    waits = within(-1)
    async with asyncio.timeout(5):
        assert await wait(waits, 1) == "late"


async def test_who_is_cancelled_at_the_deadline_by_somebody_else_too_stays_cancelled():
    waits = within(30)
    task = asyncio.create_task(wait(waits, 1))
    await asyncio.sleep(0)
    waits.cut(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_reply_that_comes_at_the_deadline_leaves_nobody_cancelled():
    async def catches(waits):
        waits.begin(1)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass  # as a transport may that has its reply already
        finally:
            waits.end(1)
        return asyncio.current_task().cancelling()

    waits = within(0.01)
    assert await asyncio.create_task(catches(waits)) == 0


async def test_each_caller_has_their_own_deadline_whoever_came_first():
    alarm, began = Alarm(), time.monotonic()

    async def timed(seconds):
        end = await wait(within(seconds, alarm), 1)
        return end, round(time.monotonic() - began, 1)

    assert await asyncio.gather(*map(timed, (0.3, 0.1, 0.2))) == [("late", 0.3), ("late", 0.1), ("late", 0.2)]


async def test_after_a_deadline_that_nobody_waited_for_the_next_one_still_comes():
    alarm = Alarm()
    assert await wait(within(0.05, alarm), 1, 0.0) == "over"
    async with asyncio.timeout(5):
        assert await wait(within(0.2, alarm), 1) == "late"


async def test_nothing_is_kept_of_whoever_waits_no_longer():
    alarm = Alarm()
    await asyncio.gather(wait(within(0.05, alarm), 1, 0.0), wait(within(0.05, alarm), 1, 0.01))
    assert not alarm._waits

    await asyncio.sleep(0.1)
    assert alarm._timer is None  # it has rung


def test_a_timer_of_a_loop_that_is_gone_is_not_waited_for():
    alarm = Alarm()
    assert asyncio.run(wait(within(10, alarm), 1, 0.0)) == "over"

    async def late():
        async with asyncio.timeout(5):
            return await wait(within(11, alarm), 1, 0.0), await wait(Waits(alarm, time.monotonic() + 0.05), 1)

    assert asyncio.run(late()) == ("over", "late")
