"""How jobs end: READY or FAILED, what they leave, and why something was not made."""

from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.models import cpos, job_items, jobs

__all__ = ["CREATE_CPO", "FAIL_MARK", "close_job", "pending_items", "simulated_failure", "unexpected_failure"]

# An item whose name holds this fails, for people who want to see a failure. It is looked for in the name of a
# location and in the name prefix of a CPO.
FAIL_MARK = "[fail]"

CREATE_CPO = "create_cpo"

pending_items = select(job_items.c.id).where(
    job_items.c.job_id == bindparam("job"), job_items.c.state == "PENDING"
)
_ITEMS = (
    select(job_items.c.item_index, job_items.c.name, job_items.c.location_id, job_items.c.error)
    .where(job_items.c.job_id == bindparam("job"))
    .order_by(job_items.c.item_index)
)


async def close_job(connection: AsyncConnection, job_id: str, cpo: int) -> bool:
    """Close a job when nothing of it is pending. Returns whether it is closed."""
    kind = await connection.scalar(select(jobs.c.job_type).where(jobs.c.id == job_id))
    if kind == CREATE_CPO:
        await connection.execute(select(cpos.c.id).where(cpos.c.id == cpo).with_for_update())
    if await connection.scalar(pending_items.limit(1), {"job": job_id}) is not None:
        return False
    rows = (await connection.execute(_ITEMS, {"job": job_id})).all()
    outcome = _provisioned(rows) if kind == CREATE_CPO else _bulk_created(rows)
    still_open = and_(jobs.c.id == job_id, jobs.c.status.in_(("PENDING", "PROVISIONING")))
    closed = await connection.execute(update(jobs).where(still_open).values(**outcome))
    if kind == CREATE_CPO and closed.rowcount:
        told = {key: outcome.get(key) for key in ("status", "error", "provisioned_at")}
        await connection.execute(
            update(cpos).where(cpos.c.id == cpo).values(**told, current_step=None, updated_at=now())
        )
    return True


def _bulk_created(rows: Any) -> dict[str, Any]:
    """READY when anything was created, FAILED when nothing was."""
    created = [f"loc-{location}" for _index, _name, location, _error in rows if location is not None]
    failed = [
        {"index": index, "name": name, "error": msgspec.Raw(error.encode())}
        for index, name, _location, error in rows
        if error is not None
    ]
    results = msgspec.json.encode({"location_ids": created, "failed": failed}).decode()
    if created:
        return {"status": "READY", "results": results, "provisioned_at": now()}
    message = f"none of {len(failed)} locations was created"
    error = _failure("all_items_failed", message, param=None, retryable=False)
    return {"status": "FAILED", "results": results, "error": error}


def _provisioned(rows: Any) -> dict[str, Any]:
    """READY when all of the CPO is there; otherwise its first failure is the CPO's."""
    errors = [error for _index, _name, _location, error in rows if error is not None]
    if not errors:
        return {"status": "READY", "provisioned_at": now()}
    return {"status": "FAILED", "error": errors[0]}


def _failure(code: str, message: str, *, param: str | None, retryable: bool) -> str:
    error = {
        "code": code,
        "message": message,
        "step": "create_location",
        "param": param,
        "doc_url": None,
        "retryable": retryable,
    }
    return msgspec.json.encode(error).decode()


def simulated_failure(kind: str) -> str:
    """The failure that a marked name asks for."""
    param = "name_prefix" if kind == CREATE_CPO else "name"
    message = f"the {param} holds {FAIL_MARK}, which makes the sandbox fail this item"
    return _failure("simulated_failure", message, param=param, retryable=False)


def unexpected_failure() -> str:
    """A failure of ours."""
    return _failure("internal_error", "the item could not be created", param=None, retryable=True)
