"""
Accepting jobs, and remembering the answers by idempotency key.

A key is bound to the organization and the route, and is stored in the transaction that creates its job: from
then on it gives the first answer. It is in use only while that transaction runs. The secrets of a new CPO are
kept on its own row and nowhere else: a stored answer is without them, and a repetition tells them again as
long as the CPO is there.
"""

import hashlib
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now, shifted
from ocpplab_graphql.sandbox.construction import CpoGoneError, LocationPlan
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.jobs.outcome import CREATE_CPO
from ocpplab_graphql.sandbox.models import cpos, idempotency_keys, job_items, jobs, organizations
from ocpplab_graphql.sandbox.parties import free_party
from ocpplab_graphql.sandbox.store import (
    BULK_LOCATIONS,
    add_organization,
    live_cpo,
    live_values,
    versions_url,
)

__all__ = [
    "Accepted",
    "CpoGoneError",
    "KeyInUseError",
    "KeyReusedError",
    "NewCpo",
    "Submission",
    "Submissions",
]

BULK_ROUTE = "POST /ocpi/cpos/{cpo_id}/locations"
CPO_ROUTE = "POST /ocpi/cpos"

# Two processes may take the same free party at once; the loser looks again.
_ATTEMPTS = 5


class KeyReusedError(Exception):
    """The idempotency key came before, with another request."""


class KeyInUseError(Exception):
    """A request with this idempotency key is being answered at this moment."""


class Accepted(NamedTuple):
    """The answer to send, and whether it was given before."""

    body: bytes
    replayed: bool


class NewCpo(NamedTuple):
    """A CPO as it was asked for, every default filled in."""

    country_code: str
    party_id: str
    role: str
    name_prefix: str
    template: str
    template_version: int
    ocpi_version: str
    ttl_seconds: int | None


class Submission(NamedTuple):
    """
    A request that has passed every check of its shape.

    Args:
        fingerprint: what the request says, independent of its spelling; compared when a key comes again.

    """

    organization: str
    route: str
    key: str | None
    fingerprint: str

    @classmethod
    def of_locations(cls, organization: str, cpo: int, key: str | None, body: str) -> "Submission":
        """A bulk request for one CPO."""
        return cls(organization, BULK_ROUTE, key, _fingerprint(f"{cpo}\n{body}"))

    @classmethod
    def of_cpo(cls, organization: str, key: str | None, body: str) -> "Submission":
        """A request for a new CPO."""
        return cls(organization, CPO_ROUTE, key, _fingerprint(body))


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_KEY = select(idempotency_keys.c.fingerprint, idempotency_keys.c.answer).where(
    idempotency_keys.c.organization_id == bindparam("organization"),
    idempotency_keys.c.route == bindparam("route"),
    idempotency_keys.c.key == bindparam("key"),
)
_SECRETS = select(cpos).where(live_cpo, cpos.c.id == bindparam("cpo"))


class Submissions:
    """The door through which jobs come in."""

    def __init__(self, database: Database) -> None:
        """Keep jobs in this database."""
        self._database = database
        self._in_flight: set[tuple[str, str, str]] = set()

    async def answer_before(self, submission: Submission) -> Accepted | None:
        """
        The first answer to this very request, or None when its key is new.

        Raises:
            KeyReusedError: the key belongs to another request.

        """
        if submission.key is None:
            return None
        values = {"organization": submission.organization, "route": submission.route, "key": submission.key}
        row = await self._database.first(_KEY, values)
        if row is None:
            return None
        if row.fingerprint != submission.fingerprint:
            raise KeyReusedError
        if submission.route == BULK_ROUTE:
            return Accepted(row.answer.encode(), replayed=True)
        answer = msgspec.json.decode(row.answer)
        cpo = await self._database.first(
            _SECRETS, live_values(submission.organization, cpo=int(answer["cpo_id"]))
        )
        shown = answer if cpo is None else {**answer, **_secrets(cpo._mapping)}
        return Accepted(msgspec.json.encode(shown), replayed=True)

    async def submit_locations(
        self, submission: Submission, cpo: int, plans: Sequence[LocationPlan]
    ) -> Accepted:
        """
        Create a job with its items and its key in one transaction.

        Raises:
            KeyInUseError: the same key is being stored by another request.
            KeyReusedError: another process has just stored it for another request.
            CpoGoneError: the CPO has just been deleted.

        """
        return await self._once(
            submission, lambda connection: _insert_bulk(connection, submission, cpo, plans)
        )

    async def submit_cpo(
        self, submission: Submission, asked: NewCpo, plans: Sequence[LocationPlan]
    ) -> Accepted:
        """Create a CPO with the job that provisions it and its key in one transaction. Raises the same."""
        return await self._once(
            submission, lambda connection: _insert_cpo(connection, submission, asked, plans)
        )

    async def _once(
        self, submission: Submission, make: Callable[[AsyncConnection], Awaitable[bytes]]
    ) -> Accepted:
        claim = (submission.organization, submission.route, submission.key or "")
        if submission.key is not None and claim in self._in_flight:
            raise KeyInUseError
        self._in_flight.add(claim)
        try:
            for attempt in range(_ATTEMPTS):
                try:
                    async with self._database.writing() as connection:
                        return Accepted(await make(connection), replayed=False)
                except IntegrityError as error:
                    if (answer := await self.answer_before(submission)) is not None:
                        return answer
                    if attempt == _ATTEMPTS - 1:
                        raise CpoGoneError from error
        finally:
            self._in_flight.discard(claim)
        raise CpoGoneError


