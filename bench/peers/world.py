"""
The rows that the benchmark's gateway serves, as the contract words them; the same on every machine.

50 CPOs of 120 locations of 4 chargers. They are written to a file of rows that the stub serves as they are.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CPOS = 50
LOCATIONS_EACH = 120
CHARGERS_EACH = 4

_CITIES = [
    ("Paris", "FR", "Europe/Paris", 48.8566, 2.3522, "Rue de la Paix"),
    ("Lyon", "FR", "Europe/Paris", 45.764, 4.8357, "Cours Gambetta"),
    ("Köln", "DE", "Europe/Berlin", 50.9375, 6.9603, "Hohe Straße"),
    ("Utrecht", "NL", "Europe/Amsterdam", 52.0907, 5.1214, "Oudegracht"),
    ("København", "DK", "Europe/Copenhagen", 55.6761, 12.5683, "Nørrebrogade"),
    ("Kraków", "PL", "Europe/Warsaw", 50.0647, 19.945, "ulica Długa"),
    ("Málaga", "ES", "Europe/Madrid", 36.7213, -4.4214, "Calle Larios"),
]
_SITES = ["Charging Hub", "Parking Centre", "Station Nord", "Retail Park", "Riverside"]
_CONNECTORS = ["CCS2", "Type2", "CHAdeMO", "CCS2"]
_OWNERS = ["VINCI Autoroutes", "Stadtwerke", "Q-Park", None]
_ORGANIZATION = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"

Row = dict[str, Any]


def cpo_ids() -> list[str]:
    """In the gateway's order."""
    return [str(101 + n) for n in range(CPOS)]


def location_id(cpo_id: str, number: int) -> str:
    """Of the location with this number, from 1, of a CPO."""
    return f"loc-{cpo_id}-{number}"


def cpo_row(cpo_id: str) -> Row:
    """An item of C1, and the body of C4."""
    chargers = LOCATIONS_EACH * CHARGERS_EACH
    day = int(cpo_id) % 28 + 1
    return {
        "cpo_id": cpo_id,
        "party": {"country_code": "FR", "party_id": f"A{int(cpo_id) % 100:02d}", "role": "CPO"},
        "name_prefix": f"network{cpo_id}",
        "template": "small-urban-ac",
        "template_version": 1,
        "token_a": None,
        "ocpi_peer_url": "https://api.ocpplab.test/ocpi/2.2.1/versions",
        "roam_helper": None,
        "topology": {
            "locations": LOCATIONS_EACH,
            "chargers": chargers,
            "evses": chargers,
            "connectors": chargers,
        },
        "expires_at": None,
        "report_url": f"/ocpi/cpos/{cpo_id}/report",
        "destroy_url": f"/ocpi/cpos/{cpo_id}",
        "created_at": f"2026-03-{day:02d}T08:00:00Z",
        "updated_at": f"2026-04-{day:02d}T08:00:00Z",
    }


def location_row(cpo_id: str, number: int) -> Row:
    """An item of L1, and the body of L4."""
    own_id = location_id(cpo_id, number)
    turn = int(cpo_id) + number
    city, country, timezone, latitude, longitude, street = _CITIES[turn % len(_CITIES)]
    moment = f"2026-04-{turn % 28 + 1:02d}T{turn % 24:02d}:{number % 60:02d}:30Z"
    return {
        "id": own_id,
        "ocpp_location_id": f"ocpp-{own_id}",
        "organization_id": _ORGANIZATION,
        "slug": f"{city.lower()}-{cpo_id}-{number}-{turn * 2654435761 % 2**32:08x}",
        "name": f"{city} {_SITES[turn % len(_SITES)]} {number}",
        "address": f"{number} {street}",
        "city": city,
        "country": country,
        "coordinates": {
            "latitude": round(latitude + number / 10_000, 6),
            "longitude": round(longitude - number / 10_000, 6),
        },
        "timezone": timezone,
        "owner_name": _OWNERS[turn % len(_OWNERS)],
        "public": number % 3 != 0,
        "chargers": [_summary(cpo_id, number, k) for k in range(CHARGERS_EACH)],
        "created_at": moment,
        "updated_at": moment,
    }


def _summary(cpo_id: str, number: int, k: int) -> Row:
    return {
        "id": f"dep-{cpo_id}-{number}-{k + 1}",
        "identity": f"SITE_{cpo_id}_{number:03d}_{k + 1:03d}",
        "connector_type": _CONNECTORS[k % len(_CONNECTORS)],
        "ocpp_version": ("OCPP1.6", "OCPP2.0.1")[k % 2],
    }


def lists() -> Iterator[tuple[str, list[tuple[str, Row]]]]:
    """Path of each list, and its rows by id."""
    yield "/ocpi/cpos", [(cpo_id, cpo_row(cpo_id)) for cpo_id in cpo_ids()]
    for cpo_id in cpo_ids():
        numbers = range(1, LOCATIONS_EACH + 1)
        rows = [(location_id(cpo_id, number), location_row(cpo_id, number)) for number in numbers]
        yield f"/ocpi/cpos/{cpo_id}/locations", rows


def write(path: Path) -> None:
    """
    The file that the stub reads.

    Per list: its path and the number of its rows; per row: id and JSON. A text is its length, then its bytes;
    numbers are 32 bits, little-endian.
    """
    with path.open("wb") as file:
        for list_path, rows in lists():
            file.write(_text(list_path.encode()) + struct.pack("<I", len(rows)))
            for row_id, row in rows:
                body = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()
                file.write(_text(row_id.encode()) + _text(body))


def _text(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content
