"""Chargers, on the OCPP side. Source: gateway contract, H1, H2, H3, H5, P3."""

from datetime import UTC, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BeforeValidator, TypeAdapter, WithJsonSchema

from ocpplab_graphql.sandbox.auth import Tenant
from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.ids import charger_row, ocpp_location_row
from ocpplab_graphql.sandbox.logs import LogFilter, log_window
from ocpplab_graphql.sandbox.problems import not_found
from ocpplab_graphql.sandbox.replies import Charger, ChargerStatus, Logs, Page
from ocpplab_graphql.sandbox.routes.common import Paging, Reads, answers, reply, reply_or_404
from ocpplab_graphql.sandbox.store import LocationScope, Store, Window

__all__ = ["router"]

router = APIRouter(tags=["Chargers"])


@router.get("/ocpp/chargers", summary="List chargers", responses=answers(200, Page[Charger]))
async def charger_list(
    organization: Tenant,
    window: Paging,
    store: Reads,
    location_id: Annotated[str | None, Query(description="an OCPP location id")] = None,
) -> Response:
    """The organization's chargers, or those of one OCPP location; none for an unknown location."""
    if location_id is None:
        return reply(await store.charger_list(organization, window))
    scope = await _scope(store, organization, location_id)
    if scope is None:
        return reply(window.reply([], 0))
    return reply(await store.chargers_of_location(scope, window))


@router.get("/ocpp/chargers/{charger_id}", summary="One charger", responses=answers(200, Charger, 404))
async def charger(charger_id: str, organization: Tenant, store: Reads) -> Response:
    """A charger by its deployment id."""
    row = charger_row(charger_id)
    body = None if row is None else await store.charger(organization, row)
    return reply_or_404(body, "charger", charger_id)


@router.get(
    "/ocpp/chargers/{charger_id}/status",
    summary="Charger provisioning status",
    responses=answers(200, ChargerStatus, 404),
)
async def charger_status(charger_id: str, organization: Tenant, store: Reads) -> Response:
    """How far the charger is."""
    row = charger_row(charger_id)
    body = None if row is None else await store.charger_status(organization, row)
    return reply_or_404(body, "charger", charger_id)


def _start(text: Any) -> Any:
    return _moment(text, time.min)


def _end(text: Any) -> Any:
    return _moment(text, time.max)


_moments: TypeAdapter[datetime] = TypeAdapter(datetime)


def _moment(text: Any, of_day: time) -> Any:
    """A date is its first or its last moment; a time without offset is UTC."""
    if not isinstance(text, str):
        return text
    # An unescaped `+` of an offset arrives as a space; a bare number is no date.
    moment = _moments.validate_python(text.replace(" ", "+") if "T" in text else text)
    if len(text) == 10:
        moment = datetime.combine(moment.date(), of_day)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_SHOWN = WithJsonSchema({"type": "string", "format": "date-time"})
Start = Annotated[datetime, BeforeValidator(_start), _SHOWN]
End = Annotated[datetime, BeforeValidator(_end), _SHOWN]


@router.get("/ocpp/chargers/{charger_id}/logs", summary="OCPP messages", responses=answers(200, Logs))
async def charger_logs(
    *,
    charger_id: str,
    organization: Tenant,
    store: Reads,
    start_date: Annotated[Start | None, Query(description="inclusive; a date is its start")] = None,
    end_date: Annotated[End | None, Query(description="inclusive; a date is its end")] = None,
    event: Annotated[str | None, Query(description="an OCPP action", examples=["Heartbeat"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """A charger's messages, oldest first; none for an unknown charger."""
    row = charger_row(charger_id)
    history = None if row is None else await store.charger_history(organization, row)
    return reply(log_window(history, LogFilter(start_date, end_date, event), limit, offset, now()))


@router.get(
    "/ocpp/locations/{ocpp_location_id}/chargers",
    summary="Chargers of one OCPP location",
    responses=answers(200, Page[Charger], 400, 404),
)
async def location_chargers(
    ocpp_location_id: str,
    organization: Tenant,
    window: Paging,
    store: Reads,
    charger_ids: Annotated[
        list[str] | None, Query(max_length=100, description="only these; 400 for ids of other locations")
    ] = None,
) -> Response:
    """All chargers of a location, or up to 100 by their ids."""
    scope = await _scope(store, organization, ocpp_location_id)
    if scope is None:
        raise not_found("OCPP location", ocpp_location_id)
    if not charger_ids:
        return reply(await store.chargers_of_location(scope, window))
    return await _chosen(store, scope, window, charger_ids)


async def _chosen(store: Store, scope: LocationScope, window: Window, charger_ids: list[str]) -> Response:
    rows = {charger_id: charger_row(charger_id) for charger_id in charger_ids}
    known = [row for row in rows.values() if row is not None]
    found = await store.chargers_by_id(scope, known, window)
    missing = set() if isinstance(found, bytes) else set(found)
    strangers = [text for text, row in rows.items() if row is None or row in missing]
    if strangers or not isinstance(found, bytes):
        shown = ", ".join(repr(text[:64]) for text in strangers[:10])
        raise HTTPException(400, f"not in ocpp-loc-{scope.location}: {shown}")
    return reply(found)


async def _scope(store: Store, organization: str, ocpp_location_id: str) -> LocationScope | None:
    row = ocpp_location_row(ocpp_location_id)
    return None if row is None else await store.location_scope(organization, row)
