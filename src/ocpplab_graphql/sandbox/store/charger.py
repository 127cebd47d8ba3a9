"""Chargers as the OCPP side tells them. Those of an expired CPO are gone with it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import chargers, cpos, locations
from ocpplab_graphql.sandbox.store.cpo import live_cpo, live_values
from ocpplab_graphql.sandbox.store.window import Window, encode

__all__ = ["ChargerHistory", "ChargerReads", "LocationScope"]


class LocationScope(NamedTuple):
    """A location as its chargers' lists need it."""

    location: int
    charger_count: int


class ChargerHistory(NamedTuple):
    """What the message log of a charger is made from."""

    charger: int
    identity: str
    ocpp_version: str | None
    connectors: int
    vendor: str | None
    model: str | None
    max_power_w: int | None
    created_at: str


_CHARGER = tuple(
    chargers.c[name]
    for name in [
        "id",
        "identity",
        "name",
        "vendor_name",
        "model",
        "image_url",
        "ocpp_version",
        "number_of_connectors",
        "max_charging_power",
        "connector_type",
        "location_id",
        "created_at",
        "updated_at",
    ]
)
_HISTORY = tuple(
    chargers.c[name]
    for name in [
        "id",
        "identity",
        "ocpp_version",
        "number_of_connectors",
        "vendor_name",
        "model",
        "max_charging_power",
        "created_at",
    ]
)
_STATUS = (chargers.c.status, chargers.c.workflow_run_id, chargers.c.provisioned_at)

_of_this_cpo = and_(live_cpo, cpos.c.id == locations.c.cpo_id)
_this = and_(
    chargers.c.id == bindparam("charger"),
    select(locations.c.id)
    .join(cpos, _of_this_cpo)
    .where(locations.c.id == chargers.c.location_id)
    .correlate(chargers)
    .exists(),
)
_ONE = select(*_CHARGER).where(_this)
_ONE_STATUS = select(*_STATUS).where(_this)
_ONE_HISTORY = select(*_HISTORY).where(_this)
_SCOPE = (
    select(locations.c.id, locations.c.charger_count)
    .join(cpos, _of_this_cpo)
    .where(locations.c.id == bindparam("location"))
)


def _page(which: Any) -> Select[Any]:
    """The full records of a window over a condition; the window is taken from an index."""
    ids = (
        select(chargers.c.id)
        .where(which)
        .order_by(chargers.c.id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
        .scalar_subquery()
    )
    return select(*_CHARGER).where(chargers.c.id.in_(ids)).order_by(chargers.c.id)


_owned = chargers.c.organization_id == bindparam("organization")
_of_location = chargers.c.location_id == bindparam("location")
_wanted = and_(_of_location, chargers.c.id.in_(bindparam("wanted", expanding=True)))
_LIST = _page(_owned)
# Only while rows of expired CPOs wait for their removal.
_LIST_OF_LIVE = _page(
    and_(
        _owned,
        chargers.c.location_id.not_in(
            select(locations.c.id)
            .join(cpos, cpos.c.id == locations.c.cpo_id)
            .where(
                cpos.c.organization_id == bindparam("organization"), cpos.c.expires_at <= bindparam("moment")
            )
        ),
    )
)
_LIST_OF_LOCATION = _page(_of_location)
_LIST_OF_WANTED = _page(_wanted)
_KNOWN = select(chargers.c.id).where(_wanted)
# How many chargers there are, and how many CPOs are over.
_TOTALS = select(
    func.coalesce(func.sum(case((live_cpo, cpos.c.charger_count), else_=0)), 0),
    func.coalesce(func.sum(case((live_cpo, 0), else_=1)), 0),
).where(cpos.c.organization_id == bindparam("organization"))


class ChargerReads:
    """What is told about chargers."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def location_scope(self, organization: str, location: int) -> LocationScope | None:
        """The location whose chargers are asked for."""
        row = await self._database.first(_SCOPE, live_values(organization, location=location))
        return None if row is None else LocationScope(*row)

    async def charger_list(self, organization: str, window: Window) -> bytes:
        """The chargers of an organization. Source: gateway contract, H1."""
        values = live_values(organization)
        async with self._database.reading() as connection:
            total, over = (await connection.execute(_TOTALS, values)).one()
            if window.offset >= total:
                return window.reply([], total)
            rows = await _chargers(connection, _LIST_OF_LIVE if over else _LIST, window, values)
        return window.reply(rows, total)

    async def chargers_of_location(self, scope: LocationScope, window: Window) -> bytes:
        """The chargers of one location. Source: gateway contract, H1 and P3."""
        values = {"location": scope.location}
        async with self._database.reading() as connection:
            rows = await _chargers(connection, _LIST_OF_LOCATION, window, values)
        return window.reply(rows, scope.charger_count)

    async def chargers_by_id(
        self, scope: LocationScope, wanted: Sequence[int], window: Window
    ) -> bytes | list[int]:
        """
        Chargers of one location by their rows, or the rows that are not of this location.

        Source: gateway contract, P3.
        """
        values = {"location": scope.location, "wanted": list(wanted)}
        async with self._database.reading() as connection:
            known = set((await connection.scalars(_KNOWN, values)).all())
            if missing := [row for row in wanted if row not in known]:
                return missing
            rows = await _chargers(connection, _LIST_OF_WANTED, window, values)
        return window.reply(rows, len(known))

    async def charger(self, organization: str, charger: int) -> bytes | None:
        """One charger. Source: gateway contract, H2."""
        row = await self._database.first(_ONE, live_values(organization, charger=charger))
        return None if row is None else encode(_charger(row))

    async def charger_status(self, organization: str, charger: int) -> bytes | None:
        """How far a charger is. Source: gateway contract, H3."""
        row = await self._database.first(_ONE_STATUS, live_values(organization, charger=charger))
        if row is None:
            return None
        status, run, provisioned_at = row
        return encode(
            {
                "charger_id": f"dep-{charger}",
                "status": status,
                "workflow_run_id": run,
                "error": None,
                "provisioned_at": provisioned_at,
            }
        )

    async def charger_history(self, organization: str, charger: int) -> ChargerHistory | None:
        """What the message log of one charger is made from."""
        row = await self._database.first(_ONE_HISTORY, live_values(organization, charger=charger))
        return None if row is None else ChargerHistory(*row)


async def _chargers(
    connection: AsyncConnection, query: Select[Any], window: Window, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    page = {**values, "limit": window.limit, "offset": window.offset}
    return [_charger(row) for row in (await connection.execute(query, page)).all()]


def _charger(row: Any) -> dict[str, Any]:
    number, identity, name, vendor, model, image, version, connectors, power, kind, location, *times = row
    return {
        "id": f"dep-{number}",
        "identity": identity,
        "name": name,
        "vendor_name": vendor,
        "model": model,
        "image_url": image,
        "ocpp_version": version,
        "number_of_connectors": connectors,
        "max_charging_power": power,
        "connector_type": kind,
        "location_id": f"ocpp-loc-{location}",
        "created_at": times[0],
        "updated_at": times[1],
    }
