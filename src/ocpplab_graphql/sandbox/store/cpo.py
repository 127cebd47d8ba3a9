"""CPOs: list, one, status. Which of them are there at all is said here, for everybody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import cpos
from ocpplab_graphql.sandbox.store.window import Window, encode, raw

__all__ = ["CpoReads", "live_cpo", "live_values", "versions_url"]


def versions_url(ocpi_version: str) -> str:
    """Where a peer finds a CPO's OCPI versions."""
    return f"https://api.ocpplab.test/ocpi/{ocpi_version}/versions"


# A CPO is gone at the second of its expiry, whenever its rows are.
live_cpo: ColumnElement[bool] = and_(
    cpos.c.organization_id == bindparam("organization"),
    or_(cpos.c.expires_at.is_(None), cpos.c.expires_at > bindparam("moment")),
)


def live_values(organization: str, **more: Any) -> dict[str, Any]:
    """The parameters of `live_cpo`, at this moment."""
    return {"organization": organization, "moment": now(), **more}


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
        "ocpi_version",
        "location_count",
        "charger_count",
        "evse_count",
        "connector_count",
        "expires_at",
        "created_at",
        "updated_at",
    ]
)
_STATUS = tuple(
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
_this = and_(live_cpo, cpos.c.id == bindparam("cpo"))
_COUNT = select(func.count()).select_from(cpos).where(live_cpo)
_LIST = (
    select(*_CPO).where(live_cpo).order_by(cpos.c.id).limit(bindparam("limit")).offset(bindparam("offset"))
)
_ONE = select(*_CPO).where(_this)
_ONE_STATUS = select(*_STATUS).where(_this)
_ONE_WHOLE = select(cpos).where(_this)


class CpoReads:
    """What is told about CPOs."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def cpo_list(self, organization: str, window: Window) -> bytes:
        """The live CPOs of an organization. Source: gateway contract, C1."""
        values = live_values(organization)
        async with self._database.reading() as connection:
            total = await connection.scalar(_COUNT, values)
            page = {**values, "limit": window.limit, "offset": window.offset}
            found = (await connection.execute(_LIST, page)).all()
        return window.reply([_cpo(row) for row in found], total or 0)

    async def cpo(self, organization: str, cpo: int) -> bytes | None:
        """One CPO. Source: gateway contract, C4."""
        row = await self._database.first(_ONE, live_values(organization, cpo=cpo))
        return None if row is None else encode(_cpo(row))

    async def cpo_status(self, organization: str, cpo: int) -> bytes | None:
        """How far a CPO is. Source: gateway contract, C3."""
        row = await self._database.first(_ONE_STATUS, live_values(organization, cpo=cpo))
        return None if row is None else encode(_cpo_status(row))

    async def cpo_row(self, organization: str, cpo: int) -> Mapping[str, Any] | None:
        """A CPO's whole row, Token A included."""
        row = await self._database.first(_ONE_WHOLE, live_values(organization, cpo=cpo))
        return None if row is None else dict(row._mapping)


def _cpo(row: Any) -> dict[str, Any]:
    number, country, party, role, prefix, template, version, ocpi_version, *rest = row
    sites, units, evses, connectors, expires_at, created_at, updated_at = rest
    return {
        "cpo_id": str(number),
        "party": {"country_code": country, "party_id": party, "role": role},
        "name_prefix": prefix,
        "template": template,
        "template_version": version,
        "token_a": None,
        "ocpi_peer_url": versions_url(ocpi_version),
        "roam_helper": None,
        "topology": {"locations": sites, "chargers": units, "evses": evses, "connectors": connectors},
        "expires_at": expires_at,
        "report_url": f"/ocpi/cpos/{number}/report",
        "destroy_url": f"/ocpi/cpos/{number}",
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _cpo_status(row: Any) -> dict[str, Any]:
    number, status, run, error, step, provisioned_at, created_at, updated_at = row
    return {
        "cpo_id": str(number),
        "status": status,
        "status_url": f"/ocpi/cpos/{number}/status",
        "workflow_run_id": run,
        "error": raw(error),
        "progress": {"current_step": step} if status == "PROVISIONING" and step else None,
        "provisioned_at": provisioned_at,
        "created_at": created_at,
        "updated_at": updated_at,
    }
