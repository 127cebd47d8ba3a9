"""
Building locations with their chargers: the rows, and the counts above them.

A plan is plain data that travels as JSON in a job's item. It is complete: templates and prefixes are settled
when a job is accepted, so that what a worker makes of it does not depend on when or where it runs.
"""

import re
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.hardware import ChargerModel, model_of
from ocpplab_graphql.sandbox.models import chargers, cpos, locations
from ocpplab_graphql.sandbox.requests import BulkLocations, RawLocation, TemplateLocation
from ocpplab_graphql.sandbox.templates import BY_SLUG, TemplateGroup

__all__ = ["ChargerPlan", "CpoGoneError", "LocationPlan", "create_locations", "location_plans", "slug_of"]


class ChargerPlan(msgspec.Struct, frozen=True):
    """A charger to be."""

    identity: str
    brand_slug: str
    model_slug: str
    connector_type: str
    ocpp_version: str


class LocationPlan(msgspec.Struct, frozen=True):
    """A location to be."""

    name: str
    address: str
    city: str
    country: str
    latitude: float
    longitude: float
    timezone: str | None
    owner_name: str | None
    public: bool | None
    parking_type: str | None
    chargers: list[ChargerPlan]
    # The hexadecimal end of the slug; None is chance.
    slug_tail: str | None = None


def location_plans(body: BulkLocations) -> list[LocationPlan]:
    """
    A plan per item, in the items' order. Every template must exist.

    A slug that occurs several times without an identity prefix of its own gets `L01_`, `L02_`, … in the
    order of its items. Source: gateway contract, L2.
    """
    repeated = _repeated_slugs(body)
    seen: dict[str, int] = {}
    plans = []
    for item in body.locations:
        if isinstance(item, RawLocation):
            plans.append(_from_raw(item))
            continue
        distinction = ""
        if item.template in repeated and item.overrides.identity_prefix is None:
            seen[item.template] = seen.get(item.template, 0) + 1
            distinction = f"L{seen[item.template]:02d}_"
        plans.append(_from_template(item, distinction))
    return plans


def _repeated_slugs(body: BulkLocations) -> set[str]:
    slugs = [
        item.template
        for item in body.locations
        if isinstance(item, TemplateLocation) and item.overrides.identity_prefix is None
    ]
    return {slug for slug in slugs if slugs.count(slug) > 1} if len(slugs) > 1 else set()


def _from_raw(item: RawLocation) -> LocationPlan:
    return LocationPlan(
        name=item.name,
        address=item.address,
        city=item.city,
        country=item.country,
        latitude=item.coordinates.latitude,
        longitude=item.coordinates.longitude,
        timezone=item.timezone,
        owner_name=item.owner_name,
        public=item.public,
        parking_type=item.parking_type,
        chargers=[
            ChargerPlan(
                identity=group.template.identity_prefix + charger_id,
                brand_slug=group.template.brand_slug,
                model_slug=group.template.model_slug,
                connector_type=group.template.connector_type,
                ocpp_version=group.template.ocpp_version,
            )
            for group in item.charges
            for charger_id in group.charger_ids
        ],
    )


def _from_template(item: TemplateLocation, distinction: str) -> LocationPlan:
    template, own = BY_SLUG[item.template], item.overrides
    point = own.coordinates
    return LocationPlan(
        name=own.name or template.name,
        address=own.address or template.address,
        city=own.city or template.city,
        country=own.country or template.country,
        latitude=point.latitude if point else template.latitude,
        longitude=point.longitude if point else template.longitude,
        timezone=own.timezone or template.timezone,
        # Owner is the one field whose null means something: nobody's.
        owner_name=own.owner_name if "owner_name" in own.model_fields_set else template.owner_name,
        public=True if own.public is None else own.public,
        parking_type=own.parking_type or template.parking_type,
        chargers=_template_chargers(item, template.groups, distinction),
    )


