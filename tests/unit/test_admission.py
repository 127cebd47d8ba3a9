"""Who gets a place, who waits, who is sent away."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplab_graphql.errors import Overloaded
from ocpplab_graphql.http.admission import Admission
from ocpplab_graphql.places import Places


@given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=200))
def test_places_are_bounded_and_the_last_quarter_is_for_who_has_less_than_a_quarter(at_most, steps):
    places = Places(at_most)
    held = dict.fromkeys("abcd", 0)
    for takes, who in steps:
        if takes and places.has_room_for(who):
            places.take(who)
            held[who] += 1
        elif not takes and held[who]:
            places.give_back(who)
            held[who] -= 1

        assert places.taken == sum(held.values()) <= at_most
        assert {who: places.held_by(who) for who in held} == held
        assert max(held.values()) <= at_most - at_most // 4
        if places.taken < at_most and at_most >= 4:
            assert all(places.has_room_for(who) for who, own in held.items() if own < at_most // 4)


async def test_as_many_as_there_are_places_run_and_the_next_waits_for_one():
    admission = Admission(at_once=2, wait_s=10)
    first, _second = await admission.place("a"), await admission.place("b")
    third = asyncio.ensure_future(admission.place("c"))
    await asyncio.sleep(0)
    waited = admission.waiting
    first.leave()
    (await third).leave()

    assert (waited, admission.waiting, admission.running) == (1, 0, 1)
    assert not admission.is_shedding()


async def test_who_waits_too_long_is_told_when_to_come_again():
    now = 0.0
    admission = Admission(at_once=1, wait_s=0.01, now=lambda: now)
    await admission.place("a")
    with pytest.raises(Overloaded, match="executes 1 operations at once") as refused:
        await admission.place("b")

    assert (refused.value.retryable, refused.value.retry_after_ms) == (True, 1000)
    assert (admission.running, admission.waiting) == (1, 0)
    assert admission.is_shedding()
    now = 2.0
    assert not admission.is_shedding()


async def test_when_too_many_wait_the_last_of_the_largest_crowd_is_sent_away_at_once():
    admission = Admission(at_once=3, wait_s=10)
    for who in "abc":
        await admission.place(who)
    crowd = [asyncio.ensure_future(admission.place("greedy")) for _ in range(3)]
    await asyncio.sleep(0)
    modest = asyncio.ensure_future(admission.place("modest"))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await crowd[2]
    assert [one.done() for one in (*crowd, modest)] == [False, False, True, False]
    for one in (*crowd[:2], modest):
        one.cancel()
    await asyncio.gather(*crowd, modest, return_exceptions=True)
    assert (admission.running, admission.waiting) == (3, 0)


async def test_a_free_place_goes_to_who_has_the_fewest():
    admission = Admission(at_once=3, wait_s=10)
    held = [await admission.place("greedy") for _ in range(3)]
    greedy = asyncio.ensure_future(admission.place("greedy"))
    await asyncio.sleep(0)
    modest = asyncio.ensure_future(admission.place("modest"))
    await asyncio.sleep(0)
    held[0].leave()
    await modest

    assert not greedy.done()
    held[1].leave()
    await greedy


async def test_one_caller_leaves_a_quarter_to_others_and_is_told_so_without_the_process_shedding():
    admission = Admission(at_once=8, wait_s=0.01)
    for _ in range(6):
        await admission.place("greedy")
    with pytest.raises(Overloaded, match="as many operations running at once as one caller may"):
        await admission.place("greedy")
    await admission.place("modest")

    assert admission.running == 7
    assert not admission.is_shedding()


async def test_a_place_is_left_once_however_often_it_is_said():
    admission = Admission(at_once=1, wait_s=10)
    with await admission.place("a") as place:
        place.leave()
        place.leave()
    assert admission.running == 0


@pytest.mark.parametrize("admitted", [True, False])
async def test_who_is_cancelled_while_waiting_takes_no_place(admitted):
    admission = Admission(at_once=1, wait_s=10)
    place = await admission.place("a")
    waiting = asyncio.ensure_future(admission.place("b"))
    await asyncio.sleep(0)
    if admitted:
        place.leave()  # at the very moment
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    place.leave()

    assert (admission.running, admission.waiting) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=60))
def test_whatever_comes_and_goes_no_place_is_lost(operations):
    async def run() -> tuple[int, int]:
        admission = Admission(at_once=4, wait_s=0.001)

        async def operate(who: str, steps: int) -> None:
            with await admission.place(who):
                for _ in range(steps):
                    await asyncio.sleep(0)

        tasks = []
        for who, steps, cancelled in operations:
            tasks.append(asyncio.ensure_future(operate(who, steps)))
            await asyncio.sleep(0)
            if cancelled:
                tasks[len(tasks) // 2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return admission.running, admission.waiting

    assert asyncio.run(run()) == (0, 0)
