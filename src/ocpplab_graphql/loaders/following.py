"""
Durable work, followed: one poll of the gateway for each piece of work and caller, however many look on.

A poll begins with its first follower and ends with its last. Nothing is queued: whoever is slow gets
the newest state when they ask again. Credentials are compared, and live as long as the poll.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocpplab_graphql.errors import FacadeError, Overloaded
from ocpplab_graphql.gateway.client import Credentials, Gateway, GatewayClient
from ocpplab_graphql.gateway.decode import decode
from ocpplab_graphql.gateway.records import FINISHED, JobRecord, ProvisioningRecord, Record
from ocpplab_graphql.places import Places
from ocpplab_graphql.telemetry import logger

# While nothing changes, each wait is longer than the one before by this factor: a change is then told
# after about a fifth of the time that it took, at most.
_BACKOFF = 1.25
_RETRY_AFTER_MAX_S = 60.0

Key = tuple[str, ...]
State = Record | FacadeError
Follow = Callable[[type[Record], Key], AsyncGenerator[State, None]]


async def _job(client: GatewayClient, key: Key) -> Record:
    cpo_id, job_id = key
    return decode((await client.location_job(cpo_id, job_id)).body, JobRecord, key=job_id)


async def _provisioning(client: GatewayClient, key: Key) -> Record:
    (cpo_id,) = key
    return decode((await client.cpo_status(cpo_id)).body, ProvisioningRecord)


# Per record that tells how durable work stands, the read that brings it; its key as the loaders have it.
_READS: Mapping[type[Record], Callable[[GatewayClient, Key], Awaitable[Record]]] = {
    JobRecord: _job,
    ProvisioningRecord: _provisioning,
}


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one poll is for. Two callers share it only if they said exactly the same about themselves."""

    record: type[Record]
    key: Key
    credentials: Credentials


@dataclass(slots=True)
class _Poll:
    """
    One poll, and what it last brought.

    Attributes:
        version: counts the states; 0 before the first.
        changed: set when the next state is there, and then replaced.
    """

    task: asyncio.Task[None] | None = None
    followers: int = 0
    state: State | None = None
    version: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, state: State) -> bool:
        """Note a state; whether it differs from the one before."""
        if self.state is not None and _same(self.state, state):
            return False
        self.state = state
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()
        return True


class Following:
    """
    All polls of this process.

    Args:
        interval_s: seconds between two reads, at first and after each change.
        interval_max_s: longest wait while nothing changes.
        timeout_s: deadline of one read.
        followers_max: most followers at once, of whatever; the last quarter of them is for callers who have less
            than a quarter.
        sleep: how to wait between two reads.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        interval_s: float,
        interval_max_s: float,
        timeout_s: float,
        followers_max: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gateway = gateway
        self._interval_s = interval_s
        self._interval_max_s = max(interval_s, interval_max_s)
        self._timeout_s = timeout_s
        self._places = Places(followers_max)
        self._sleep = sleep
        self._polls: dict[_Subject, _Poll] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def for_caller(self, credentials: Credentials) -> Follow:
        """`follow` with this caller's credentials."""

        def follow(record: type[Record], key: Key) -> AsyncGenerator[State, None]:
            return self.follow(_Subject(record, key, credentials))

        return follow

    async def follow(self, subject: _Subject) -> AsyncGenerator[State, None]:
        """
        The present state, each change, and the final state as the last.

        A gateway that fails is a state too, an exception, and so is its return; one that refuses
        (no such job, a token that is not accepted any more) is the final state.

        Raises:
            Overloaded: too many follow already.
        """
        if not self._places.has_room_for(subject.credentials):
            raise self._overloaded()
        poll = self._joined(subject)
        seen = 0
        try:
            while True:
                if poll.version == seen:
                    await poll.changed.wait()
                seen, state = poll.version, poll.state
                assert state is not None  # noqa: S101  # a version above 0 has one
                if isinstance(state, FacadeError):
                    # Raised once for each follower: without this it would keep the frames of them all.
                    state.with_traceback(None)
                yield state
                if _is_final(state):
                    return
        finally:
            self._left(subject, poll)

    async def aclose(self) -> None:
        """Stop every poll; who still follows waits for ever."""
        for subject, poll in list(self._polls.items()):
            self._end(subject, poll)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _overloaded(self) -> Overloaded:
        if self._places.full:
            many = f"This server lets {self._places.at_most} subscriptions follow at once, and so many do: "
        else:
            many = "You follow as much at once as one caller may while there are others: complete some of it, or "
        return Overloaded(many + "try again later, or read the state with a query.")

    def _joined(self, subject: _Subject) -> _Poll:
        poll = self._polls.get(subject)
        if poll is None:
            poll = self._polls[subject] = _Poll()
            poll.task = asyncio.get_running_loop().create_task(self._run(subject, poll))
        poll.followers += 1
        self._places.take(subject.credentials)
        return poll

    def _left(self, subject: _Subject, poll: _Poll) -> None:
        poll.followers -= 1
        self._places.give_back(subject.credentials)
        if not poll.followers:
            self._end(subject, poll)

    def _end(self, subject: _Subject, poll: _Poll) -> None:
        if self._polls.get(subject) is poll:
            del self._polls[subject]
        if poll.task is not None and not poll.task.done():
            self._ending.add(poll.task)
            poll.task.add_done_callback(self._ending.discard)
            poll.task.cancel()

    async def _run(self, subject: _Subject, poll: _Poll) -> None:
        wait_s = self._interval_s
        while True:
            state = await self._read(subject)
            changed = poll.tell(state)
            if _is_final(state):
                # Whoever comes now asks anew; those who are here have what they need.
                self._polls.pop(subject, None)
                return
            wait_s = self._interval_s if changed else min(wait_s * _BACKOFF, self._interval_max_s)
            await self._sleep(max(wait_s, _asked_to_wait_s(state)))

    async def _read(self, subject: _Subject) -> State:
        client = self._gateway.client(subject.credentials, timeout_s=self._timeout_s)
        try:
            return await _READS[subject.record](client, subject.key)
        except FacadeError as error:
            return error
        except Exception:
            logger.exception("following: unexpected error")
            return FacadeError("Following failed on our side; it has been logged.")


def _is_final(state: State) -> bool:
    if isinstance(state, FacadeError):
        return not state.retryable
    status: Any = getattr(state, "status", None)
    return isinstance(status, str) and status in FINISHED


def _same(before: State, now: State) -> bool:
    """Whether a follower would see no difference; of two failures the code counts, not the words."""
    if isinstance(before, FacadeError) or isinstance(now, FacadeError):
        return getattr(before, "code", None) is getattr(now, "code", None)
    return before == now


def _asked_to_wait_s(state: State) -> float:
    asked_ms = state.retry_after_ms if isinstance(state, FacadeError) else None
    return min((asked_ms or 0) / 1000, _RETRY_AFTER_MAX_S)
