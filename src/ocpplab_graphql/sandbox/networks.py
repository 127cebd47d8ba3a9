"""
What a new CPO consists of: its locations and chargers, computed from a seed.

The same seed and template give the same content: names, addresses, coordinates, models, slugs, and the
identities after the name prefix. Nothing else of the request matters to it, so that two tenants can compare
notes; a larger network by `overrides` begins with the smaller one's locations.

Source: gateway contract, C2.
"""

from typing import NamedTuple

from ocpplab_graphql.sandbox.construction import ChargerPlan, LocationPlan
from ocpplab_graphql.sandbox.seed.cities import CITIES, City
from ocpplab_graphql.sandbox.seed.places import (
    AC_MODELS,
    DC_MODELS,
    KINDS,
    OPERATORS,
    TIMEZONES,
    ascii_words,
    chance_of,
    site_name,
    written_address,
)
from ocpplab_graphql.sandbox.templates import CpoTemplate

__all__ = ["NetworkSize", "network_plans", "size_of"]

_SITES = [(city, site, address) for cities in CITIES for city in cities for site, address in city.sites]


class NetworkSize(NamedTuple):
    """How many locations, and how many chargers in each."""

    locations: int
    chargers_per_location: int


def size_of(template: CpoTemplate, locations: int | None, chargers_per_location: int | None) -> NetworkSize:
    """The template's own counts, where nothing else was asked for."""
    return NetworkSize(
        template.locations if locations is None else locations,
        template.chargers // template.locations if chargers_per_location is None else chargers_per_location,
    )


def network_plans(
    template: CpoTemplate, seed: int, name_prefix: str, size: NetworkSize
) -> list[LocationPlan]:
    """The locations of a CPO."""
    chosen = sorted(range(len(_SITES)), key=lambda n: chance_of("site", seed, template.slug, n))
    return [
        _location(template, seed, name_prefix, number, _SITES[place], size.chargers_per_location)
        for number, place in enumerate(chosen[: size.locations], 1)
    ]


def _location(
    template: CpoTemplate, seed: int, prefix: str, number: int, place: tuple[City, str, str], count: int
) -> LocationPlan:
    city, site, address = place
    chance = chance_of("network", seed, template.slug, number)
    parking, words, english = KINDS[chance % len(KINDS)]
    operators = OPERATORS[city.country]
    label = f"{prefix}_{ascii_words(city.name).upper().replace('-', '_')}_{number:02d}"
    return LocationPlan(
        name=site_name(city.country, words, english, site),
        address=written_address(city.country, address),
        city=city.name,
        country=city.country,
        # Within a kilometre or so of the centre.
        latitude=round(city.latitude + (chance % 1601 - 800) / 100_000, 5),
        longitude=round(city.longitude + (chance // 1601 % 1601 - 800) / 100_000, 5),
        timezone=TIMEZONES[city.country],
        owner_name=operators[chance // 7 % len(operators)],
        public=True,
        parking_type=parking,
        chargers=[
            _charger(template, f"{label}_{position + 1:03d}", chance, position) for position in range(count)
        ],
        slug_tail=f"{chance >> 32:08x}",
    )


def _charger(template: CpoTemplate, identity: str, chance: int, position: int) -> ChargerPlan:
    """A location keeps to one AC and one DC model."""
    direct, ocpp_version = template.pattern[position % len(template.pattern)]
    models = DC_MODELS if direct else AC_MODELS
    brand, model = models[chance // 97 % len(models)]
    return ChargerPlan(
        identity=identity,
        brand_slug=brand,
        model_slug=model,
        connector_type="CCS2" if direct else "Type2",
        ocpp_version=ocpp_version,
    )
