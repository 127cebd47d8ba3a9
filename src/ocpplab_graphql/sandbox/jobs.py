"""
Bulk jobs: accepting them, and the worker that does them.

A job's items are rows. A worker leases a few at a time and creates them one by one; the rows of an item and
its mark as done commit in one transaction, which also asserts that the lease is still held. So an item is
made exactly once, however often the process dies and however many workers share the database.

A lease is short and is renewed while its owner lives. What a killed worker had leased is free again
`LEASE_S` later; everything else of the job goes on at once.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.construction import LocationPlan, create_location
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import idempotency_keys, job_items, jobs

__all__ = ["FAIL_MARK", "KeyInUseError", "KeyReusedError", "Submission", "Submissions", "Worker"]

# An item whose name holds this fails, for people who want to see a failure.
FAIL_MARK = "[fail]"

LEASE_S = 1.5
RENEWAL_S = 0.4
# Few enough that a killed worker holds up little and two workers share a small job.
ITEMS_PER_LEASE = 8
POLL_S = 0.25
JOBS_AT_ONCE = 8

_ROUTE = "POST /ocpi/cpos/{cpo_id}/locations"

_log = logging.getLogger(__name__)


class KeyReusedError(Exception):
    """The idempotency key came before, with another request."""


class KeyInUseError(Exception):
    """A request with this idempotency key is being answered at this moment."""


class Submission(NamedTuple):
    """
    A bulk request that has passed every check.

    Args:
        fingerprint: what the request says, independent of its spelling; compared when a key comes again.

    """

    organization: str
    cpo: int
    key: str | None
    fingerprint: str

    @classmethod
    def of(cls, organization: str, cpo: int, key: str | None, body: str) -> "Submission":
        """Take the fingerprint of a request for one CPO."""
        return cls(organization, cpo, key, hashlib.sha256(f"{cpo}\n{body}".encode()).hexdigest())


class Submissions:
    """
    Accepting jobs, and remembering the answers by idempotency key.

    A key is bound to the organization and the route, and is stored in the transaction that creates its job:
    from then on it gives the first answer. It is in use only while that transaction runs.
    """

    def __init__(self, database: Database) -> None:
        """Keep jobs in this database."""
        self._database = database
        self._in_flight: set[tuple[str, str]] = set()

    async def answer_before(self, submission: Submission) -> bytes | None:
        """
        The first answer to this very request, or None when its key is new.

        Raises:
            KeyReusedError: the key belongs to another request.

        """
        if submission.key is None:
            return None
        query = select(idempotency_keys.c.fingerprint, idempotency_keys.c.answer).where(
            idempotency_keys.c.organization_id == submission.organization,
            idempotency_keys.c.route == _ROUTE,
            idempotency_keys.c.key == submission.key,
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        if row.fingerprint != submission.fingerprint:
            raise KeyReusedError
        answer: str = row.answer
        return answer.encode()

    async def submit(self, submission: Submission, plans: Sequence[LocationPlan]) -> bytes:
        """
        Create a job with its items and its key in one transaction. Returns the answer to send.

        Raises:
            KeyInUseError: the same key is being stored by another request.
            KeyReusedError: another process has just stored it for another request.

        """
        claim = (submission.organization, submission.key or "")
        if submission.key is not None and claim in self._in_flight:
            raise KeyInUseError
        self._in_flight.add(claim)
        try:
            async with self._database.writing() as connection:
                return await _insert_job(connection, submission, plans)
        except IntegrityError:
            if (answer := await self.answer_before(submission)) is not None:
                return answer
            raise
        finally:
            self._in_flight.discard(claim)


async def _insert_job(
    connection: AsyncConnection, submission: Submission, plans: Sequence[LocationPlan]
) -> bytes:
    job_id, run, moment = str(uuid.uuid4()), f"wfr_{uuid.uuid4().hex[:12]}", now()
    answer = msgspec.json.encode(
        {
            "job_id": job_id,
            "status": "PROVISIONING",
            "status_url": f"/ocpi/cpos/{submission.cpo}/locations/jobs/{job_id}",
            "workflow_run_id": run,
        }
    )
    if submission.key is not None:
        key_row = {
            "organization_id": submission.organization,
            "route": _ROUTE,
            "key": submission.key,
            "fingerprint": submission.fingerprint,
            "answer": answer.decode(),
            "created_at": moment,
        }
        await connection.execute(insert(idempotency_keys), key_row)
    job_row = {
        "id": job_id,
        "cpo_id": submission.cpo,
        "organization_id": submission.organization,
        "job_type": "bulk_create_locations",
        "status": "PROVISIONING",
        "workflow_run_id": run,
        "created_at": moment,
    }
    await connection.execute(insert(jobs), job_row)
    items = [
        {
            "job_id": job_id,
            "item_index": index,
            "name": plan.name,
            "payload": msgspec.json.encode(plan).decode(),
            "state": "PENDING",
        }
        for index, plan in enumerate(plans)
    ]
    await connection.execute(insert(job_items), items)
    return answer


class _Job(NamedTuple):
    job_id: str
    cpo: int
    organization: str


class _LeaseLostError(Exception):
    """Another worker has taken the item over: what this one did with it is rolled back."""


class Worker:
    """
    Does the jobs of a database, those left behind by a killed process included.

    One task looks for jobs, one task per job does its items, one keeps the leases fresh.
    """

    def __init__(self, database: Database, step_delay_s: float) -> None:
        """Work on this database, pausing before every item."""
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
        await asyncio.gather(*self._tasks, *self._running.values(), return_exceptions=True)
        await self._give_back()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past the end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _look_for_jobs(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            try:
                await self._take_up_jobs()
            except DBAPIError as error:
                _log.warning("jobs cannot be read, trying again: %s", error.orig)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_S)

    async def _take_up_jobs(self) -> None:
        query = (
            select(jobs.c.id, jobs.c.cpo_id, jobs.c.organization_id)
            .where(jobs.c.status == "PROVISIONING")
            .order_by(jobs.c.created_at)
            .limit(JOBS_AT_ONCE)
        )
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).all()
        for row in found:
            job = _Job(*row)
            if job.job_id not in self._running and len(self._running) < JOBS_AT_ONCE:
                self._running[job.job_id] = asyncio.create_task(self._do_job(job), name=f"job {job.job_id}")

    async def _do_job(self, job: _Job) -> None:
        try:
            while not self._stopping.is_set() and not await self._finish(job):
                for item in await self._lease(job):
                    await self._do_item(job, item)
        except DBAPIError as error:
            _log.warning("job %s pauses: %s", job.job_id, error.orig)
            await self._pause(POLL_S)
        finally:
            del self._running[job.job_id]
            self._news.set()

    async def _lease(self, job: _Job) -> list[Any]:
        """Take the next free items; none while others hold all that is left."""
        moment = time.time()
        free = or_(job_items.c.lease_until.is_(None), job_items.c.lease_until < moment)
        chosen = (
            select(job_items.c.id)
            .where(job_items.c.job_id == job.job_id, job_items.c.state == "PENDING", free)
            .order_by(job_items.c.id)
            .limit(ITEMS_PER_LEASE)
            .with_for_update(skip_locked=True)
        )
        lease = (
            update(job_items)
            .where(job_items.c.id.in_(chosen.scalar_subquery()))
            .values(lease_owner=self._owner, lease_until=moment + LEASE_S)
            .returning(job_items.c.id, job_items.c.name, job_items.c.payload)
        )
        async with self._database.writing() as connection:
            items = (await connection.execute(lease)).all()
        if not items:
            await self._pause(POLL_S)
        return sorted(items, key=lambda item: item.id)

    async def _do_item(self, job: _Job, item: Any) -> None:
        if self._step_delay_s:
            await self._pause(self._step_delay_s)
        if self._stopping.is_set():
            return
        try:
            if FAIL_MARK in item.name:
                await self._fail_item(item, _simulated_failure())
            else:
                await self._create_item(job, item)
        except _LeaseLostError:
            _log.info("an item of job %s was taken over by another worker", job.job_id)
        except OperationalError:
            # The database, not the item: the job pauses and tries again.
            raise
        except Exception:
            _log.exception("an item of job %s failed", job.job_id)
            await self._fail_item(item, _unexpected_failure())

    async def _create_item(self, job: _Job, item: Any) -> None:
        """The item's rows and its mark as done, in one transaction."""
        plan = msgspec.json.decode(item.payload, type=LocationPlan)
        async with self._database.writing() as connection:
            location = await create_location(connection, job.organization, job.cpo, plan)
            await self._mark(connection, item, state="DONE", location_id=location)

    async def _fail_item(self, item: Any, error: dict[str, Any]) -> None:
        with contextlib.suppress(_LeaseLostError):
            async with self._database.writing() as connection:
                await self._mark(connection, item, state="FAILED", error=msgspec.json.encode(error).decode())

    async def _mark(self, connection: AsyncConnection, item: Any, **values: object) -> None:
        mine = and_(
            job_items.c.id == item.id,
            job_items.c.state == "PENDING",
            job_items.c.lease_owner == self._owner,
        )
        marked = await connection.execute(
            update(job_items).where(mine).values(lease_owner=None, lease_until=None, **values)
        )
        if marked.rowcount != 1:
            raise _LeaseLostError

    async def _finish(self, job: _Job) -> bool:
        """Close the job when nothing of it is pending. Returns whether it is closed."""
        pending = select(func.count()).where(job_items.c.job_id == job.job_id, job_items.c.state == "PENDING")
        async with self._database.reading() as connection:
            if await connection.scalar(pending):
                return False
        async with self._database.writing() as connection:
            outcome = await _outcome(connection, job.job_id)
            still_open = and_(jobs.c.id == job.job_id, jobs.c.status == "PROVISIONING")
            await connection.execute(update(jobs).where(still_open).values(**outcome))
        return True

    async def _renew_leases(self) -> None:
        """Say that we live, as long as we hold anything."""
        mine = and_(job_items.c.lease_owner == self._owner, job_items.c.state == "PENDING")
        while not self._stopping.is_set():
            await self._pause(RENEWAL_S)
            if not self._running:
                continue
            try:
                async with self._database.writing() as connection:
                    await connection.execute(
                        update(job_items).where(mine).values(lease_until=time.time() + LEASE_S)
                    )
            except DBAPIError as error:
                _log.warning("leases cannot be renewed: %s", error.orig)

    async def _give_back(self) -> None:
        """Let others go on at once with what we had leased."""
        mine = and_(job_items.c.lease_owner == self._owner, job_items.c.state == "PENDING")
        with contextlib.suppress(DBAPIError):
            async with self._database.writing() as connection:
                await connection.execute(
                    update(job_items).where(mine).values(lease_owner=None, lease_until=None)
                )


