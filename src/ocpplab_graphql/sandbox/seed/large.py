"""A world of any size, for measuring; and taking every world away."""

from collections.abc import Callable

from sqlalchemy import delete, func, insert, select, text

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.construction import ChargerPlan, LocationPlan, create_locations
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import (
    chargers,
    cpos,
    idempotency_keys,
    job_items,
    jobs,
    locations,
    meta,
    organizations,
)
from ocpplab_graphql.sandbox.parties import free_party
from ocpplab_graphql.sandbox.seed import DEMO_ORGANIZATION
from ocpplab_graphql.sandbox.seed.cities import CITIES
from ocpplab_graphql.sandbox.seed.places import OPERATORS, TIMEZONES, written_address
from ocpplab_graphql.sandbox.store import add_organization

__all__ = ["clear", "counts", "sow_large"]

_BATCH = 500

_CONTENT = (chargers, job_items, jobs, locations, idempotency_keys, cpos, organizations)


async def sow_large(database: Database, count: int, units: int, tell: Callable[[int], None]) -> int:
    """
    Add a CPO with so many locations of so many chargers. Returns its row.

    In transactions of a few hundred, so that a running sandbox goes on and an interrupted one leaves a
    smaller but right world.
    """
    moment = now()
    async with database.writing() as connection:
        await add_organization(connection, DEMO_ORGANIZATION, "demo")
        row = {
            "organization_id": DEMO_ORGANIZATION,
            "country_code": "FR",
            "party_id": await free_party(connection, DEMO_ORGANIZATION, "FR", "BIG"),
            "role": "CPO",
            "name_prefix": "large",
            "template": "small-urban-ac",
            "template_version": 1,
            "token_a": "tok_a_large",
            "status": "READY",
            "provisioned_at": moment,
            "created_at": moment,
            "updated_at": moment,
        }
        cpo: int = (await connection.execute(insert(cpos).returning(cpos.c.id), row)).scalar_one()
    for first in range(0, count, _BATCH):
        plans = [_plan(number, units) for number in range(first + 1, min(first + _BATCH, count) + 1)]
        async with database.writing() as connection:
            await create_locations(connection, DEMO_ORGANIZATION, cpo, plans)
        tell(first + len(plans))
    return cpo


_SITES = [(city, site, address) for cities in CITIES for city in cities for site, address in city.sites]


def _plan(number: int, units: int) -> LocationPlan:
    city, site, address = _SITES[number % len(_SITES)]
    return LocationPlan(
        name=f"{site} {number}",
        address=written_address(city.country, address),
        city=city.name,
        country=city.country,
        latitude=city.latitude,
        longitude=city.longitude,
        timezone=TIMEZONES[city.country],
        owner_name=OPERATORS[city.country][0],
        public=True,
        parking_type="ON_STREET",
        chargers=[
            ChargerPlan(f"LARGE_{number:07d}_{unit:03d}", "keba", "kecontact-p40", "Type2", "OCPP1.6")
            for unit in range(1, units + 1)
        ],
    )


async def counts(database: Database) -> dict[str, int]:
    """How much there is."""
    kinds = {"organizations": organizations, "CPOs": cpos, "locations": locations, "chargers": chargers}
    async with database.reading() as connection:
        return {
            what: await connection.scalar(select(func.count()).select_from(table)) or 0
            for what, table in kinds.items()
        }


async def clear(database: Database) -> None:
    """
    Take everything away in one transaction, so that a running sandbox sees all or nothing. The tables stay.

    Numbers start anew, as in a new database.
    """
    async with database.writing() as connection:
        for table in _CONTENT:
            await connection.execute(delete(table))
        await connection.execute(delete(meta).where(meta.c.key == "seed"))
        if connection.dialect.name == "postgresql":
            for table in (cpos, locations, chargers, job_items):
                await connection.execute(text(f"ALTER SEQUENCE {table.name}_id_seq RESTART"))
        else:
            await connection.execute(text("DELETE FROM sqlite_sequence"))
