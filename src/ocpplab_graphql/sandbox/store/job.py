"""Bulk jobs, as their clients poll them."""

from typing import Any

from sqlalchemy import bindparam, select

from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import cpos, jobs
from ocpplab_graphql.sandbox.store.cpo import live_cpo, live_values
from ocpplab_graphql.sandbox.store.window import encode, raw

__all__ = ["BULK_LOCATIONS", "JobReads"]

# The job type that L3 shows. Provisioning a CPO is a job too, and is told by C3.
BULK_LOCATIONS = "bulk_create_locations"

_JOB = tuple(
    jobs.c[name]
    for name in ["id", "job_type", "status", "workflow_run_id", "error", "results", "provisioned_at"]
)
_ONE = select(*_JOB).where(
    jobs.c.id == bindparam("job"),
    jobs.c.job_type == BULK_LOCATIONS,
    jobs.c.cpo_id == select(cpos.c.id).where(live_cpo, cpos.c.id == bindparam("cpo")).scalar_subquery(),
)


class JobReads:
    """What is told about bulk jobs."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def job(self, organization: str, cpo: int, job_id: str) -> bytes | None:
        """One bulk job under its CPO. Source: gateway contract, L3."""
        row = await self._database.first(_ONE, live_values(organization, cpo=cpo, job=job_id))
        return None if row is None else encode(_job(row))


def _job(row: Any) -> dict[str, Any]:
    job_id, job_type, status, run, error, results, provisioned_at = row
    return {
        "job_id": job_id,
        "job_type": job_type,
        "status": status,
        "workflow_run_id": run,
        "error": raw(error),
        "results": raw(results),
        "provisioned_at": provisioned_at,
    }
