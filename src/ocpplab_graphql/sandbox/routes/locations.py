"""Locations and their bulk jobs. Source: gateway contract, L1 to L6."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Path, Response

from ocpplab_graphql.sandbox.auth import Tenant
from ocpplab_graphql.sandbox.construction import location_plans
from ocpplab_graphql.sandbox.ids import location_row
from ocpplab_graphql.sandbox.jobs import CpoGoneError, Submission
from ocpplab_graphql.sandbox.problems import not_found
from ocpplab_graphql.sandbox.replies import BulkAccepted, Job, Location, Page
from ocpplab_graphql.sandbox.requests import BulkLocations, LocationPatch, TemplateLocation, is_timezone
from ocpplab_graphql.sandbox.routes.common import (
    CpoId,
    IdempotencyKey,
    Jobs,
    Paging,
    Reads,
    Working,
    Writes,
    accepted_reply,
    answers,
    key_problems,
    known_cpo,
    reply_or_404,
)
from ocpplab_graphql.sandbox.templates import BY_SLUG

__all__ = ["router"]

router = APIRouter(tags=["Locations"])

LocationId = Annotated[str, Path(description="of a location of this CPO", examples=["loc-42"])]


@router.get(
    "/ocpi/cpos/{cpo_id}/locations", summary="List locations", responses=answers(200, Page[Location], 404)
)
async def location_list(cpo_id: CpoId, organization: Tenant, window: Paging, store: Reads) -> Response:
    """A CPO's locations with their chargers, in the order of their creation."""
    return reply_or_404(await store.location_list(organization, known_cpo(cpo_id), window), "CPO", cpo_id)


@router.get(
    "/ocpi/cpos/{cpo_id}/locations/jobs/{job_id}",
    summary="Bulk job status",
    responses=answers(200, Job, 404),
)
async def job(
    cpo_id: CpoId,
    job_id: Annotated[UUID, Path(description="uuid of the job")],
    organization: Tenant,
    store: Reads,
) -> Response:
    """A bulk job; its results are there when it is READY or FAILED."""
    key = str(job_id)
    return reply_or_404(await store.job(organization, known_cpo(cpo_id), key), "job", key)


@router.get(
    "/ocpi/cpos/{cpo_id}/locations/{location_id}",
    summary="One location",
    responses=answers(200, Location, 404),
)
async def location(cpo_id: CpoId, location_id: LocationId, organization: Tenant, store: Reads) -> Response:
    """A location under its CPO."""
    row = location_row(location_id)
    cpo = known_cpo(cpo_id)
    body = None if row is None else await store.location(organization, cpo, row)
    return reply_or_404(body, "location", location_id)


@router.post(
    "/ocpi/cpos/{cpo_id}/locations",
    summary="Bulk-create locations",
    status_code=202,
    responses=answers(202, BulkAccepted, 400, 404, 409, 413, 503),
)
async def bulk_create(
    *,
    cpo_id: CpoId,
    body: BulkLocations,
    organization: Tenant,
    store: Reads,
    submissions: Jobs,
    worker: Working,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """
    Accept a job that creates 1 to 1000 locations, one by one, each exactly once.

    An item is raw, or made from a template when it holds `template`. An item whose name holds `[fail]` fails.
    """
    cpo = known_cpo(cpo_id)
    said = body.model_dump_json(exclude_unset=True)
    submission = Submission.of_locations(organization, cpo, idempotency_key, said)
    with key_problems(idempotency_key):
        if (accepted := await submissions.answer_before(submission)) is None:
            if await store.cpo(organization, cpo) is None:
                raise not_found("CPO", cpo_id)
            _check_meaning(body)
            try:
                accepted = await submissions.submit_locations(submission, cpo, location_plans(body))
            except CpoGoneError:
                raise not_found("CPO", cpo_id) from None
    worker.wake()
    return accepted_reply(accepted)


@router.patch(
    "/ocpi/cpos/{cpo_id}/locations/{location_id}",
    summary="Update a location",
    responses=answers(200, Location, 404, 413),
)
async def update(
    cpo_id: CpoId,
    location_id: LocationId,
    organization: Tenant,
    store: Reads,
    changes: Writes,
    body: LocationPatch | None = None,
) -> Response:
    """Only fields that are present change; null clears what may be null. An empty body is 400."""
    cpo, row = known_cpo(cpo_id), location_row(location_id)
    if row is None or await store.location(organization, cpo, row) is None:
        raise not_found("location", location_id)
    changed = body.columns() if body else {}
    if not changed:
        raise HTTPException(400, "nothing to change: the body names no field of a location")
    if (zone := changed.get("timezone")) is not None and not is_timezone(zone):
        raise HTTPException(400, f"unknown IANA time zone {zone!r}")
    if not await changes.update_location(organization, cpo, row, changed):
        raise not_found("location", location_id)
    return reply_or_404(await store.location(organization, cpo, row), "location", location_id)


@router.delete(
    "/ocpi/cpos/{cpo_id}/locations/{location_id}",
    summary="Delete a location",
    status_code=204,
    response_class=Response,
    responses=answers(204, None, 404),
)
async def delete(cpo_id: CpoId, location_id: LocationId, organization: Tenant, changes: Writes) -> Response:
    """Delete a location with its chargers. A second time it is 404."""
    cpo, row = known_cpo(cpo_id), location_row(location_id)
    if row is None or not await changes.delete_location(organization, cpo, row):
        raise not_found("location", location_id)
    return Response(status_code=204)


def _check_meaning(body: BulkLocations) -> None:
    """
    What a shape cannot say: that the templates and the time zones exist. All mistakes in one sentence each.

    An unknown template is 400, because 404 means the CPO here.
    """
    wrong = []
    for index, item in enumerate(body.locations):
        if isinstance(item, TemplateLocation):
            zone = item.overrides.timezone
            if item.template not in BY_SLUG:
                wrong.append(f"locations[{index}]: unknown template {item.template!r}")
        else:
            zone = item.timezone
        if zone is not None and not is_timezone(zone):
            wrong.append(f"locations[{index}]: unknown IANA time zone {zone!r}")
    if wrong:
        more = f"; and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise HTTPException(400, "; ".join(wrong[:20]) + more)
