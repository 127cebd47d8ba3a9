"""One timer for all calls of a client; and who was cancelled by somebody else stays cancelled."""

import asyncio
import time

import pytest

from ocpplab_graphql.gateway.waits import Waits


def within(seconds):
    return Waits(time.monotonic() + seconds)


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


async def test_no_timer_outlives_the_last_wait():
    waits = within(30)
    await asyncio.gather(wait(waits, 1, 0.0), wait(waits, 2, 0.01))

    assert waits._timer is None
