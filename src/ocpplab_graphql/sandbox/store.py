"""
Every read of the sandbox, from SQL straight to the reply's JSON.

A reply is built from row tuples and encoded once; pydantic is not asked again about what came out of our own
database. A list reads the ids of its window from an index first, so that rows before the window are never
touched, and takes its total from the count kept on the row above. Embedded chargers of a whole page are one
query.

Every method takes the caller's organization and answers None for what is not there or is somebody else's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import chargers, cpos, jobs, locations, organizations

__all__ = ["ChargerHistory", "LocationScope", "Store", "Window"]

# SQLite's largest row offset. A page beyond it is past every end.
_LARGEST_OFFSET = 2**62

_encode = msgspec.json.Encoder().encode

OCPI_VERSIONS_URL = "https://api.ocpplab.test/ocpi/2.2.1/versions"


class Window(NamedTuple):
    """A page as it was asked for."""

    page: int
    limit: int

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return min((self.page - 1) * self.limit, _LARGEST_OFFSET)

    def reply(self, rows: Sequence[Mapping[str, Any]], total: int) -> bytes:
        """The list envelope. The page is written by hand: it may be larger than an encoder's integers."""
        tail = b',"total":%d,"page":%d,"limit":%d}' % (total, self.page, self.limit)
        return b'{"data":' + _encode(rows) + tail


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


