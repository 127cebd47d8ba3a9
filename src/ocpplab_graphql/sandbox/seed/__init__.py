"""
The demo world: 3 CPOs, 250 locations in European cities, 1,000 chargers.

It is computed without chance and without a clock, so that it is the same, byte for byte, on every machine.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ocpplab_graphql.sandbox.clock import shifted
from ocpplab_graphql.sandbox.hardware import model_of
from ocpplab_graphql.sandbox.seed.cities import CITIES, City
from ocpplab_graphql.sandbox.seed.places import (
    AC_MODELS,
    CHADEMO_MODELS,
    DC_MODELS,
    KINDS,
    OPERATORS,
    TIMEZONES,
    ascii_words,
    chance_of,
    site_name,
    written_address,
)

__all__ = ["DEMO_ORGANIZATION", "World", "demo_world"]

DEMO_ORGANIZATION = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"

_EPOCH = "2025-03-03T08:00:00Z"

# Chargers per location, over and over: 40 for each ten locations, 1,000 for 250.
_SIZES = (4, 2, 6, 1, 3, 8, 4, 2, 6, 4)


class World(NamedTuple):
    """Rows for the tables of the same names."""

    organizations: list[dict[str, Any]]
    cpos: list[dict[str, Any]]
    locations: list[dict[str, Any]]
    chargers: list[dict[str, Any]]


class _Network(NamedTuple):
    cpo: int
    country: str
    party: str
    name_prefix: str
    template: str


_NETWORKS = (
    _Network(101, "FR", "VLT", "demo", "small-urban-ac"),
    _Network(102, "DE", "RHN", "rhein", "mixed-depot"),
    _Network(103, "NL", "PLD", "polder", "highway-dc"),
)


def demo_world() -> World:
    """The whole world as rows."""
    world = World([{"id": DEMO_ORGANIZATION, "name": "demo", "created_at": _EPOCH}], [], [], [])
    for network, cities in zip(_NETWORKS, CITIES, strict=True):
        first_location, first_charger = len(world.locations), len(world.chargers)
        for city, site in _sites(cities):
            _add_location(world, network, city, site)
        world.cpos.append(
            _cpo(network, len(world.locations) - first_location, world.chargers[first_charger:])
        )
    return world


def _sites(cities: tuple[City, ...]) -> Iterator[tuple[City, int]]:
    """Site by site through all cities, so that neighbours in a list lie in different cities."""
    for site in range(4):
        for city in cities:
            if site < len(city.sites):
                yield city, site


def _cpo(network: _Network, location_count: int, units: list[dict[str, Any]]) -> dict[str, Any]:
    connectors = sum(unit["number_of_connectors"] for unit in units)
    created_at = shifted(_EPOCH, (network.cpo - 101) * 86_400)
    return {
        "id": network.cpo,
        "organization_id": DEMO_ORGANIZATION,
        "country_code": network.country,
        "party_id": network.party,
        "role": "CPO",
        "name_prefix": network.name_prefix,
        "template": network.template,
        "template_version": 1,
        "token_a": f"tok_a_{chance_of('token', network.cpo):016x}",
        "location_count": location_count,
        "charger_count": len(units),
        "evse_count": connectors,
        "connector_count": connectors,
        "status": "READY",
        "workflow_run_id": f"wfr_{chance_of('cpo', network.cpo):016x}",
        "provisioned_at": shifted(created_at, 42),
        "created_at": created_at,
        "updated_at": shifted(created_at, 42),
    }


def _add_location(world: World, network: _Network, city: City, site: int) -> None:
    number = len(world.locations) + 1
    chance = chance_of("location", number)
    parking, words, english = KINDS[chance % len(KINDS)]
    place, address = city.sites[site]
    name = site_name(city.country, words, english, place)
    created_at = shifted(_EPOCH, number * 26_000 + chance % 20_000)
    operators = OPERATORS[city.country]
    size = _SIZES[(number - 1) % len(_SIZES)]
    slug = f"{ascii_words(f'{city.name} {name}')}-{chance_of('slug', number) >> 32:08x}"
    world.locations.append(
        {
            "id": number,
            "cpo_id": network.cpo,
            "organization_id": DEMO_ORGANIZATION,
            "slug": slug,
            "name": name,
            "address": written_address(city.country, address),
            "city": city.name,
            "country": city.country,
            # Within a kilometre or so of the centre.
            "latitude": round(city.latitude + (chance % 1601 - 800) / 100_000, 5),
            "longitude": round(city.longitude + (chance // 1601 % 1601 - 800) / 100_000, 5),
            "timezone": TIMEZONES[city.country],
            "owner_name": None if number % 17 == 0 else operators[chance // 7 % len(operators)],
            "public": None if number % 41 == 0 else number % 9 != 0,
            "parking_type": parking,
            "charger_count": size,
            "detailed": number % 10 == 5,
            "created_at": created_at,
            "updated_at": None if number % 23 == 0 else shifted(created_at, 3600 + chance % 900_000),
        }
    )
    prefix = f"{network.name_prefix}_{ascii_words(city.name)}_{number:03d}".upper().replace("-", "_")
    for position in range(1, size + 1):
        world.chargers.append(
            _charger(len(world.chargers) + 1, number, f"{prefix}_{position:03d}", created_at)
        )


def _charger(number: int, location: int, identity: str, since: str) -> dict[str, Any]:
    (brand, model), connector_type = _hardware(number, location)
    known = model_of(brand, model)
    created_at = shifted(since, 60 * (number % 30))
    return {
        "id": number,
        "location_id": location,
        "organization_id": DEMO_ORGANIZATION,
        "identity": identity,
        "name": None if number % 19 == 0 else f"{known.vendor} {identity[-3:]}",
        "vendor_name": known.vendor,
        "model": known.model,
        "image_url": None
        if number % 13 == 0
        else f"https://images.ocpplab.test/chargers/{brand}/{model}.webp",
        "ocpp_version": "OCPP2.0.1" if chance_of("ocpp", location) % 3 == 0 else "OCPP1.6",
        "number_of_connectors": known.connectors,
        "max_charging_power": None if number % 97 == 0 else known.max_power_w,
        "connector_type": connector_type,
        "status": "READY",
        "workflow_run_id": f"wfr_{chance_of('charger', number):016x}",
        "provisioned_at": shifted(created_at, 20),
        "created_at": created_at,
        "updated_at": None if number % 29 == 0 else shifted(created_at, 20),
    }


def _hardware(number: int, location: int) -> tuple[tuple[str, str], str]:
    """A location keeps to one AC and one DC model; every twentieth charger is an old CHAdeMO one."""
    if number % 20 == 0:
        return CHADEMO_MODELS[location % len(CHADEMO_MODELS)], "CHAdeMO"
    if (location + number) % 3 == 0 or location % 7 == 0:
        return DC_MODELS[chance_of("dc", location) % len(DC_MODELS)], "CCS2"
    return AC_MODELS[chance_of("ac", location) % len(AC_MODELS)], "Type2"
