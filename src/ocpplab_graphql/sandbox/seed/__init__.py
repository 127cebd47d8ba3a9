"""
The demo world: 3 CPOs, 250 locations in European cities, 1,000 chargers.

It is computed without chance and without a clock, so that it is the same, byte for byte, on every machine.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

from ocpplab_graphql.sandbox.clock import shifted
from ocpplab_graphql.sandbox.hardware import model_of
from ocpplab_graphql.sandbox.seed.cities import CITIES, City

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

_TIMEZONES = {
    "FR": "Europe/Paris",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "IT": "Europe/Rome",
    "CH": "Europe/Zurich",
    "MC": "Europe/Monaco",
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "CZ": "Europe/Prague",
    "PL": "Europe/Warsaw",
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "LU": "Europe/Luxembourg",
    "DK": "Europe/Copenhagen",
    "SE": "Europe/Stockholm",
    "NO": "Europe/Oslo",
}

_OPERATORS = {
    "FR": ("VINCI Autoroutes", "Indigo", "Q-Park", "EFFIA", "Izivia", "TotalEnergies"),
    "ES": ("Iberdrola", "Endesa X Way", "Saba", "Zunder"),
    "PT": ("EDP Comercial", "Galp Electric", "Saba"),
    "IT": ("Enel X Way", "Be Charge", "Saba"),
    "CH": ("evpass", "MOVE Mobility", "Parking Suisse"),
    "MC": ("Monaco Parkings",),
    "DE": ("EnBW mobility+", "APCOA", "Contipark", "Allego", "IONITY", "Aral pulse"),
    "AT": ("Wien Energie", "SMATRICS", "BOE Gebäudemanagement", "APCOA"),
    "CZ": ("ČEZ", "PRE"),
    "PL": ("GreenWay Polska", "Orlen Charge"),
    "NL": ("Q-Park", "Fastned", "Vattenfall InCharge", "Interparking"),
    "BE": ("Interparking", "Indigo", "Allego"),
    "LU": ("Chargy", "Indigo"),
    "DK": ("Clever", "Spirii", "APCOA"),
    "SE": ("Stockholm Parkering", "Vattenfall InCharge", "Mer"),
    "NO": ("Recharge", "Mer"),
}

_KINDS = (
    ("PARKING_GARAGE", {"FR": "Parking", "DE": "Parkhaus", "NL": "Parkeergarage"}, "Car Park"),
    ("ON_STREET", {"FR": "Station", "DE": "Ladestation", "NL": "Laadplein"}, "Charging Point"),
    (
        "UNDERGROUND_GARAGE",
        {"FR": "Parking", "DE": "Tiefgarage", "NL": "Parkeergarage"},
        "Underground Car Park",
    ),
    ("PARKING_LOT", {"FR": "Hub", "DE": "Ladepark", "NL": "Laadpark"}, "Charging Hub"),
)

_AC = (
    ("alfen", "eve-double-pro-line"),
    ("keba", "kecontact-p40"),
    ("schneider-electric", "evlink-pro-ac"),
    ("easee", "charge-pro"),
    ("abb", "terra-ac-w22"),
    ("zaptec", "pro"),
    ("mennekes", "amtron-professional"),
    ("wallbox", "pulsar-plus"),
)
_DC = (
    ("alpitronic", "hyc150"),
    ("alpitronic", "hyc300"),
    ("abb", "terra-184"),
    ("alpitronic", "hyc400"),
    ("siemens", "sicharge-d"),
    ("delta", "ufc-200"),
    ("tritium", "rtm75"),
)
_CHADEMO = (("abb", "terra-54-cj"), ("efacec", "qc45"))


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


def _chance(*parts: object) -> int:
    """A number of 64 bits that only depends on the parts."""
    text = ":".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


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
        "token_a": f"tok_a_{_chance('token', network.cpo):016x}",
        "location_count": location_count,
        "charger_count": len(units),
        "evse_count": connectors,
        "connector_count": connectors,
        "status": "READY",
        "workflow_run_id": f"wfr_{_chance('cpo', network.cpo):016x}",
        "provisioned_at": shifted(created_at, 42),
        "created_at": created_at,
        "updated_at": shifted(created_at, 42),
    }


def _add_location(world: World, network: _Network, city: City, site: int) -> None:
    number = len(world.locations) + 1
    chance = _chance("location", number)
    parking, words, english = _KINDS[chance % len(_KINDS)]
    place, address = city.sites[site]
    name = _site_name(city.country, words, english, place)
    created_at = shifted(_EPOCH, number * 26_000 + chance % 20_000)
    operators = _OPERATORS[city.country]
    size = _SIZES[(number - 1) % len(_SIZES)]
    slug = f"{_ascii(f'{city.name} {name}')}-{_chance('slug', number) >> 32:08x}"
    world.locations.append(
        {
            "id": number,
            "cpo_id": network.cpo,
            "organization_id": DEMO_ORGANIZATION,
            "slug": slug,
            "name": name,
            "address": _address(city.country, address),
            "city": city.name,
            "country": city.country,
            # Within a kilometre or so of the centre.
            "latitude": round(city.latitude + (chance % 1601 - 800) / 100_000, 5),
            "longitude": round(city.longitude + (chance // 1601 % 1601 - 800) / 100_000, 5),
            "timezone": _TIMEZONES[city.country],
            "owner_name": None if number % 17 == 0 else operators[chance // 7 % len(operators)],
            "public": None if number % 41 == 0 else number % 9 != 0,
            "parking_type": parking,
            "charger_count": size,
            "detailed": number % 10 == 5,
            "created_at": created_at,
            "updated_at": None if number % 23 == 0 else shifted(created_at, 3600 + chance % 900_000),
        }
    )
    prefix = f"{network.name_prefix}_{_ascii(city.name)}_{number:03d}".upper().replace("-", "_")
    for position in range(1, size + 1):
        world.chargers.append(
            _charger(len(world.chargers) + 1, number, f"{prefix}_{position:03d}", created_at)
        )


_FRENCH = {"FR", "MC", "LU"}
_GERMAN = {"DE", "AT"}


def _site_name(country: str, words: dict[str, str], english: str, place: str) -> str:
    if country in _FRENCH:
        return f"{words['FR']} {place}"
    if country in _GERMAN:
        return f"{words['DE']} {place}"
    if country == "NL":
        return f"{words['NL']} {place}"
    return f"{place} {english}"


def _address(country: str, written: str) -> str:
    """The address as its country writes it, from "12 Rue de Bercy"."""
    house, street = written.split(" ", 1)
    if country in _FRENCH:
        return written
    return f"{street}, {house}" if country in {"ES", "PT", "IT"} else f"{street} {house}"


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
        "ocpp_version": "OCPP2.0.1" if _chance("ocpp", location) % 3 == 0 else "OCPP1.6",
        "number_of_connectors": known.connectors,
        "max_charging_power": None if number % 97 == 0 else known.max_power_w,
        "connector_type": connector_type,
        "status": "READY",
        "workflow_run_id": f"wfr_{_chance('charger', number):016x}",
        "provisioned_at": shifted(created_at, 20),
        "created_at": created_at,
        "updated_at": None if number % 29 == 0 else shifted(created_at, 20),
    }


def _hardware(number: int, location: int) -> tuple[tuple[str, str], str]:
    """A location keeps to one AC and one DC model; every twentieth charger is an old CHAdeMO one."""
    if number % 20 == 0:
        return _CHADEMO[location % len(_CHADEMO)], "CHAdeMO"
    if (location + number) % 3 == 0 or location % 7 == 0:
        return _DC[_chance("dc", location) % len(_DC)], "CCS2"
    return _AC[_chance("ac", location) % len(_AC)], "Type2"


def _ascii(text: str) -> str:
    """`munchen-hauptbahnhof`: lower case, ASCII, words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())


_LETTERS = str.maketrans({"ø": "o", "ß": "ss", "ł": "l", "æ": "ae", "đ": "d"})
