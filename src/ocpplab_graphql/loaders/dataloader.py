"""
aiodataloader's DataLoader, made safe. The only module that imports it.

What is mended, each with a test: cancelling one waiter cancels no other; a batch that is cancelled
or fails leaves nobody hanging and nothing cached; a running batch cannot be garbage-collected.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import aiodataloader

K = TypeVar("K")
V = TypeVar("V")

Batch = Callable[[Sequence[K]], Awaitable[Sequence[V | Exception]]]


class DataLoader(aiodataloader.DataLoader[K, V]):
    """
    Collects the keys of one level and reads them in one batch.

    Args:
        batch: results in the order of the keys; an exception in place of a result fails its key alone.
        patience: turns of the event loop to wait for more keys. Those who profit from what others
            read are more patient than those others.
    """

    def __init__(self, batch: Batch[K, V], *, patience: int) -> None:
        async def batch_load(keys: list[K]) -> Any:
            return await batch(keys)

        super().__init__(batch_load, loop=asyncio.get_running_loop())
        self._batch_function = batch
        self._patience = patience
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def load(self, key: K) -> "asyncio.Future[V]":
        """The value of a key. Cancelling this future leaves the batch, and everybody else, alone."""
        return asyncio.shield(super().load(key))

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        """Queue a key; the first one starts the batch, after `patience` turns of the loop."""
        # Nobody may be left to look at a failure; that is no reason to log it.
        future.add_done_callback(_looked_at)
        self._queue.append(aiodataloader.Loader(key=key, future=future))
        if len(self._queue) == 1:
            self.loop.call_soon(self._wait, self._patience)

    def _wait(self, turns: int) -> None:
        if turns > 1:
            self.loop.call_soon(self._wait, turns - 1)
            return
        if self._closed:
            queue, self._queue = self._queue, []
            self._fail(queue, RuntimeError("the loader was closed"))
            return
        task = self.loop.create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        queue, self._queue = self._queue, []
        try:
            results = await self._batch_function([waiting.key for waiting in queue])
            for waiting, result in zip(queue, results, strict=True):
                self._settle(waiting, result)
        except asyncio.CancelledError:
            self._fail(queue, RuntimeError("the batch was cancelled"))
            raise
        except Exception as error:  # whatever it is, it belongs to those who wait
            self._fail(queue, error)

    def _settle(self, waiting: Any, result: V | Exception) -> None:
        if waiting.future.done():
            return
        if isinstance(result, Exception):
            self.clear(waiting.key)
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)

    def _fail(self, queue: Sequence[Any], error: Exception) -> None:
        for waiting in queue:
            self._settle(waiting, error)

    async def aclose(self) -> None:
        """Stop the batches that still run; no other will start."""
        self._closed = True
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def _looked_at(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