async def _insert_bulk(
    connection: AsyncConnection, submission: Submission, cpo: int, plans: Sequence[LocationPlan]
) -> bytes:
    job_id, run = str(uuid.uuid4()), _workflow_run()
    answer = msgspec.json.encode(
        {
            "job_id": job_id,
            "status": "PROVISIONING",
            "status_url": f"/ocpi/cpos/{cpo}/locations/jobs/{job_id}",
            "workflow_run_id": run,
        }
    )
    await _insert_key(connection, submission, answer)
    row = {"id": job_id, "cpo_id": cpo, "job_type": BULK_LOCATIONS, "status": "PROVISIONING"}
    names = [plan.name for plan in plans]
    await _insert_job(connection, submission, {**row, "workflow_run_id": run}, names, plans)
    return answer


async def _insert_cpo(
    connection: AsyncConnection, submission: Submission, asked: NewCpo, plans: Sequence[LocationPlan]
) -> bytes:
    moment, run = now(), _workflow_run()
    # The row may have been taken away by a reset since the organization was seen. Locking it makes creations
    # of one organization queue: the party that is free stays free until the CPO is in.
    await add_organization(connection, submission.organization, submission.organization)
    owner = organizations.c.id == submission.organization
    await connection.execute(select(organizations.c.id).where(owner).with_for_update(key_share=True))
    over = (cpos.c.organization_id == submission.organization, cpos.c.expires_at <= moment)
    await connection.execute(delete(cpos).where(*over))
    row: dict[str, Any] = {
        "organization_id": submission.organization,
        "country_code": asked.country_code,
        "party_id": await free_party(connection, submission.organization, asked.country_code, asked.party_id),
        "role": asked.role,
        "name_prefix": asked.name_prefix,
        "template": asked.template,
        "template_version": asked.template_version,
        "ocpi_version": asked.ocpi_version,
        "token_a": f"tok_a_{secrets.token_hex(16)}",
        "status": "PENDING",
        "workflow_run_id": run,
        "expires_at": None if asked.ttl_seconds is None else shifted(moment, asked.ttl_seconds),
        "created_at": moment,
        "updated_at": moment,
    }
    cpo = (await connection.execute(insert(cpos).returning(cpos.c.id), row)).scalar_one()
    answer = _cpo_answer(cpo, row)
    await _insert_key(connection, submission, msgspec.json.encode(answer))
    job = {"id": str(uuid.uuid4()), "cpo_id": cpo, "job_type": CREATE_CPO, "status": "PENDING"}
    names = [f"{asked.name_prefix}: {plan.name}" for plan in plans]
    await _insert_job(connection, submission, {**job, "workflow_run_id": run}, names, plans)
    return msgspec.json.encode({**answer, **_secrets(row)})


def _cpo_answer(cpo: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to C2, its secrets left out."""
    party = {name: row[name] for name in ("country_code", "party_id", "role")}
    return {
        "cpo_id": str(cpo),
        "party": party,
        "name_prefix": row["name_prefix"],
        "template": row["template"],
        "template_version": row["template_version"],
        "token_a": None,
        "ocpi_peer_url": versions_url(row["ocpi_version"]),
        "roam_helper": None,
        "workflow_run_id": row["workflow_run_id"],
        "status": "PENDING",
        "status_url": f"/ocpi/cpos/{cpo}/status",
        "destroy_url": f"/ocpi/cpos/{cpo}",
        "expires_at": row["expires_at"],
    }


def _secrets(row: Mapping[str, Any]) -> dict[str, Any]:
    """What only the reply to C2 tells: Token A, and how a peer registers with it."""
    token, url = row["token_a"], versions_url(row["ocpi_version"])
    role = {
        "role": row["role"],
        "country_code": row["country_code"],
        "party_id": row["party_id"],
        "business_details": {"name": row["name_prefix"]},
    }
    return {
        "token_a": token,
        "roam_helper": {
            "credentials_payload": {"token": token, "url": url, "roles": [role]},
            "curl_snippet": f"curl -H 'Authorization: Token {token}' {url}",
        },
    }


def _workflow_run() -> str:
    return f"wfr_{uuid.uuid4().hex[:12]}"


async def _insert_key(connection: AsyncConnection, submission: Submission, answer: bytes) -> None:
    if submission.key is None:
        return
    row = {
        "organization_id": submission.organization,
        "route": submission.route,
        "key": submission.key,
        "fingerprint": submission.fingerprint,
        "answer": answer.decode(),
        "created_at": now(),
    }
    await connection.execute(insert(idempotency_keys), row)


async def _insert_job(
    connection: AsyncConnection,
    submission: Submission,
    job: Mapping[str, Any],
    names: Sequence[str],
    plans: Sequence[LocationPlan],
) -> None:
    row = {**job, "organization_id": submission.organization, "created_at": now()}
    await connection.execute(insert(jobs), row)
    items = [
        {
            "job_id": job["id"],
            "item_index": index,
            "name": name,
            "payload": msgspec.json.encode(plan).decode(),
            "state": "PENDING",
        }
        for index, (name, plan) in enumerate(zip(names, plans, strict=True))
    ]
    await connection.execute(insert(job_items), items)