def _template_chargers(
    item: TemplateLocation, groups: tuple[TemplateGroup, ...], distinction: str
) -> list[ChargerPlan]:
    own = item.overrides
    plans: list[ChargerPlan] = []
    numbered: dict[str, int] = {}
    for group in groups:
        prefix = group.identity_prefix if own.identity_prefix is None else own.identity_prefix
        for _ in range(group.charger_count):
            # Groups that share a prefix count on, so that no identity occurs twice.
            numbered[prefix] = numbered.get(prefix, 0) + 1
            plans.append(
                ChargerPlan(
                    identity=f"{distinction}{prefix}{numbered[prefix]:03d}",
                    brand_slug=group.brand_slug,
                    model_slug=group.model_slug,
                    connector_type=group.connector_type,
                    ocpp_version=own.ocpp_version or group.ocpp_version,
                )
            )
    return plans


def slug_of(name: str, tail: str) -> str:
    """`la-defense-charging-hub-ab12cd34`: the name in ASCII, and a tail that makes it unique."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{words[:60]}-{tail}" if words else tail


class CpoGoneError(Exception):
    """The CPO that something was to be built for is not there any more."""


async def create_locations(
    connection: AsyncConnection, organization: str, cpo: int, plans: Sequence[LocationPlan]
) -> list[int]:
    """
    Insert locations with their chargers, and count them on their CPO. Returns their rows, in order.

    Raises:
        CpoGoneError: the CPO was deleted. It is asked first, so that its row is locked before any other.

    """
    moment = now()
    units = [[(unit, model_of(unit.brand_slug, unit.model_slug)) for unit in plan.chargers] for plan in plans]
    connectors = sum(model.connectors for inside in units for _unit, model in inside)
    counted = await connection.execute(
        _COUNT_UP,
        {
            "cpo": cpo,
            "more_locations": len(plans),
            "more_chargers": sum(len(plan.chargers) for plan in plans),
            "more_connectors": connectors,
            "moment": moment,
        },
    )
    if counted.rowcount != 1:
        raise CpoGoneError
    rows = [_location_row(organization, cpo, plan, moment) for plan in plans]
    made: list[int] = list((await connection.scalars(_ADD_LOCATIONS, rows)).all())
    inside = [
        _charger_row(organization, location, unit, model, moment)
        for location, group in zip(made, units, strict=True)
        for unit, model in group
    ]
    if inside:
        await connection.execute(_ADD_CHARGERS, inside)
    return made


_ADD_LOCATIONS = insert(locations).returning(locations.c.id, sort_by_parameter_order=True)
_ADD_CHARGERS = insert(chargers)
_COUNT_UP = (
    update(cpos)
    .where(cpos.c.id == bindparam("cpo"))
    .values(
        location_count=cpos.c.location_count + bindparam("more_locations"),
        charger_count=cpos.c.charger_count + bindparam("more_chargers"),
        evse_count=cpos.c.evse_count + bindparam("more_connectors"),
        connector_count=cpos.c.connector_count + bindparam("more_connectors"),
        updated_at=bindparam("moment"),
    )
)


def _location_row(organization: str, cpo: int, plan: LocationPlan, moment: str) -> dict[str, Any]:
    return {
        "cpo_id": cpo,
        "organization_id": organization,
        "slug": slug_of(plan.name, plan.slug_tail or uuid.uuid4().hex[:8]),
        "name": plan.name,
        "address": plan.address,
        "city": plan.city,
        "country": plan.country,
        "latitude": plan.latitude,
        "longitude": plan.longitude,
        "timezone": plan.timezone,
        "owner_name": plan.owner_name,
        "public": plan.public,
        "parking_type": plan.parking_type,
        "charger_count": len(plan.chargers),
        "detailed": False,
        "created_at": moment,
        "updated_at": moment,
    }


def _charger_row(
    organization: str, location: int, plan: ChargerPlan, known: ChargerModel, moment: str
) -> dict[str, Any]:
    return {
        "location_id": location,
        "organization_id": organization,
        "identity": plan.identity,
        "name": plan.identity,
        "vendor_name": known.vendor,
        "model": known.model,
        "image_url": f"https://images.ocpplab.test/chargers/{plan.brand_slug}/{plan.model_slug}.webp",
        "ocpp_version": plan.ocpp_version,
        "number_of_connectors": known.connectors,
        "max_charging_power": known.max_power_w,
        "connector_type": plan.connector_type,
        "status": "READY",
        "workflow_run_id": f"wfr_{uuid.uuid4().hex[:12]}",
        "provisioned_at": moment,
        "created_at": moment,
        "updated_at": moment,
    }