class Store:
    """The reads, and the one write that a read may cause: an organization seen for the first time."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database
        self._seen: set[str] = set()

    async def see_organization(self, organization_id: str, name: str) -> None:
        """Create the organization of a token when it is seen first."""
        if organization_id in self._seen:
            return
        async with self._database.writing() as connection:
            await add_organization(connection, organization_id, name)
        self._seen.add(organization_id)

    async def cpo_list(self, organization: str, window: Window) -> bytes:
        """The live CPOs of an organization. Source: gateway contract, C1."""
        live = _live(organization)
        rows = select(*_CPO).where(live).order_by(cpos.c.id).limit(window.limit).offset(window.offset)
        async with self._database.reading() as connection:
            total = await connection.scalar(select(func.count()).select_from(cpos).where(live))
            found = (await connection.execute(rows)).all()
        return window.reply([_cpo(row) for row in found], total or 0)

    async def cpo(self, organization: str, cpo: int) -> bytes | None:
        """One CPO. Source: gateway contract, C4."""
        row = await self._one(select(*_CPO).where(_live(organization), cpos.c.id == cpo))
        return None if row is None else _encode(_cpo(row))

    async def cpo_status(self, organization: str, cpo: int) -> bytes | None:
        """How far a CPO is. Source: gateway contract, C3."""
        row = await self._one(select(*_CPO_STATUS).where(_live(organization), cpos.c.id == cpo))
        return None if row is None else _encode(_cpo_status(row))

    async def cpo_row(self, organization: str, cpo: int) -> Mapping[str, Any] | None:
        """A CPO's whole row, Token A included."""
        row = await self._one(select(cpos).where(_live(organization), cpos.c.id == cpo))
        return None if row is None else row._mapping

    async def location_list(self, organization: str, cpo: int, window: Window) -> bytes | None:
        """One page of a CPO's locations with their chargers. Source: gateway contract, L1."""
        page = (
            select(locations.c.id)
            .where(locations.c.cpo_id == cpo)
            .order_by(locations.c.id)
            .limit(window.limit)
            .offset(window.offset)
        )
        async with self._database.reading() as connection:
            total = await connection.scalar(
                select(cpos.c.location_count).where(_live(organization), cpos.c.id == cpo)
            )
            if total is None:
                return None
            if window.offset >= total:
                return window.reply([], total)
            rows = await _locations(connection, locations.c.id.in_(page.scalar_subquery()))
        return window.reply(rows, total)

    async def location(self, organization: str, cpo: int, location: int) -> bytes | None:
        """One location under its CPO. Source: gateway contract, L4."""
        async with self._database.reading() as connection:
            rows = await _locations(
                connection,
                and_(
                    locations.c.id == location,
                    locations.c.cpo_id == cpo,
                    locations.c.organization_id == organization,
                    locations.c.cpo_id.in_(select(cpos.c.id).where(_live(organization), cpos.c.id == cpo)),
                ),
            )
        return _encode(rows[0]) if rows else None

    async def job(self, organization: str, cpo: int, job_id: str) -> bytes | None:
        """One bulk job under its CPO. Source: gateway contract, L3."""
        row = await self._one(
            select(*_JOB).where(
                jobs.c.id == job_id, jobs.c.cpo_id == cpo, jobs.c.organization_id == organization
            )
        )
        return None if row is None else _encode(_job(row))

    async def location_scope(self, organization: str, location: int) -> LocationScope | None:
        """The location whose chargers are asked for."""
        row = await self._one(
            select(locations.c.id, locations.c.charger_count).where(
                locations.c.id == location, locations.c.organization_id == organization
            )
        )
        return None if row is None else LocationScope(*row)

    async def charger_list(self, organization: str, window: Window) -> bytes:
        """The chargers of an organization. Source: gateway contract, H1."""
        page = select(chargers.c.id).where(chargers.c.organization_id == organization)
        total = select(func.coalesce(func.sum(cpos.c.charger_count), 0)).where(
            cpos.c.organization_id == organization
        )
        async with self._database.reading() as connection:
            count = await connection.scalar(total) or 0
            rows = await _chargers(connection, page, window) if window.offset < count else []
        return window.reply(rows, count)

    async def chargers_of_location(self, scope: LocationScope, window: Window) -> bytes:
        """The chargers of one location. Source: gateway contract, H1 and P3."""
        page = select(chargers.c.id).where(chargers.c.location_id == scope.location)
        async with self._database.reading() as connection:
            rows = await _chargers(connection, page, window)
        return window.reply(rows, scope.charger_count)

    async def chargers_by_id(
        self, scope: LocationScope, wanted: Sequence[int], window: Window
    ) -> bytes | list[int]:
        """
        Chargers of one location by their rows, or the rows that are not of this location.

        Source: gateway contract, P3.
        """
        page = select(chargers.c.id).where(
            chargers.c.location_id == scope.location, chargers.c.id.in_(wanted)
        )
        async with self._database.reading() as connection:
            present = set((await connection.scalars(page)).all())
            if strangers := [row for row in wanted if row not in present]:
                return strangers
            rows = await _chargers(connection, page, window)
        return window.reply(rows, len(present))

    async def charger(self, organization: str, charger: int) -> bytes | None:
        """One charger. Source: gateway contract, H2."""
        row = await self._one(select(*_CHARGER).where(_own_charger(organization, charger)))
        return None if row is None else _encode(_charger(row))

    async def charger_status(self, organization: str, charger: int) -> bytes | None:
        """How far a charger is. Source: gateway contract, H3."""
        columns = (chargers.c.status, chargers.c.workflow_run_id, chargers.c.provisioned_at)
        row = await self._one(select(*columns).where(_own_charger(organization, charger)))
        if row is None:
            return None
        status, run, provisioned_at = row
        return _encode(
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
        c = chargers.c
        columns = (
            c.id,
            c.identity,
            c.ocpp_version,
            c.number_of_connectors,
            c.vendor_name,
            c.model,
            c.max_charging_power,
            c.created_at,
        )
        row = await self._one(select(*columns).where(_own_charger(organization, charger)))
        return None if row is None else ChargerHistory(*row)

    async def _one(self, query: Select[Any]) -> Any | None:
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first()


async def add_organization(connection: AsyncConnection, organization_id: str, name: str) -> None:
    """Add an organization unless it is there."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"id": organization_id, "name": name, "created_at": now()}
    await connection.execute(insert(organizations).values(row).on_conflict_do_nothing())


def _live(organization: str) -> Any:
    """CPOs of an organization that have not expired."""
    return and_(
        cpos.c.organization_id == organization,
        or_(cpos.c.expires_at.is_(None), cpos.c.expires_at > now()),
    )


def _own_charger(organization: str, charger: int) -> Any:
    return and_(chargers.c.id == charger, chargers.c.organization_id == organization)


_CPO = tuple(
    cpos.c[name]
    for name in [
        "id",
        "country_code",
        "party_id",
        "role",
        "name_prefix",
        "template",
        "template_version",
        "location_count",
        "charger_count",
        "evse_count",
        "connector_count",
        "expires_at",
        "created_at",
        "updated_at",
    ]
)


def _cpo(row: Any) -> dict[str, Any]:
    number, country, party, role, prefix, template, version, sites, units, evses, connectors, *times = row
    expires_at, created_at, updated_at = times
    return {
        "cpo_id": str(number),
        "party": {"country_code": country, "party_id": party, "role": role},
        "name_prefix": prefix,
        "template": template,
        "template_version": version,
        "token_a": None,
        "ocpi_peer_url": OCPI_VERSIONS_URL,
        "roam_helper": None,
        "topology": {"locations": sites, "chargers": units, "evses": evses, "connectors": connectors},
        "expires_at": expires_at,
        "report_url": f"/ocpi/cpos/{number}/report",
        "destroy_url": f"/ocpi/cpos/{number}",
        "created_at": created_at,
        "updated_at": updated_at,
    }


_CPO_STATUS = tuple(
    cpos.c[name]
    for name in [
        "id",
        "status",
        "workflow_run_id",
        "error",
        "current_step",
        "provisioned_at",
        "created_at",
        "updated_at",
    ]
)


def _cpo_status(row: Any) -> dict[str, Any]:
    number, status, run, error, step, provisioned_at, created_at, updated_at = row
    return {
        "cpo_id": str(number),
        "status": status,
        "status_url": f"/ocpi/cpos/{number}/status",
        "workflow_run_id": run,
        "error": _raw(error),
        "progress": {"current_step": step} if status == "PROVISIONING" and step else None,
        "provisioned_at": provisioned_at,
        "created_at": created_at,
        "updated_at": updated_at,
    }


_JOB = tuple(
    jobs.c[name]
    for name in ["id", "job_type", "status", "workflow_run_id", "error", "results", "provisioned_at"]
)


def _job(row: Any) -> dict[str, Any]:
    job_id, job_type, status, run, error, results, provisioned_at = row
    return {
        "job_id": job_id,
        "job_type": job_type,
        "status": status,
        "workflow_run_id": run,
        "error": _raw(error),
        "results": _raw(results),
        "provisioned_at": provisioned_at,
    }


def _raw(text: str | None) -> msgspec.Raw | None:
    """JSON that was stored as text, to be sent as it is."""
    return None if text is None else msgspec.Raw(text.encode())


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


async def _locations(connection: AsyncConnection, which: Any) -> list[dict[str, Any]]:
    """The locations of a condition with their chargers: two queries, however many there are."""
    rows = (await connection.execute(select(*_LOCATION).where(which).order_by(locations.c.id))).all()
    if not rows:
        return []
    inside: dict[int, list[Any]] = {row[0]: [] for row in rows}
    summaries = select(*_SUMMARY).where(chargers.c.location_id.in_(list(inside))).order_by(chargers.c.id)
    for summary in (await connection.execute(summaries)).all():
        inside[summary[0]].append(summary)
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


async def _chargers(connection: AsyncConnection, page: Select[Any], window: Window) -> list[dict[str, Any]]:
    ids = page.order_by(chargers.c.id).limit(window.limit).offset(window.offset).scalar_subquery()
    query = select(*_CHARGER).where(chargers.c.id.in_(ids)).order_by(chargers.c.id)
    return [_charger(row) for row in (await connection.execute(query)).all()]


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
