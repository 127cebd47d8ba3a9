"""CPOs: list, create, one, status, report, delete. Source: gateway contract, C1 to C6."""

import secrets

import msgspec
from fastapi import APIRouter, Response

from ocpplab_graphql.sandbox.auth import Tenant
from ocpplab_graphql.sandbox.ids import cpo_row
from ocpplab_graphql.sandbox.jobs import NewCpo, Submission
from ocpplab_graphql.sandbox.networks import NetworkSize, network_plans, size_of
from ocpplab_graphql.sandbox.problems import invalid, not_found
from ocpplab_graphql.sandbox.replies import Cpo, CpoAccepted, CpoReport, CpoStatus, Page
from ocpplab_graphql.sandbox.report import cpo_report
from ocpplab_graphql.sandbox.requests import CpoOverrides, CreateCpo
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
    reply,
    reply_or_404,
)
from ocpplab_graphql.sandbox.templates import CPO_TEMPLATES_BY_SLUG, CpoTemplate

__all__ = ["router"]

router = APIRouter(tags=["CPOs"])


@router.get("/ocpi/cpos", summary="List CPOs", responses=answers(200, Page[Cpo]))
async def cpo_list(organization: Tenant, window: Paging, store: Reads) -> Response:
    """The organization's live CPOs, in the order of their creation."""
    return reply(await store.cpo_list(organization, window))


@router.post(
    "/ocpi/cpos",
    summary="Create a CPO",
    status_code=202,
    responses=answers(202, CpoAccepted, 404, 409, 413, 503),
)
async def create(
    *,
    body: CreateCpo,
    organization: Tenant,
    submissions: Jobs,
    worker: Working,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """
    Accept a CPO and the job that provisions it from a template: PENDING, PROVISIONING, then READY or FAILED.

    Only this reply tells Token A and the roam helper; an answer that is repeated by its key tells them again.
    """
    submission = Submission.of_cpo(organization, idempotency_key, body.model_dump_json(exclude_unset=True))
    with key_problems(idempotency_key):
        if (accepted := await submissions.answer_before(submission)) is None:
            template = CPO_TEMPLATES_BY_SLUG.get(body.template)
            if template is None:
                raise not_found("CPO template", body.template)
            size = _size(template, body.overrides or CpoOverrides())
            seed = secrets.randbits(63) if body.seed is None else body.seed
            plans = network_plans(template, seed, body.name_prefix, size)
            accepted = await submissions.submit_cpo(submission, _asked(body, template), plans)
    worker.wake()
    answer = accepted_reply(accepted)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _asked(body: CreateCpo, template: CpoTemplate) -> NewCpo:
    return NewCpo(
        country_code=body.country_code,
        party_id=body.party_id,
        role=body.role.upper(),
        name_prefix=body.name_prefix,
        template=template.slug,
        template_version=template.version,
        ocpi_version=body.ocpi_version,
        ttl_seconds=body.ttl_seconds,
    )


def _size(template: CpoTemplate, wanted: CpoOverrides) -> NetworkSize:
    """The counts asked for; 422 beyond the template's caps, which the document cannot tell."""
    caps = {
        "locations": template.most_locations,
        "chargers_per_location": template.most_chargers_per_location,
    }
    for name, cap in caps.items():
        value = getattr(wanted, name)
        if value is not None and value > cap:
            message = f"Input should be less than or equal to {cap} for the template {template.slug}"
            raise invalid(("body", "overrides", name), message, "less_than_equal", value, {"le": cap})
    return size_of(template, wanted.locations, wanted.chargers_per_location)


@router.get("/ocpi/cpos/{cpo_id}", summary="One CPO", responses=answers(200, Cpo, 404))
async def cpo(cpo_id: CpoId, organization: Tenant, store: Reads) -> Response:
    """A CPO by its id. Token A is never shown here."""
    return reply_or_404(await store.cpo(organization, known_cpo(cpo_id)), "CPO", cpo_id)


@router.get(
    "/ocpi/cpos/{cpo_id}/status", summary="Provisioning status", responses=answers(200, CpoStatus, 404)
)
async def cpo_status(cpo_id: CpoId, organization: Tenant, store: Reads) -> Response:
    """How far the CPO is: PENDING, PROVISIONING, READY or FAILED."""
    return reply_or_404(await store.cpo_status(organization, known_cpo(cpo_id)), "CPO", cpo_id)


@router.get(
    "/ocpi/cpos/{cpo_id}/report", summary="Report in Markdown", responses=answers(200, CpoReport, 404)
)
async def report(cpo_id: CpoId, organization: Tenant, store: Reads) -> Response:
    """The report holds Token A in clear: a secret, `Cache-Control: no-store`."""
    row = await store.cpo_row(organization, known_cpo(cpo_id))
    if row is None:
        raise not_found("CPO", cpo_id)
    body = msgspec.json.encode({"cpo_id": cpo_id, "markdown": cpo_report(row)})
    return reply(body, headers={"Cache-Control": "no-store"})


@router.delete(
    "/ocpi/cpos/{cpo_id}",
    summary="Delete a CPO",
    status_code=204,
    response_class=Response,
    responses=answers(204, None),
)
async def delete(cpo_id: CpoId, organization: Tenant, changes: Writes) -> Response:
    """Delete a CPO with its locations, chargers and jobs. Deleting what is not there is a success too."""
    row = cpo_row(cpo_id)
    if row is not None:
        await changes.delete_cpo(organization, row)
    return Response(status_code=204)
