"""The worker: looks for jobs, leases their items, makes them, and keeps its leases fresh."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.construction import CpoGoneError, LocationPlan, create_locations
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.jobs.outcome import (
    FAIL_MARK,
    close_job,
    pending_items,
    simulated_failure,
    unexpected_failure,
)
from ocpplab_graphql.sandbox.jobs.reaper import reap
from ocpplab_graphql.sandbox.models import cpos, database_time, job_items, jobs

__all__ = ["Worker"]

LEASE_S = 1.5
RENEWAL_S = 0.4
# Few enough that a killed worker holds up little and two workers share a small job.
ITEMS_PER_LEASE = 8
POLL_S = 0.25
JOBS_AT_ONCE = 8
REAP_S = 1.0

_log = logging.getLogger(__name__)


class _Job(NamedTuple):
    job_id: str
    cpo: int
    organization: str
    kind: str
    status: str


class _LeaseLostError(Exception):
    """Another worker has taken the items over: what this one did with them is rolled back."""


_OPEN_JOBS = (
    select(jobs.c.id, jobs.c.cpo_id, jobs.c.organization_id, jobs.c.job_type, jobs.c.status)
    .where(jobs.c.status.in_(("PENDING", "PROVISIONING")))
    .order_by(jobs.c.created_at)
    .limit(JOBS_AT_ONCE)
)
_chosen = (
    select(job_items.c.id)
    .where(
        job_items.c.job_id == bindparam("job"),
        job_items.c.state == "PENDING",
        or_(job_items.c.lease_until.is_(None), job_items.c.lease_until < database_time()),
    )
    .order_by(job_items.c.id)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
    .cte("chosen")
)
_LEASE = (
    update(job_items)
    .where(job_items.c.id.in_(select(_chosen.c.id)))
    .values(lease_owner=bindparam("owner"), lease_until=database_time() + LEASE_S)
    .returning(job_items.c.id, job_items.c.name, job_items.c.payload)
)
_mine = and_(job_items.c.lease_owner == bindparam("owner"), job_items.c.state == "PENDING")
# An item that is being marked at this moment needs no renewal, and must not be waited for.
_RENEW = (
    update(job_items)
    .where(job_items.c.id.in_(select(job_items.c.id).where(_mine).with_for_update(skip_locked=True)))
    .values(lease_until=database_time() + LEASE_S)
)
_GIVE_BACK = update(job_items).where(_mine).values(lease_owner=None, lease_until=None)
# Locks what is still ours of some items.
_HELD = (
    select(job_items.c.id)
    .where(job_items.c.id.in_(bindparam("items", expanding=True)), _mine)
    .order_by(job_items.c.id)
    .with_for_update()
)
_MARK = (
    update(job_items)
    .where(job_items.c.id == bindparam("item"))
    .values(
        state=bindparam("to_state"),
        location_id=bindparam("made"),
        error=bindparam("why"),
        # The owner stays: it tells who did it.
        lease_until=None,
    )
)


class Worker:
    """
    Does the jobs of a database, those left behind by a killed process included.

    One task looks for jobs, one task per job does its items, one keeps the leases fresh, one removes what has
    expired.
    """

    def __init__(self, database: Database, step_delay_s: float) -> None:
        """
        Work on this database, pausing before every item.

        Without a pause the items of a lease commit together: each still exactly once, and nobody can see them
        come one by one.
        """
        self._database = database
        self._step_delay_s = step_delay_s
        self._owner = str(uuid.uuid4())
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin in the background."""
        self._tasks = [
            asyncio.create_task(self._look_for_jobs(), name="sandbox jobs"),
            asyncio.create_task(self._renew_leases(), name="sandbox leases"),
            asyncio.create_task(self._reap(), name="sandbox expiry"),
        ]

    def wake(self) -> None:
        """Say that there is a new job."""
        self._news.set()

    async def stop(self) -> None:
        """
        Stop between two commits. What is not done stays pending.

        Nothing is cancelled: a connection that is cut off inside a transaction may keep its lock.
        """
        self._stopping.set()
        self._news.set()
        # In this order: as long as the search runs, it may still begin a job that nobody here would wait for.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        # Let others go on at once with what we had leased.
        with contextlib.suppress(DBAPIError):
            async with self._database.writing() as connection:
                await connection.execute(_GIVE_BACK, {"owner": self._owner})

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past the end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _look_for_jobs(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            try:
                await self._take_up_jobs()
            except (DBAPIError, OSError) as error:
                _log.warning("jobs cannot be read, trying again: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)

    async def _take_up_jobs(self) -> None:
        async with self._database.reading() as connection:
            found = (await connection.execute(_OPEN_JOBS)).all()
        if self._stopping.is_set():
            return
        for row in found:
            job = _Job(*row)
            if job.job_id not in self._running and len(self._running) < JOBS_AT_ONCE:
                self._running[job.job_id] = asyncio.create_task(self._do_job(job), name=f"job {job.job_id}")

    async def _do_job(self, job: _Job) -> None:
        try:
            if job.status == "PENDING":
                await self._begin(job)
            while not self._stopping.is_set():
                items = await self._lease(job)
                await self._do_items(job, items)
                if len(items) < ITEMS_PER_LEASE and await self._finish(job):
                    break
                if not items:
                    # Others hold all that is left.
                    await self._pause(POLL_S)
        except (DBAPIError, OSError) as error:
            _log.warning("job %s pauses: %s", job.job_id, error)
            await self._pause(POLL_S)
        finally:
            del self._running[job.job_id]
            self._news.set()

    async def _begin(self, job: _Job) -> None:
        """A CPO's provisioning has started. Source: gateway contract, C3."""
        if self._step_delay_s:
            await self._pause(self._step_delay_s)
        async with self._database.writing() as connection:
            await connection.execute(
                update(cpos)
                .where(cpos.c.id == job.cpo, cpos.c.status == "PENDING")
                .values(status="PROVISIONING", current_step="create_locations", updated_at=now())
            )
            await connection.execute(
                update(jobs)
                .where(jobs.c.id == job.job_id, jobs.c.status == "PENDING")
                .values(status="PROVISIONING")
            )

    async def _lease(self, job: _Job) -> Sequence[Any]:
        """Take the next free items."""
        values = {"job": job.job_id, "count": ITEMS_PER_LEASE, "owner": self._owner}
        async with self._database.writing() as connection:
            items = (await connection.execute(_LEASE, values)).all()
        return sorted(items, key=lambda item: item.id)

    async def _do_items(self, job: _Job, items: Sequence[Any]) -> None:
        if not self._step_delay_s and len(items) > 1:
            with contextlib.suppress(_GoneWrongError):
                await self._settle(job, items)
                return
        for item in items:
            if self._step_delay_s:
                await self._pause(self._step_delay_s)
            if self._stopping.is_set():
                return
            try:
                await self._settle(job, [item])
            except _GoneWrongError as error:
                _log.error("an item of job %s failed", job.job_id, exc_info=error.__cause__)
                await self._settle(job, [item], unexpected_failure())

    async def _settle(self, job: _Job, items: Sequence[Any], error: str | None = None) -> None:
        """
        Make items, or write down why not, in one transaction.

        Raises:
            _GoneWrongError: something else than the database; nothing has changed.

        """
        try:
            async with self._database.writing() as connection:
                await self._make(connection, job, items, error)
        except (_LeaseLostError, CpoGoneError):
            _log.info("items of job %s are another worker's, or their CPO is gone", job.job_id)
        except DBAPIError as unusual:
            if _is_about_values(unusual):
                raise _GoneWrongError from unusual
            # The database, not the items: the job pauses and tries again.
            raise
        except Exception as unusual:
            raise _GoneWrongError from unusual

    async def _make(
        self, connection: AsyncConnection, job: _Job, items: Sequence[Any], error: str | None
    ) -> None:
        """The rows of some items and their marks."""
        marks: list[dict[str, Any]] = []
        plans, ids = [], []
        for item in items:
            why = error or (simulated_failure(job.kind) if FAIL_MARK in item.name else None)
            if why is None:
                ids.append(item.id)
                plans.append(msgspec.json.decode(item.payload, type=LocationPlan))
            else:
                marks.append({"item": item.id, "to_state": "FAILED", "made": None, "why": why})
        if plans:
            made = await create_locations(connection, job.organization, job.cpo, plans)
            marks += [
                {"item": item, "to_state": "DONE", "made": location, "why": None}
                for item, location in zip(ids, made, strict=True)
            ]
        wanted = [item.id for item in items]
        held = await connection.scalars(_HELD, {"items": wanted, "owner": self._owner})
        if len(held.all()) != len(wanted):
            raise _LeaseLostError
        await connection.execute(_MARK, marks)

    async def _finish(self, job: _Job) -> bool:
        """Close the job when nothing of it is pending. Returns whether it is closed."""
        if await self._database.first(pending_items.limit(1), {"job": job.job_id}) is not None:
            return False
        async with self._database.writing() as connection:
            return await close_job(connection, job.job_id, job.cpo)

    async def _renew_leases(self) -> None:
        """Say that we live, as long as we hold anything."""
        while not self._stopping.is_set():
            await self._pause(RENEWAL_S)
            if not self._running:
                continue
            try:
                async with self._database.writing() as connection:
                    await connection.execute(_RENEW, {"owner": self._owner})
            except (DBAPIError, OSError) as error:
                _log.warning("leases cannot be renewed: %s", error)

    async def _reap(self) -> None:
        while not self._stopping.is_set():
            try:
                await reap(self._database)
            except (DBAPIError, OSError) as error:
                _log.warning("what has expired cannot be removed: %s", error)
            await self._pause(REAP_S)


def _is_about_values(error: DBAPIError) -> bool:
    """Whether the same items would fail again. PostgreSQL tells by the class of its code."""
    code = str(getattr(error.orig, "sqlstate", None) or "")
    return isinstance(error, (IntegrityError, DataError)) or code[:2] in {"22", "23"}


class _GoneWrongError(Exception):
    """Items could not be made, for a reason that is neither the lease nor the database."""
