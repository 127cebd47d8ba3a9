"""A body is read whole, within its time, and whoever stops waiting for it leaves nothing behind."""

import asyncio
from typing import Any

import pytest

from ocpplab_graphql.http.bodies import Bodies
from ocpplab_graphql.http.envelope import ClientGone, Refusal


def receiving(*messages: dict[str, Any], each_after_s: float | None = None):
    left = [*messages]

    async def receive():
        if each_after_s is not None:
            await asyncio.sleep(each_after_s)
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("each_after_s", [None, 0, 0.01])
async def test_a_body_in_pieces_is_whole(each_after_s):
    bodies = Bodies(each=100, in_all=100, within_s=5)

    read = await bodies.read(
        receiving(piece(b"a", more=True), piece(b"", more=True), piece(b"b"), each_after_s=each_after_s), {}
    )

    assert (read, bodies.held) == (b"ab", 2)
    bodies.let_go(read)
    assert bodies.held == 0


@pytest.mark.parametrize("first", [[], [piece(b"a", more=True)]])
async def test_a_body_that_does_not_come_to_its_end_is_refused(first):
    bodies = Bodies(each=100, in_all=100, within_s=0.01)

    with pytest.raises(Refusal) as refused:
        await bodies.read(receiving(*first), {})

    assert (refused.value.status, bodies.held) == (408, 0)


async def test_a_caller_who_goes_while_they_send_is_gone():
    bodies = Bodies(each=100, in_all=100, within_s=5)
    gone = receiving(piece(b"a", more=True), {"type": "http.disconnect"}, each_after_s=0)

    with pytest.raises(ClientGone):
        await bodies.read(gone, {})

    assert bodies.held == 0


async def test_who_is_cancelled_while_they_read_is_cancelled_once_what_they_wait_for_has_cleaned_up():
    bodies = Bodies(each=100, in_all=100, within_s=5)
    cleaned_up = []

    async def receive():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned_up.append(True)

    reading = asyncio.create_task(bodies.read(receive, {}))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert cleaned_up == [True]
    assert bodies.held == 0


async def test_a_read_that_fails_says_so_at_once_and_later():
    bodies = Bodies(each=1, in_all=100, within_s=5)
    for each_after_s in (None, 0):
        with pytest.raises(Refusal) as refused:
            await bodies.read(receiving(piece(b"ab"), each_after_s=each_after_s), {})
        assert (refused.value.status, bodies.held) == (413, 0)
