"""The galleries. They belong to no organization. Source: gateway contract, T1 and T2."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from ocpplab_graphql.sandbox.auth import Anyone
from ocpplab_graphql.sandbox.replies import CpoTemplates, LocationTemplates
from ocpplab_graphql.sandbox.requests import OcppVersion
from ocpplab_graphql.sandbox.routes.common import answers, reply
from ocpplab_graphql.sandbox.templates import CPO_TEMPLATES, CurrentType, matching_location_templates

__all__ = ["router"]

router = APIRouter(tags=["Templates"])


@router.get(
    "/ocpi/templates/cpos", summary="CPO templates", responses=answers(200, CpoTemplates, tenant=False)
)
async def cpo_templates(_caller: Anyone) -> Response:
    """What a CPO can be made from; not paginated."""
    rows = [template.shown() for template in CPO_TEMPLATES]
    return reply(msgspec.json.encode({"data": rows, "total": len(rows)}))


@router.get(
    "/ocpp/templates/locations",
    summary="Location templates",
    responses=answers(200, LocationTemplates, tenant=False),
)
async def location_templates(
    _caller: Anyone,
    current_type: Annotated[CurrentType | None, Query(alias="type")] = None,
    ocpp_version: Annotated[OcppVersion | None, Query(description="mixed templates match both")] = None,
) -> Response:
    """What a location can be made from; not paginated."""
    rows = [template.shown() for template in matching_location_templates(current_type, ocpp_version)]
    return reply(msgspec.json.encode({"data": rows, "total": len(rows)}))
