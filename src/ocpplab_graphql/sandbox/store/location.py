"""
Locations with the chargers embedded in them: the hottest read.

A page is three statements that never change their text: the CPO with its total, the page's rows by their ids
from an index, and the chargers of exactly those rows.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import chargers, cpos, locations
from ocpplab_graphql.sandbox.store.cpo import live_cpo, live_values
from ocpplab_graphql.sandbox.store.window import Window, encode

__all__ = ["LocationReads"]

_LOCATION = tuple(
    locations.c[name]
    for name in [
        "id",
        "organization_id",
        "slug",
        "name",
        "address",
        "city",
        "country",
        "latitude",
        "longitude",
        "timezone",
        "owner_name",
        "public",
        "detailed",
        "created_at",
        "updated_at",
    ]
)
_SUMMARY = tuple(
    chargers.c[name]
    for name in ["location_id", "id", "identity", "connector_type", "ocpp_version", "number_of_connectors"]
)

_of_live_cpo = and_(live_cpo, cpos.c.id == bindparam("cpo"))
_TOTAL = select(cpos.c.location_count).where(_of_live_cpo)


def _list(order: Any) -> Select[Any]:
    page = (
        select(locations.c.id)
        .where(locations.c.cpo_id == bindparam("cpo"))
        .order_by(order)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
    return select(*_LOCATION).where(locations.c.id.in_(page.scalar_subquery())).order_by(locations.c.id)


_LIST = _list(locations.c.id)
# A page of the second half is reached from the end: an offset costs a step for each row that it leaves out.
_LIST_FROM_END = _list(locations.c.id.desc())
# Rows of other CPOs may lie between the first and the last of a page.
_SUMMARIES = (
    select(*_SUMMARY)
    .where(
        chargers.c.location_id.in_(
            select(locations.c.id)
            .where(
                locations.c.cpo_id == bindparam("cpo"),
                locations.c.id.between(bindparam("first"), bindparam("last")),
            )
            .scalar_subquery()
        )
    )
    .order_by(chargers.c.location_id, chargers.c.id)
)
_ONE = select(*_LOCATION).where(
    locations.c.id == bindparam("location"),
    locations.c.cpo_id == select(cpos.c.id).where(_of_live_cpo).scalar_subquery(),
)


class LocationReads:
    """What is told about locations."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def location_list(self, organization: str, cpo: int, window: Window) -> bytes | None:
        """One page of a CPO's locations with their chargers. Source: gateway contract, L1."""
        values = live_values(organization, cpo=cpo)
        async with self._database.reading() as connection:
            total = await connection.scalar(_TOTAL, values)
            if total is None:
                return None
            if window.offset >= total:
                return window.reply([], total)
            present = min(window.limit, total - window.offset)
            after = total - window.offset - present
            from_end = after < window.offset
            values |= {"limit": present, "offset": after if from_end else window.offset}
            rows = await _locations(connection, _LIST_FROM_END if from_end else _LIST, values)
        return window.reply(rows, total)

    async def location(self, organization: str, cpo: int, location: int) -> bytes | None:
        """One location under its CPO. Source: gateway contract, L4."""
        values = live_values(organization, cpo=cpo, location=location)
        async with self._database.reading() as connection:
            rows = await _locations(connection, _ONE, values)
        return encode(rows[0]) if rows else None


async def _locations(
    connection: AsyncConnection, query: Select[Any], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The locations of a query, which are of one CPO, with their chargers."""
    rows = (await connection.execute(query, values)).all()
    if not rows:
        return []
    inside: dict[int, list[Any]] = {row[0]: [] for row in rows}
    ends = {"cpo": values["cpo"], "first": rows[0][0], "last": rows[-1][0]}
    for summary in (await connection.execute(_SUMMARIES, ends)).all():
        if (units := inside.get(summary[0])) is not None:
            units.append(summary)
    return [_location(row, inside[row[0]]) for row in rows]


def _location(row: Any, units: list[Any]) -> dict[str, Any]:
    number, organization, slug, name, address, city, country, latitude, longitude, *rest = row
    timezone, owner, public, detailed, created_at, updated_at = rest
    embedded = [_summary(unit) for unit in units]
    if detailed:
        for position, (unit, summary) in enumerate(zip(units, embedded, strict=True)):
            summary.update(_detail(unit, country, first=position == 0))
    return {
        "id": f"loc-{number}",
        "ocpp_location_id": f"ocpp-loc-{number}",
        "organization_id": organization,
        "slug": slug,
        "name": name,
        "address": address,
        "city": city,
        "country": country,
        "coordinates": {"latitude": latitude, "longitude": longitude},
        "timezone": timezone,
        "owner_name": owner,
        "public": public,
        "chargers": embedded,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _summary(row: Any) -> dict[str, Any]:
    _location_id, number, identity, connector_type, ocpp_version, _connectors = row
    return {
        "id": f"dep-{number}",
        "identity": identity,
        "connector_type": connector_type,
        "ocpp_version": ocpp_version,
    }


def _detail(row: Any, country: str, *, first: bool) -> dict[str, Any]:
    """What some locations also tell of a charger: its charge point id and its EVSEs."""
    number, connectors = row[1], row[5]
    detail: dict[str, Any] = {
        "charge_point_id": f"cp-{number}",
        "evses": [
            {
                "evse_uid": f"evse-{number}-{position}",
                "ocpi_evse_id": f"{country}*LAB*E{number:06d}*{position}",
                "ocpi_connector_id": "1",
                "topology_id": f"topo-{number}-{position}",
            }
            for position in range(1, connectors + 1)
        ],
    }
    if first:
        detail["topology_default_id"] = f"topo-{number}-1"
    return detail