async def _outcome(connection: AsyncConnection, job_id: str) -> dict[str, Any]:
    """The columns that close a job: READY when anything was created, FAILED when nothing was."""
    columns = (job_items.c.item_index, job_items.c.name, job_items.c.location_id, job_items.c.error)
    query = select(*columns).where(job_items.c.job_id == job_id).order_by(job_items.c.item_index)
    rows = (await connection.execute(query)).all()
    created = [f"loc-{location}" for _index, _name, location, _error in rows if location is not None]
    failed = [
        {"index": index, "name": name, "error": msgspec.Raw(error.encode())}
        for index, name, _location, error in rows
        if error is not None
    ]
    results = msgspec.json.encode({"location_ids": created, "failed": failed}).decode()
    if created:
        return {"status": "READY", "results": results, "provisioned_at": now()}
    error = msgspec.json.encode(_all_failed(len(failed))).decode()
    return {"status": "FAILED", "results": results, "error": error}


def _failure(code: str, message: str, *, param: str | None, retryable: bool) -> dict[str, Any]:
    return {
        "code": code,
        "message": message,
        "step": "create_location",
        "param": param,
        "doc_url": None,
        "retryable": retryable,
    }


def _simulated_failure() -> dict[str, Any]:
    message = f"the name holds {FAIL_MARK}, which makes the sandbox fail this item"
    return _failure("simulated_failure", message, param="name", retryable=False)


def _unexpected_failure() -> dict[str, Any]:
    return _failure("internal_error", "the item could not be created", param=None, retryable=True)


def _all_failed(count: int) -> dict[str, Any]:
    return _failure("all_items_failed", f"none of {count} locations was created", param=None, retryable=False)
