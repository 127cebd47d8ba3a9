"""What aiodataloader does wrong, mended: nobody hangs, nobody is cancelled with another, no failure stays."""

import asyncio
import gc

import pytest

from ocpplab_graphql.loaders.dataloader import DataLoader


class Batches:
    """A batch function that waits until it is told to go on."""

    def __init__(self, outcome=None) -> None:
        self.asked = []
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.outcome = outcome or (lambda key: f"row {key}")

    async def __call__(self, keys):
        self.asked.append(list(keys))
        self.started.set()
        await self.go_on.wait()
        return [self.outcome(key) for key in keys]


@pytest.fixture
async def batches():
    return Batches()


async def test_keys_of_one_level_are_one_batch_and_equal_keys_one_key(batches):
    loader = DataLoader(batches, patience=1)
    batches.go_on.set()

    assert await asyncio.gather(*map(loader.load, "aba")) == ["row a", "row b", "row a"]
    assert batches.asked == [["a", "b"]]


async def test_patience_is_counted_in_turns_of_the_loop(batches):
    loader = DataLoader(batches, patience=3)
    batches.go_on.set()
    early = loader.load("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = loader.load("b")

    assert await asyncio.gather(early, late) == ["row a", "row b"]
    assert batches.asked == [["a", "b"]]


async def test_cancelling_one_waiter_cancels_no_other_of_the_same_key(batches):
    loader = DataLoader(batches, patience=1)
    first, second = loader.load("a"), loader.load("a")
    await batches.started.wait()

    first.cancel()
    batches.go_on.set()

    assert await second == "row a"
    assert first.cancelled()


async def test_a_sibling_task_that_is_cancelled_takes_nobody_with_it(batches):
    loader = DataLoader(batches, patience=1)

    async def resolve():
        return await loader.load("a")

    sibling, unrelated = asyncio.create_task(resolve()), asyncio.create_task(resolve())
    await batches.started.wait()
    sibling.cancel()
    await asyncio.wait([sibling])
    batches.go_on.set()

    assert await unrelated == "row a"


async def test_a_key_whose_waiter_was_cancelled_can_be_loaded_again(batches):
    loader = DataLoader(batches, patience=1)
    waiter = loader.load("a")
    await batches.started.wait()
    waiter.cancel()
    batches.go_on.set()

    assert await loader.load("a") == "row a"
    assert batches.asked == [["a"]]


async def test_a_batch_that_is_cancelled_leaves_nobody_hanging_and_nothing_cached(batches):
    loader = DataLoader(batches, patience=1)
    waiters = [loader.load("a"), loader.load("b")]
    await batches.started.wait()

    for task in loader._running:
        task.cancel()

    for waiter in waiters:
        with pytest.raises(RuntimeError, match="the batch was cancelled"):
            await asyncio.wait_for(waiter, 1)
    batches.go_on.set()
    assert await loader.load("a") == "row a"


async def test_a_batch_that_raises_fails_its_keys_and_is_not_remembered():
    outcomes = iter([OSError("down"), None])

    async def batch(keys):
        if error := next(outcomes):
            raise error
        return keys

    loader = DataLoader(batch, patience=1)

    failed = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert [str(error) for error in failed] == ["down", "down"]
    assert await loader.load("a") == "a"


async def test_an_exception_for_one_key_fails_it_alone_and_is_not_remembered():
    def outcome(key):
        return ValueError("bad") if key == "bad" and len(batches.asked) == 1 else f"row {key}"

    batches = Batches(outcome)
    batches.go_on.set()
    loader = DataLoader(batches, patience=1)

    good, bad = await asyncio.gather(loader.load("good"), loader.load("bad"), return_exceptions=True)
    assert (good, type(bad)) == ("row good", ValueError)
    assert await loader.load("bad") == "row bad"
    assert batches.asked == [["good", "bad"], ["bad"]]


@pytest.mark.parametrize("results", [[], ["a"], ["a", "b", "c"]])
async def test_a_batch_that_answers_too_few_or_too_many_leaves_nobody_hanging(results):
    async def batch(_keys):
        return results

    loader = DataLoader(batch, patience=1)
    loaded = asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)

    assert all(
        found in {"a", "b"} or isinstance(found, ValueError) for found in await asyncio.wait_for(loaded, 1)
    )


async def test_a_running_batch_cannot_be_garbage_collected(batches):
    loader = DataLoader(batches, patience=1)
    waiter = loader.load("a")
    await batches.started.wait()

    gc.collect()
    batches.go_on.set()

    assert len(loader._running) == 1
    assert await waiter == "row a"
    assert loader._running == set()


async def test_a_failure_that_nobody_waits_for_is_not_logged(caplog):
    batches = Batches(ValueError)
    loader = DataLoader(batches, patience=1)
    waiter = loader.load("a")
    await batches.started.wait()
    waiter.cancel()
    batches.go_on.set()
    await asyncio.gather(*loader._running)

    del waiter, loader
    gc.collect()
    assert caplog.records == []


async def test_closing_stops_the_batches_that_run(batches):
    loader = DataLoader(batches, patience=1)
    waiter = loader.load("a")
    await batches.started.wait()

    await loader.aclose()

    with pytest.raises(RuntimeError, match="the batch was cancelled"):
        await waiter


async def test_no_batch_starts_after_closing(batches):
    loader = DataLoader(batches, patience=4)
    waiter = loader.load("a")

    await loader.aclose()

    with pytest.raises(RuntimeError, match="the loader was closed"):
        await asyncio.wait_for(waiter, 1)
    assert batches.asked == []
