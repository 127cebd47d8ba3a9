"""CPOs: list, one, status, report. Source: gateway contract, C1, C3, C4, C6."""

import msgspec
from fastapi import APIRouter, Response

from ocpplab_graphql.sandbox.auth import Tenant
from ocpplab_graphql.sandbox.problems import not_found
from ocpplab_graphql.sandbox.replies import Cpo, CpoReport, CpoStatus, Page
from ocpplab_graphql.sandbox.report import cpo_report
from ocpplab_graphql.sandbox.routes.common import (
    CpoId,
    Paging,
    Reads,
    answers,
    known_cpo,
    reply,
    reply_or_404,
)

__all__ = ["router"]

router = APIRouter(tags=["CPOs"])


@router.get("/ocpi/cpos", summary="List CPOs", responses=answers(200, Page[Cpo]))
async def cpo_list(organization: Tenant, window: Paging, store: Reads) -> Response:
    """The organization's live CPOs, in the order of their creation."""
    return reply(await store.cpo_list(organization, window))


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
